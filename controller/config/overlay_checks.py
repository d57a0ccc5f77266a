"""What hypervisors, meshes and the networks that go by them say about each other in the network file."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from controller.config import names
from controller.config.mtu import carried
from controller.config.overlay import HypervisorEntry
from controller.config.problems import Keys, show
from controller.config.source import Entry, Node

Found = Iterator[tuple[Keys, bool, str]]
Sections = dict[str, dict[str, Entry]]  # the entries of each section by name

MADE = ("ports", "bridges", "mirrors", "netflow", "sflow", "ipfix", "other_config")
BRIDGE = HypervisorEntry.model_fields["bridge"].default
PORTS = {"vxlan": 4789, "geneve": 6081, "gre": 0}  # UDP, where the file says no other


def problems(sections: Sections) -> Found:
    """All that does not fit together."""
    hypervisors, meshes = sections["hypervisors"], sections["meshes"]
    members = {name: _members(entry.value, hypervisors) for name, entry in meshes.items()}
    yield from _vteps(hypervisors)
    yield from _names(sections)
    yield from _databases(hypervisors)
    yield from _shared(hypervisors)
    for name, entry in meshes.items():
        yield from _mesh(name, entry.value, members[name])
        yield from _family(name, members[name], hypervisors)
    yield from _alike(meshes, members)
    yield from _networks(sections["networks"])
    for name, entry in sections["ports"].items():
        yield from _port(name, entry.value, sections, members)


def _text(node: Node | None, key: str) -> str:
    """The text below a key; empty where there is none, or none that is right."""
    found = node.get(key) if node else None
    return found.value if found and isinstance(found.value, str) and not found.bad else ""


def _number(node: Node, key: str, default: int) -> int:
    found = node.get(key)
    return found.value if found and type(found.value) is int and not found.bad else default


def _members(mesh: Node, hypervisors: dict[str, Entry]) -> dict[str, None]:
    """The members of a mesh, of those that there are, in order."""
    listed = mesh.get("members")
    if listed is None or not isinstance(listed.value, list):
        return dict.fromkeys(hypervisors)
    return {item.value: None for item in listed.value if isinstance(item.value, str) and item.value in hypervisors}


def _vteps(hypervisors: dict[str, Entry]) -> Found:
    first: dict[str, str] = {}
    for name, entry in hypervisors.items():
        text = _text(entry.value, "vtep")
        try:
            vtep = names.vtep(text)
        except ValueError:
            continue
        if vtep in first:
            yield ("hypervisors", name, "vtep"), False, f"{vtep} is the VTEP of {first[vtep]}"
        first.setdefault(vtep, f"{show(name)} (line {entry.key.line})")


def _names(sections: Sections) -> Found:
    for name in sections["hypervisors"].keys() & sections["bridges"].keys():
        line = sections["bridges"][name].key.line
        yield ("hypervisors", name), True, f"{show(name)} is the name of a bridge (line {line}); give the hypervisor another one"


def _databases(hypervisors: dict[str, Entry]) -> Found:
    """A database is at one place; those that dial in at one place can be told apart."""
    first: dict[tuple[str, str], str] = {}
    for name, entry in hypervisors.items():
        keys: Keys = ("hypervisors", name, "listen")
        listen = _text(entry.value, "listen")
        if listen and entry.value.get("ovsdb"):
            yield keys, True, "listen does not go together with ovsdb: either weft dials or the database does"
        there = listen, _text(entry.value, "system_id")
        if listen and there in first:
            yield keys, False, f"{first[there]} dials in at {listen} too; give each its system_id"
        first.setdefault(there, f"{show(name)} (line {entry.key.line})")
        made = [key for key in MADE if entry.value.get(key)]
        if made and not (listen or entry.value.get("ovsdb")):
            yield ("hypervisors", name, made[0]), True, f"{made[0]} needs the database of {show(name)}: write ovsdb or listen"
        yield from _made(name, entry.value)


def _shared(hypervisors: dict[str, Entry]) -> Found:
    """Two that weft sets up in one database have bridges of their own: each would undo what the other wants."""
    first: dict[tuple[str, str], str] = {}
    for name, entry in hypervisors.items():
        there = _text(entry.value, "ovsdb"), _text(entry.value, "bridge") or BRIDGE
        if there[0] and there in first:
            text = f"the bridge {show(there[1])} in {show(there[0])} is that of {first[there]}; a bridge is one hypervisor"
            yield ("hypervisors", name, "ovsdb"), False, text
        first.setdefault(there, f"{show(name)} (line {entry.key.line})")


def _made(name: str, entry: Node) -> Found:
    """What weft sets up on a hypervisor: on its bridge, and on others."""
    keys: Keys = ("hypervisors", name)
    bridges = {keys: entry} | {(*keys, "bridges", bridge): found.value for bridge, found in _entries(entry, "bridges").items()}
    yield from _once(keys, entry, bridges)
    for about, bridge in bridges.items():
        yield from _patches(about, bridge)
        yield from _numbers(about, bridge)
    for mirror, found in _entries(entry, "mirrors").items():
        if found.value.get("output") and not any(found.value.get(key) for key in ("sources", "destinations", "everything")):
            text = "nothing is copied; write sources: [PORT], destinations: [PORT] or everything: true"
            yield (*keys, "mirrors", mirror), True, text


def _entries(node: Node, key: str) -> dict[str, Entry]:
    found = node.get(key)
    return found.entries() if found else {}


def _once(keys: Keys, entry: Node, bridges: dict[Keys, Node]) -> Found:
    """A name of a bridge or port is there once on a hypervisor."""
    used = {_text(entry, "bridge") or BRIDGE: "the bridge of the hypervisor"}
    for bridge, found in _entries(entry, "bridges").items():
        if bridge in used:
            yield (*keys, "bridges", bridge), True, f"{show(bridge)} is {used[bridge]}; a name is there once on a hypervisor"
        used.setdefault(bridge, f"a bridge (line {found.key.line})")
    for about, node in bridges.items():
        for port, found in _entries(node, "ports").items():
            if port in used:
                yield (*about, "ports", port), True, f"{show(port)} is {used[port]}; a name is there once on a hypervisor"
            used.setdefault(port, f"a port (line {found.key.line})")


def _numbers(about: Keys, bridge: Node) -> Found:
    """No two ports of a bridge have the same number."""
    first: dict[int, str] = {}
    for port, found in _entries(bridge, "ports").items():
        number = _number(found.value, "number", 0)
        if number in first:
            yield (*about, "ports", port, "number"), False, f"{number} is the number of {first[number]}"
        if number:
            first.setdefault(number, f"{show(port)} (line {found.key.line})")


def _patches(about: Keys, bridge: Node) -> Found:
    for port, found in _entries(bridge, "ports").items():
        if bool(_text(found.value, "peer")) != (_text(found.value, "type") == "patch"):
            yield (*about, "ports", port), True, "a patch has a peer, and nothing else has one: type: patch, peer: NAME"


def _mesh(name: str, mesh: Node, members: dict[str, None]) -> Found:
    keys: Keys = ("meshes", name)
    listed, first = mesh.get("members"), set()
    for number, item in enumerate(listed.value if listed and isinstance(listed.value, list) else ()):
        if item.text in first:
            yield (*keys, "members", number), False, f"{show(item.text)} is listed twice"
        first.add(item.text)
    hub = _text(mesh, "hub")
    if hub and first and hub not in first:
        yield (*keys, "hub"), False, f"{show(hub)} is no member of {show(name)}; the hub is one of {', '.join(members)}"
    if _text(mesh, "type") == "gre" and _number(mesh, "dst_port", 0):
        yield (*keys, "dst_port"), True, "gre goes without UDP and has no port; leave dst_port out"
    ipsec = mesh.get("ipsec")
    if ipsec and isinstance(ipsec.value, dict | None) and not ipsec.bad:
        certificates = ipsec.get("certificates")
        if bool(_text(ipsec, "psk")) == bool(certificates and certificates.value is True):
            yield (*keys, "ipsec"), True, "write one of psk: SECRET and certificates: true"


def _family(name: str, members: dict[str, None], hypervisors: dict[str, Entry]) -> Found:
    """All members can reach each other: each has an address, and all of one family."""
    first = ""
    for member in members:
        entry = hypervisors[member]
        vtep, about = _text(entry.value, "vtep"), ("hypervisors", member)
        if not vtep and (entry.value.get("vtep") is None):
            yield about, True, f"{show(member)} is in the mesh {show(name)} and has no vtep; write vtep: ADDRESS"
        try:
            version = ipaddress.ip_address(vtep).version
        except ValueError:
            continue
        if first and version != ipaddress.ip_address(_text(hypervisors[first].value, "vtep")).version:
            line = hypervisors[first].key.line
            text = f"{vtep} is IPv{version}, and {show(first)} (line {line}), of the mesh {show(name)} too, has the other family"
            yield (*about, "vtep"), False, text
        first = first or member


def _alike(meshes: dict[str, Entry], members: dict[str, dict[str, None]]) -> Found:
    """Open vSwitch tells tunnels apart by type and port: two meshes on one hypervisor cannot have the same."""
    first: dict[tuple[str, int], list[str]] = {}
    for name, entry in meshes.items():
        kind = _text(entry.value, "type") or "vxlan"
        port = 0 if kind == "gre" else _number(entry.value, "dst_port", 0) or PORTS.get(kind, 0)
        for other in first.get((kind, port), ()):
            both = next((member for member in members[name] if member in members[other]), "")
            if both:
                how, cure = (f" on port {port}", "give one another dst_port") if port else ("", "take another type for one")
                there = f"{show(other)} (line {meshes[other].key.line})"
                yield ("meshes", name), True, f"{there} is {kind}{how} too, and {show(both)} is in both; {cure}"
        first.setdefault((kind, port), []).append(name)


def _networks(networks: dict[str, Entry]) -> Found:
    first: dict[tuple[str, int], str] = {}
    for name, entry in networks.items():
        vni, mesh = entry.value.get("vni"), entry.value.get("mesh")
        if (vni is None) != (mesh is None):
            there, other = ("vni", "mesh: MESH") if mesh is None else ("mesh", "vni: NUMBER")
            yield ("networks", name, there), True, f"{there} does not go alone; write {other} too"
        by, number = _text(entry.value, "mesh"), _number(entry.value, "vni", 0)
        if not (vni and number and by):
            continue
        if (by, number) in first:
            yield ("networks", name, "vni"), False, f"{number} is the VNI of {first[by, number]} in the mesh {show(by)}"
        first.setdefault((by, number), f"{show(name)} (line {vni.line})")


def _port(name: str, port: Node, sections: Sections, members: dict[str, dict[str, None]]) -> Found:
    """Ports of networks that go by a mesh: on its members, and not isolated, because tunnels do not carry that mark."""
    bridge, isolated = name.partition("/")[0], port.get("isolated")
    for network in _networks_of(port):
        entry = sections["networks"].get(network)
        mesh = _text(entry.value, "mesh") if entry else ""
        if mesh not in members:
            continue
        if bridge in sections["hypervisors"] and bridge not in members[mesh]:
            yield ("ports", name), True, f"{show(bridge)} is no member of the mesh {show(mesh)}, by which {show(network)} goes"
        yield from _size(name, network, mesh, sections)
        if isolated and isolated.value is True:
            text = f"{show(network)} goes by the mesh {show(mesh)}, and what is isolated on one hypervisor is not on the next"
            yield ("ports", name, "isolated"), True, text


def _size(name: str, network: str, mesh: str, sections: Sections) -> Found:
    """A port that weft makes sends no packets that the tunnels cannot carry."""
    hypervisor, _, port = name.partition("/")
    entry, by = sections["hypervisors"].get(hypervisor), sections["meshes"][mesh].value
    ports = entry.value.get("ports") if entry else None
    made = ports.get(port) if ports else None
    kind, vtep = _text(by, "type") or "vxlan", _text(entry.value if entry else None, "vtep")
    if made is None or kind not in PORTS or not vtep:
        return
    csum, mtu = by.get("csum"), _number(made, "mtu", 0)
    more = {"csum": bool(csum and csum.value is True), "ipsec": by.get("ipsec") is not None}
    room = carried(kind, _number(by, "underlay_mtu", 1500), 6 if ":" in vtep else 4, **more)
    if mtu > room:
        text = f"{mtu} is too much: {show(network)} goes by the mesh {show(mesh)}, which carries {room}"
        yield ("hypervisors", hypervisor, "ports", port, "mtu"), False, text


def _networks_of(port: Node) -> list[str]:
    """The networks that a port names, as far as they are names."""
    trunk = port.get("trunk")
    nodes = [port.get("access"), port.get("qinq"), *(trunk.value if trunk and isinstance(trunk.value, list) else ())]
    return [node.value for node in nodes if node and isinstance(node.value, str)]
