"""ND responder: who asks for the IPv6 address of a known host is answered by the bridge it asks (neighbour discovery, RFC 4861).

A host's first advertisement of an address is copied to us, for it says whether the host is a router: one that is answered for
as if it were none is struck from the list of default routers by whoever asked. From then on flows of ANSWER turn solicitations
of that address into advertisements, and a flow of ADVERTISE, which all of them share, writes the address of the target into
their option: Open vSwitch takes that from a flow that matches advertisements, not from the one that makes them.

Solicitations to the multicast group of the address are answered where they enter by an edge port. These go on to the owner:

* unicast solicitations, by which hosts find out whether the owner is still there;
* those from `::`, duplicate address detection, and those without the sender's link-layer address, which nobody can answer so;
* what the owner asks about itself, and what is asked on the owner's own port;
* what an isolated port asks about another one, which it may not reach.
"""

from controller.app import App, on, rules
from controller.model import EVERYWHERE, Address, Attachment, Bridge, Host, IPv6, Mac, Network, PacketIn, Pipeline, Row, key
from controller.packet import ADVERTISEMENT, ROUTER_ADVERTISEMENT, SOLICITATION, advertises_router, sender_address
from controller.pipeline import (
    ANSWER,
    NEXT,
    UNSERVICE,
    Stage,
    controller,
    load,
    move,
    set_field,
    to,
)

SEEN = 128  # bytes of an advertisement that are copied
COPIES = 100  # advertisements a second that a bridge may send to the controller
ROUTER, SOLICITED, OVERRIDE = 1 << 31, 1 << 30, 1 << 29  # flags of an advertisement
TARGET = 2  # the option that holds the link-layer address of the target
OURS = 0  # no port: the input port of what the bridge answers itself
ADVERTISE = Stage("ADVERTISE", after=ANSWER)


class Advertised(Row, kept=True):
    """A host has advertised this address itself, as a router or as none."""

    network: str = key()
    ip: IPv6 = key()
    mac: Mac = Mac(0)
    router: bool = False


class NdResponder(App, stages=(ANSWER, ADVERTISE)):
    """Answers IPv6 neighbour solicitations for known hosts in the bridge where they are asked."""

    @on(PacketIn)
    def learn(self, packet, tx):
        network, router = tx.where(Network, number=packet.network), advertises_router(packet.data)
        if not network or router is None:
            return
        name, mac, ip = network[0].name, packet.eth_src, sender_address(packet.data)
        if ip is None:  # a router advertisement: ask again what it says of its addresses
            for said in tx.where(Advertised, network=name, mac=mac, router=False):
                tx.drop(said)
        elif isinstance(ip, IPv6) and tx.get(Address, name, ip) == Address(name, ip, mac):
            tx.put(Advertised(name, ip, mac, router))

    @rules(each=Pipeline)
    def everywhere(self, pipeline):
        why, asked = "duplicate address detection is for the owner", SOLICITATION
        yield ANSWER.flow(NEXT, icmpv6_type=asked, ipv6_src=IPv6(0), priority=120, why=why).on(pipeline)
        yield ANSWER.flow(NEXT, icmpv6_type=asked, nd_sll=Mac(0), priority=120, why="it does not say whom to answer").on(pipeline)
        option = move("eth_src", "nd_tll"), to(UNSERVICE)
        yield ADVERTISE.flow(*option, in_port=OURS, icmpv6_type=ADVERTISEMENT, why="the bridge's own answer").on(pipeline)

    @rules(each=Bridge)
    def copies(self, bridge, rows):
        meter = rows.meter("neighbour", bridge.bridge, pps=COPIES, burst=COPIES)
        yield meter
        for kind in (ROUTER_ADVERTISEMENT, ADVERTISEMENT):
            yield ANSWER.flow(controller(SEEN, meter=meter.number), NEXT, icmpv6_type=kind, why="says whether it is a router")

    @rules(each=Address)
    def answer(self, address, rows):
        ip, mac, name = address.ip, address.mac, address.network
        if not isinstance(ip, IPv6):
            return
        network = rows.value(Network, name, field="number")
        host, said = rows.need(Host, name, mac), rows.get(Advertised, name, ip)
        if ip not in host.ips or said is None or said.mac != mac:
            return
        about = {"network": network, "nd_target": ip, "vlan_vid": 0}
        source = {"in_port": host.port, "eth_src": mac, "icmpv6_type": ADVERTISEMENT}
        yield ANSWER.flow(NEXT, **about, **source, priority=120, why=f"it is known how {ip} advertises itself").on(host.bridge)
        asked = {"icmpv6_type": SOLICITATION, **about}
        at = rows.get(Attachment, host.bridge, host.port, name)
        group = {"eth_dst": solicited(ip), "nw_ttl": 255, "icmpv6_code": 0}  # 255: no router has passed it on
        if at is not None and at.isolated:
            group["isolated"] = 0
        answered = ANSWER.flow(*advertisement(mac, ip, said.router), **asked, **group, why=f"{ip} is {mac}")
        yield answered.on(EVERYWHERE)
        yield ANSWER.flow(NEXT, **asked, eth_src=mac, priority=120, why=f"{ip} asks for itself").on(EVERYWHERE)
        yield ANSWER.flow(NEXT, **asked, in_port=host.port, priority=120, why=f"{ip} hears it").on(host.bridge)


def solicited(ip):
    """The Ethernet address of the group in which the owner of an address hears solicitations (RFC 4291, 2464)."""
    return Mac(b"\x33\x33\xff" + ip[13:])


def advertisement(mac, ip, router):
    """Actions that make of a solicitation its advertisement, and send it back to the port it came in by."""
    return (
        move("eth_src", "eth_dst"),
        set_field(eth_src=mac),
        move("ipv6_src", "ipv6_dst"),
        set_field(ipv6_src=ip),
        set_field(nd_options_type=TARGET),
        set_field(nd_reserved=SOLICITED | OVERRIDE | (ROUTER if router else 0)),
        set_field(icmpv6_type=ADVERTISEMENT),
        move("in_port", "out_port"),
        move("to_bridge", "in_port"),  # 0, no port: Open vSwitch sends nothing to the one that a frame came in by
        load("isolated", 0),  # the bridge answers, not an isolated port
        to(ADVERTISE),
    )
