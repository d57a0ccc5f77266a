"""ARP responder: who asks for the address of a known host is answered by the bridge it asks, and the question floods nowhere.

From the Address rows that `l2_learning` keeps follow flows of ANSWER, which turn the request into its reply (RFC 826) and send
it back. Only broadcast requests that enter by an edge port are answered. These go on to the owner of the address instead:

* unicast requests, by which hosts find out whether the owner is still there;
* probes, from 0.0.0.0, and announcements, sender and target the same: duplicate address detection (RFC 5227);
* what the owner asks about itself, and what is asked on the owner's own port: there the owner hears it, and an answer would
  tell a switch behind that port that the owner is behind us;
* what an isolated port asks about another one, which it may not reach.
"""

from controller.app import App, rules
from controller.model import EVERYWHERE, Address, Attachment, Host, IPv4, Mac, Network, Pipeline
from controller.pipeline import ANSWER, NEXT, UNSERVICE, load, move, set_field, to

REQUEST, REPLY = 1, 2
BROADCAST = Mac("ff:ff:ff:ff:ff:ff")
NOBODY = IPv4(0)


class ArpResponder(App, stages=(ANSWER,)):
    """Answers ARP requests for known hosts in the bridge where they are asked."""

    @rules(each=Pipeline)
    def probes(self, pipeline):
        yield ANSWER.flow(NEXT, arp_op=REQUEST, arp_spa=NOBODY, priority=120, why="a probe is for the owner").on(pipeline)

    @rules(each=Address)
    def answer(self, address, rows):
        ip, mac = address.ip, address.mac
        if not isinstance(ip, IPv4):
            return
        number = rows.value(Network, address.network, field="number")
        host = rows.need(Host, address.network, mac)
        if ip not in host.ips:
            return
        asked = {"network": number, "arp_op": REQUEST, "arp_tpa": ip, "vlan_vid": 0}
        at = rows.get(Attachment, host.bridge, host.port, address.network)
        whoever = asked | {"isolated": 0} if at is not None and at.isolated else asked
        yield ANSWER.flow(*reply(mac, ip), **whoever, eth_dst=BROADCAST, why=f"{ip} is {mac}").on(EVERYWHERE)
        yield ANSWER.flow(NEXT, **asked, arp_spa=ip, priority=120, why=f"somebody announces {ip}").on(EVERYWHERE)
        yield ANSWER.flow(NEXT, **asked, eth_src=mac, priority=120, why=f"{ip} asks for itself").on(EVERYWHERE)
        yield ANSWER.flow(NEXT, **asked, in_port=host.port, priority=120, why=f"{ip} hears it").on(host.bridge)


def reply(mac, ip):
    """Actions that make of a request its reply, and send it back to the port it came in by."""
    return (
        move("eth_src", "eth_dst"),
        set_field(eth_src=mac),
        set_field(arp_op=REPLY),
        move("arp_sha", "arp_tha"),
        move("arp_spa", "arp_tpa"),
        set_field(arp_sha=mac),
        set_field(arp_spa=ip),
        move("in_port", "out_port"),
        move("to_bridge", "in_port"),  # 0, no port: Open vSwitch sends nothing to the one that a frame came in by
        load("isolated", 0),  # the bridge answers, not an isolated port
        to(UNSERVICE),
    )
