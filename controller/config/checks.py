"""What one part of the network file says about another: names that exist, numbers that differ, keys that go together.

The checks look at the source and take only what has the right type there, so that they find all there is to find
also in a file that has other mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.config import names, overlay_checks, service_checks
from controller.config.problems import Keys, instead, show
from controller.config.schema import Schema, below, top
from controller.config.source import Entry, Node

Found = Iterator[tuple[Keys, bool, str]]
"""Keys, whether it is about the key (and not its value), and a sentence."""

SINGULAR = {"meshes": "mesh"}
SECTIONS = ("bridges", "hypervisors", "meshes", "networks", "ports")
KINDS = ("access", "trunk", "qinq")
NO_NATIVE = {
    "access": "frames of an access port have no tag, and access names their network",
    "qinq": "a qinq port takes frames with and without tags",
}
ALWAYS = {"networks": ("default",)}  # what need not be listed to be there


def problems(root: Node) -> Found:
    """All that does not fit together."""
    yield from _references(root, top(), (), root)
    yield from _vlans(_entries(root, "networks"))
    yield from _dpids([(section, *entry) for section in ("bridges", "hypervisors") for entry in _entries(root, section).items()])
    yield from overlay_checks.problems({section: _entries(root, section) for section in SECTIONS})
    yield from service_checks.problems(_entries(root, "services"), _entries(root, "networks"))
    for name, port in _entries(root, "ports").items():
        yield from _port(port.value, ("ports", name))


def _entries(root: Node, section: str) -> dict[str, Entry]:
    found = root.get(section)
    return found.entries() if found else {}


def _references(node: Node, allowed: Schema, keys: Keys, root: Node) -> Found:
    """Names of what stands elsewhere in the file (`refers` in the schema) and does not."""
    if isinstance(node.value, dict):
        for key, entry in node.value.items():
            yield from _references(entry.value, below(allowed, key), (*keys, key), root)
    elif isinstance(node.value, list):
        for number, item in enumerate(node.value):
            yield from _references(item, below(allowed, number), (*keys, number), root)
    elif "refers" in allowed and isinstance(node.value, str) and not node.bad:
        section = allowed["refers"]
        known = {*_entries(root, section), *ALWAYS.get(section, ())}
        if node.value not in known and _mapping(root.get(section)):
            name = show(node.text) or "without a name"
            what = SINGULAR.get(section, section.removesuffix("s"))
            yield keys, False, f"there is no {what} {name}; {instead(node.value, sorted(known))}"


def _mapping(node: Node | None) -> bool:
    """True for a mapping and for nothing, which is an empty one. Other things have been told; nothing in them is known."""
    return node is None or node.value is None or isinstance(node.value, dict)


def _vlans(networks: dict[str, Entry]) -> Found:
    first: dict[int, str] = {}
    default = networks["default"].value.get("vlan") if "default" in networks else None
    if default is None:
        first[1] = "default, which is always there (give it another one, or take another one here)"
    for name, entry in networks.items():
        vlan = entry.value.get("vlan")
        if vlan is None or vlan.bad or type(vlan.value) is not int:
            continue
        if vlan.value in first:
            yield ("networks", name, "vlan"), False, f"{vlan.value} is the VLAN id of {first[vlan.value]}"
        first.setdefault(vlan.value, f"{show(name)} (line {vlan.line})")


def _dpids(bridges: list[tuple[str, str, Entry]]) -> Found:
    first: dict[int, str] = {}
    for section, name, entry in bridges:
        node = entry.value.get("dpid")
        if node is None or node.bad:
            continue
        try:
            dpid = names.dpid(node.value)
        except ValueError:
            continue
        if len(node.text) == 16 and node.text.isdecimal() and not node.quoted:
            yield (section, name, "dpid"), False, f'{node.text} is a decimal number; a datapath id is "{node.text}" in quotes'
        elif dpid in first:
            yield (section, name, "dpid"), False, f"{show(node.text)} is the datapath id of {first[dpid]}"
        first.setdefault(dpid, f"{show(name)} (line {node.line})")


def _port(port: Node, keys: Keys) -> Found:
    entries = port.entries()
    given = [key for key in entries if key in KINDS]
    for key in given[1:]:
        yield (*keys, key), True, f"{key} does not go together with {given[0]}: a port has one of {', '.join(KINDS)}"
    if "native" in entries and "trunk" not in given:
        yield (
            (*keys, "native"),
            True,
            f"native goes with trunk; {NO_NATIVE.get(given[0] if given else '', 'a port without tags is access')}",
        )
    elif _mapping(port) and not port.bad and entries.keys() <= {"isolated", "description"}:
        yield keys, True, "the port is in no network; write access: NETWORK, trunk: [NETWORK, ...] or qinq: NETWORK"
    trunk = port.get("trunk")
    if trunk and isinstance(trunk.value, list):
        yield from _trunk(trunk.value, port.get("native"), keys)


def _trunk(items: list[Node], native: Node | None, keys: Keys) -> Found:
    first: dict[str, int] = {}
    for number, item in enumerate(items):
        if item.text and item.text in first:
            yield (*keys, "trunk", number), False, f"{show(item.text)} is listed twice"
        first.setdefault(item.text, number)
    if native and isinstance(native.value, str) and not native.bad and native.value not in first:
        listed = ", ".join(show(item.text) for item in items)
        yield (*keys, "native"), False, f"{show(native.text)} is not in trunk: [{listed}]; untagged frames join one of these"
