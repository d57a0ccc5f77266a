"""What services say about each other, their networks and themselves in the network file."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from controller.config import names
from controller.config.problems import Keys, show
from controller.config.source import Entry, Node

Found = Iterator[tuple[Keys, bool, str]]
Place = tuple[Node | None, Keys]  # where an address stands

FOR_HTTP = ("path", "status", "body")
PROTOCOL = {"tcp": "tcp", "http": "tcp", "udp": "udp"}  # of the port that a check asks


def problems(services: dict[str, Entry], networks: dict[str, Entry]) -> Found:
    """All that does not fit together."""
    vips = _vips(services)
    for name, entry in services.items():
        service, keys = entry.value, ("services", name)
        network = _text(service, "network")
        vip = _address(service.get("vip"))
        if vip and vips[network, vip][0] != name:
            first, line = vips[network, vip]
            yield (*keys, "vip"), False, f"{vip} is the virtual address of {show(first)} (line {line}) in {show(network)}"
        subnets = _subnets(networks.get(network))
        yield from _outside((service.get("vip"), (*keys, "vip")), network, subnets)
        yield from _ports(service, keys)
        for backend in _listed(service, "backends", keys):
            yield from _outside((backend[0].get("address"), (*backend[1], "address")), network, subnets)
        yield from _backends(service, keys, network, vips)
        yield from _health(service, keys, network, subnets)


def _vips(services: dict[str, Entry]) -> dict[tuple[str, str], tuple[str, int]]:
    """Network and virtual address -> the service that had it first, and its line."""
    first: dict[tuple[str, str], tuple[str, int]] = {}
    for name, entry in services.items():
        node = entry.value.get("vip")
        if node and (vip := _address(node)):
            first.setdefault((_text(entry.value, "network"), vip), (name, node.line))
    return first


def _text(node: Node | None, key: str) -> str:
    found = node.get(key) if node else None
    return found.value if found and isinstance(found.value, str) and not found.bad else ""


def _number(node: Node | None, key: str) -> int:
    found = node.get(key) if node else None
    return found.value if found and type(found.value) is int and not found.bad else 0


def _address(node: Node | None) -> str:
    """The address in a node as it is usually written; empty where it is none, which is told elsewhere."""
    try:
        return names.host(node.value) if node and isinstance(node.value, str) and not node.bad else ""
    except ValueError:
        return ""


def _listed(service: Node, key: str, keys: Keys) -> list[tuple[Node, Keys]]:
    found = service.get(key)
    items = found.value if found and isinstance(found.value, list) else []
    return [(item, (*keys, key, number)) for number, item in enumerate(items) if isinstance(item.value, dict)]


def _subnets(network: Entry | None) -> list[str]:
    found = network.value.get("subnets") if network else None
    subnets = []
    for item in found.value if found and isinstance(found.value, list) else ():
        try:
            subnets.append(names.subnet(item.text))
        except ValueError:
            return []  # which one is meant is not known
    return subnets


def _outside(place: Place, network: str, subnets: list[str]) -> Found:
    """An address that is not one of a host of its network."""
    node, keys = place
    text = _address(node)
    if not text or not subnets:
        return
    address, known = ipaddress.ip_address(text), [ipaddress.ip_network(subnet) for subnet in subnets]
    home = next((subnet for subnet in known if address.version == subnet.version and address in subnet), None)
    if home is None:
        of = "the subnet" if len(subnets) == 1 else "a subnet"
        yield keys, False, f"{text} is not in {', '.join(subnets)}, {of} of {show(network)}"
    elif home.version == 4 and home.prefixlen < 31 and address in (home.network_address, home.broadcast_address):
        what = "the address" if address == home.network_address else "the broadcast address"
        yield keys, False, f"{text} is {what} of {home}; take one in between"


def _ports(service: Node, keys: Keys) -> Found:
    first: dict[tuple[str, int], int] = {}
    dsr = _text(service, "mode") == "dsr"
    for port, where in _listed(service, "ports", keys):
        protocol, number, target = _text(port, "protocol") or "tcp", _number(port, "port"), _number(port, "target")
        if number and (protocol, number) in first:
            yield (
                (*where, "port"),
                False,
                f"{protocol} port {number} is listed twice; the first is in line {first[protocol, number]}",
            )
        first.setdefault((protocol, number), port.line)
        what = "mode dsr" if dsr else "sctp" if protocol == "sctp" else ""
        if what and target and number and target != number:
            text = f"{target} is not {number}: with {what} the port stays as it is; leave target out"
            yield (*where, "target"), False, text


def _backends(service: Node, keys: Keys, network: str, vips: dict[tuple[str, str], tuple[str, int]]) -> Found:
    first: dict[str, int] = {}
    vip = _address(service.get("vip"))
    for backend, where in _listed(service, "backends", keys):
        node = backend.get("address")
        address = _address(node)
        if not node or not address:
            continue
        where = (*where, "address")
        if address in first:
            yield where, False, f"{address} is listed twice; the first is in line {first[address]}"
        elif (network, address) in vips:
            yield where, False, f"{address} is the virtual address of {show(vips[network, address][0])}, and a backend is a host"
        elif vip and _version(address) != _version(vip):
            yield (
                where,
                False,
                f"{address} is IPv{_version(address)} and the virtual address IPv{_version(vip)}; both have one family",
            )
        first.setdefault(address, node.line)


def _health(service: Node, keys: Keys, network: str, subnets: list[str]) -> Found:
    health = service.get("health")
    if health is None or not isinstance(health.value, dict | None) or health.bad:
        return
    keys = (*keys, "health")
    kind, source = _text(health, "type") or "tcp", _address(health.get("source"))
    for key in FOR_HTTP:
        if health.get(key) and kind != "http":
            yield (*keys, key), True, f"{key} goes with type: http, and this is {kind}"
    yield from _asked_port(service, health, kind, keys)
    if _text(service, "mode") == "dsr" and not health.get("source"):
        yield keys, True, "with mode dsr checks need an address of their own; write source: ADDRESS, one that nobody has"
    interval, timeout = _seconds(health, "interval", 2.0), _seconds(health, "timeout", 0.0)
    if timeout > interval:
        yield (*keys, "timeout"), False, f"{timeout:g} is more than interval, {interval:g}: one check ends before the next begins"
    vip = _address(service.get("vip"))
    backends = {_address(backend.get("address")) for backend, _ in _listed(service, "backends", keys)}
    if source and source in backends:
        yield (*keys, "source"), False, f"{source} is a backend; take an address that nobody has"
    elif source and vip and _version(source) != _version(vip):
        yield (*keys, "source"), False, f"{source} is IPv{_version(source)} and the backends IPv{_version(vip)}"
    elif source and source == vip and _text(service, "mode") == "dsr":
        yield (
            (*keys, "source"),
            False,
            f"{source} is the virtual address, which with mode dsr backends have themselves; take another",
        )
    else:
        yield from _outside((health.get("source"), (*keys, "source")), network, subnets)


def _asked_port(service: Node, health: Node, kind: str, keys: Keys) -> Found:
    """The port that a check asks: given, or that of the service where it has one of the protocol."""
    if kind not in PROTOCOL:
        if health.get("port"):
            yield (*keys, "port"), True, f"port goes with tcp, http and udp, and this is {kind}"
        return
    ports = [_text(port, "protocol") or "tcp" for port, _ in _listed(service, "ports", ())]
    if ports and PROTOCOL[kind] not in ports and not health.get("port"):
        yield keys, True, f"the service has no {PROTOCOL[kind]} port that a check of type {kind} could ask; write port: NUMBER"


def _seconds(node: Node, key: str, default: float) -> float:
    found = node.get(key)
    value = found.value if found and not found.bad else None
    return float(value) if isinstance(value, int | float) else default


def _version(text: str) -> int:
    return ipaddress.ip_address(text).version
