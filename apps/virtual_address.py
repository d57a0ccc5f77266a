"""Virtual addresses: each bridge answers for them as a host does, and nobody else may.

Its MAC address is made from numbers that are kept, so that it is the same on every bridge and after a restart. ARP requests,
neighbour solicitations and pings are answered where they are asked. With `dsr` backends have the virtual address too; what they
say about it is not learned and does not pass, while their questions about others are answered as always.
"""

from apps.arp_responder import REQUEST, reply
from apps.nd_responder import ADVERTISE, advertisement
from apps.service_tables import Serving, family, ip
from controller.app import App, derives, rules
from controller.model import Attachment, IPv4, IPv6, Mac, Member, Network, Served, Service, Virtual, Zone, scope_of
from controller.packet import ADVERTISEMENT, SOLICITATION
from controller.pipeline import ANSWER, DROP, NEXT, SERVICE, UNSERVICE, load, move, set_field, to

OURS = 0x0A57 << 32  # the first two octets of their MAC addresses: locally administered
ECHO = {4: ("icmpv4", 8, 0), 6: ("icmpv6", 128, 129)}  # request and reply
ZONES = 65535  # of connection tracking, with 0 that is everybody's


class VirtualAddress(App, stages=(SERVICE, ANSWER, ADVERTISE)):
    """Answers ARP, neighbour discovery and pings for the virtual addresses of services."""

    @derives(each=Service)
    def identify(self, service, rows):
        network = rows.value(Network, service.network, field="number")
        number = rows.number("service", service.network, service.name, size=1 << 16)
        yield Virtual(service.name, service.network, service.vip, Mac(OURS | network << 16 | number))
        yield Served(service.network)
        yield Serving()

    @derives(each=Served)
    def place(self, served, rows):
        """Only where clients and backends may sit are services needed."""
        for bridge in dict.fromkeys(at.bridge for at in rows.where(Attachment, network=served.network)):
            numbers = (rows.number("zone", bridge, served.network, which, size=ZONES) for which in ("there", "back"))
            yield Zone(bridge, served.network, *numbers)
            yield Member(scope_of(served), bridge)
            yield Member(scope_of(Serving()), bridge)

    @rules(each=Virtual)
    def answer(self, virtual, rows):
        """Questions about the address."""
        network = {"network": rows.value(Network, virtual.network, field="number"), "vlan_vid": 0}
        say = self.answer_arp if isinstance(virtual.vip, IPv4) else self.answer_neighbours
        for flow in (*say(virtual, network), *self.answer_pings(virtual, network)):
            yield flow.on(Served(virtual.network))

    def answer_arp(self, virtual, network):
        vip, name = virtual.vip, virtual.service
        asked = {**network, "arp_op": REQUEST, "arp_tpa": vip}
        yield ANSWER.flow(*reply(virtual.mac, vip), **asked, priority=130, why=f"{vip} is {name}")
        yield SERVICE.flow(to(ANSWER), **network, arp_spa=vip, priority=120, why=f"{vip} is {name}, and learned from nobody")
        yield ANSWER.flow(DROP, **network, arp_spa=vip, priority=90, why=f"a host speaks for {vip}, which is {name}")
        yield ANSWER.flow(DROP, **asked, arp_spa=vip, priority=140, why=f"a host announces {vip}, which is {name}")

    def answer_neighbours(self, virtual, network):
        vip, name = virtual.vip, virtual.service
        asked = {**network, "icmpv6_type": SOLICITATION, "nd_target": vip}
        answered = {**asked, "nw_ttl": 255, "icmpv6_code": 0}
        yield ANSWER.flow(*advertisement(virtual.mac, vip, False), **answered, priority=110, why=f"{vip} is {name}")
        yield ANSWER.flow(DROP, **asked, ipv6_src=IPv6(0), priority=130, why=f"a host asks whether it may have {vip}")
        ours = {**network, "ipv6_src": vip, "icmpv6_type": SOLICITATION}
        yield SERVICE.flow(to(ANSWER), **ours, priority=120, why=f"{vip} is {name}, and learned from nobody")
        yield ANSWER.flow(DROP, **ours, priority=90, why=f"a host speaks for {vip}, which is {name}")
        said = {**network, "icmpv6_type": ADVERTISEMENT, "nd_target": vip}
        yield SERVICE.flow(DROP, **said, priority=120, why=f"a host speaks for {vip}, which is {name}")
        to_us = {**network, "ipv6_dst": vip, "icmpv6_type": SOLICITATION}
        yield SERVICE.flow(NEXT, **to_us, priority=110, why=f"asks {name} itself")

    def answer_pings(self, virtual, network):
        vip, name = virtual.vip, virtual.service
        icmp, request, answer = ECHO[family(vip)]
        asked = {**network, **ip("dst", vip), f"{icmp}_type": request}
        source, dest = next(iter(ip("src", vip))), next(iter(ip("dst", vip)))
        yield SERVICE.flow(NEXT, **asked, priority=110, why=f"a ping to {name}")
        yield ANSWER.flow(
            *(move("eth_src", "eth_dst"), set_field(eth_src=virtual.mac), move(source, dest), set_field(**{source: vip})),
            *(set_field(nw_ttl=64), set_field(**{f"{icmp}_type": answer})),
            *(move("in_port", "out_port"), move("to_bridge", "in_port"), load("isolated", 0), to(UNSERVICE)),
            **asked,
            why=f"{name} answers pings",
        )
