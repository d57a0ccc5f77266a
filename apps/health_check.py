"""Health checks: what backends answer to the controller's checks comes to the controller, so much a second from each port.

The questions are sent by the controller itself (`controller.health`), from the MAC address of the virtual address, and from that
address or the one that the check names. So answers enter by the backend's port, for that MAC address. They are copied in SERVICE,
go on through LEARN, where they tell that the host is there, and end in ANSWER.

Ports from 61440 on belong to checks. Hosts use lower ones: Linux 32768 to 60999, and RFC 6335 leaves the rest to them alike.
"""

from apps.arp_responder import REQUEST, reply
from apps.nd_responder import ADVERTISE, advertisement
from controller.app import App, Rate, derives, rules
from controller.model import (
    Address,
    Backend,
    HealthCheck,
    Host,
    IPv4,
    IPv6,
    Network,
    Row,
    Served,
    Service,
    ServicePort,
    Virtual,
    key,
    port_asked,
)
from controller.pipeline import ANSWER, DROP, NEXT, SERVICE, controller

ARP_REPLY, SOLICITATION, ADVERTISEMENT = 2, 135, 136
OUR_PORTS = (0xF000, 0xF000)
ECHO_REPLY, UNREACHABLE = {4: 0, 6: 129}, {4: 3, 6: 1}  # types of ICMP and ICMPv6
FRAMES = {"tcp": 1, "http": 4, "udp": 2}  # that answer one check; of other kinds one
SPARE = 4  # times as many may come: some are sent again
SEEN = 0xFFFF  # bytes of an answer: all of it, a text may be looked for


class Checked(Row):
    """A backend that is checked, where it is, and how many frames a second it answers with."""

    service: str = key()
    address: IPv4 | IPv6 = key()
    bridge: str = ""
    port: int = 0
    frames: float = 0.0


class CheckedPort(Row):
    """A port with backends behind it that are checked."""

    bridge: str = key()
    port: int = key()


class HealthChecks(App, stages=(SERVICE, ANSWER, ADVERTISE)):
    """Brings the answers of backends to the controller's health checks."""

    answers_per_second: Rate = 256  # frames that any port may send to the controller; more where its backends are asked more

    @derives(each=Backend)
    def checked(self, backend, rows):
        host, check = self.host(backend, rows), rows.get(HealthCheck, backend.service)
        if host is not None:
            frames = FRAMES.get(check.type, 1) / check.interval
            yield Checked(backend.service, backend.address, host.bridge, host.port, frames)
            yield CheckedPort(host.bridge, host.port)

    def host(self, backend, rows):
        """The host of a backend that is checked; None where it is not, or not known."""
        if rows.get(HealthCheck, backend.service) is None:
            return None
        network = rows.value(Service, backend.service, field="network")
        return rows.need(Host, network, rows.need(Address, network, backend.address).mac)

    @rules(each=CheckedPort)
    def limit(self, at, rows):
        frames = sum(backend.frames for backend in rows.where(Checked, bridge=at.bridge, port=at.port))
        rate = max(self.answers_per_second, 1 << int(SPARE * frames).bit_length())  # so that it seldom changes
        yield rows.meter("health", at.bridge, at.port, pps=rate, burst=rate, why="answers to health checks")

    @rules(each=Backend)
    def answers(self, backend, rows):
        host, check = self.host(backend, rows), rows.get(HealthCheck, backend.service)
        if host is None:
            return
        virtual = rows.need(Virtual, backend.service)
        number = rows.value(Network, virtual.network, field="number")
        copy = controller(SEEN, meter=rows.number("meter", "health", host.bridge, host.port, size=0))
        port = port_asked(check, rows.where(ServicePort, service=backend.service))
        at = {"network": number, "in_port": host.port}
        why = f"{backend.address} answers a health check of {backend.service}"
        for match in heard(check, backend.address, check.source or virtual.vip, virtual.mac, port):
            yield SERVICE.flow(copy, NEXT, **at, **match, priority=200, why=why).on(host.bridge)

    @rules(each=Virtual)
    def end(self, virtual, rows):
        ours = {"network": rows.value(Network, virtual.network, field="number"), "eth_dst": virtual.mac}
        why = f"for the address of {virtual.service} itself"
        yield ANSWER.flow(DROP, **ours, priority=90, why=why).on(Served(virtual.network))

    @rules(each=HealthCheck)
    def answer(self, check, rows):
        """The address that asks is nobody's: who wants to answer it finds it here."""
        virtual, source = rows.need(Virtual, check.service), check.source
        if source in (None, virtual.vip):
            return
        asked = {"network": rows.value(Network, virtual.network, field="number"), "vlan_vid": 0}
        why = f"{source} asks the backends of {check.service}"
        if isinstance(source, IPv4):
            flow = ANSWER.flow(*reply(virtual.mac, source), **asked, arp_op=REQUEST, arp_tpa=source, why=why)
        else:
            told = advertisement(virtual.mac, source, router=False)
            flow = ANSWER.flow(*told, **asked, icmpv6_type=SOLICITATION, nd_target=source, why=why)
        yield flow.on(Served(virtual.network))


def heard(check, backend, source, mac, port):
    """Matches for what a backend sends in answer to a check."""
    version = 4 if isinstance(backend, IPv4) else 6
    ends = {f"ipv{version}_src": backend, f"ipv{version}_dst": source}
    if check.type in ("tcp", "http"):
        yield {"eth_type": 0x0800 if version == 4 else 0x86DD, **ends, "tcp_src": port, "tcp_dst": OUR_PORTS}
    if check.type == "udp":
        yield {"eth_type": 0x0800 if version == 4 else 0x86DD, **ends, "udp_src": port, "udp_dst": OUR_PORTS}
        yield {f"icmpv{version}_type": UNREACHABLE[version], **ends}
    if check.type == "icmp":
        yield {f"icmpv{version}_type": ECHO_REPLY[version], **ends}
    if check.type in ("udp", "neighbour") and version == 4:
        yield {"arp_op": ARP_REPLY, "arp_spa": backend, "eth_dst": mac}
    elif check.type in ("udp", "neighbour"):
        yield {"icmpv6_type": ADVERTISEMENT, "nd_target": backend, "eth_dst": mac}
