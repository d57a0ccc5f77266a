"""Matches to canonical bytes. The names in a match are its *shape*, compiled once into one `struct.pack` call.

An author writes `network=n, in_port=p, eth_src=mac` and pays for packing the values; which headers go in which
order, which prerequisites are implied, and what is refused is settled when the shape is first seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from struct import Struct, pack
from struct import error as struct_error
from typing import Any

from controller.pipeline.fields import NAMES_OF_VALUES, Field, find, parse

Pack = Callable[[int, int, Mapping[str, Any]], bytes]


class Shape:
    """The compiled names of a match: `pack(table, priority, match)` for exact values of the fields' own types.

    `pack` raises struct.error, TypeError or KeyError for what it cannot take (text, masks), ValueError for a mistake.
    """

    __slots__ = ("checks", "implied", "pack", "said")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.said = _fields(names)
        self.implied, self.checks = _prerequisites(self.said)
        self.pack = self._compile()

    def _compile(self) -> Pack:
        layout, size, arguments = "!BHHH", 4, ""
        author = {f.name: name for name, f in self.said.items()}
        ordered = sorted([*self.said.values(), *map(find, self.implied)], key=lambda f: f.rank)
        for f in ordered:
            layout += "I" * len(f.words) + f.code
            size += 4 * len(f.words) + f.size
            arguments += f", {', '.join(map(str, f.words))}, " + (
                f"m[{author[f.name]!r}]" if f.name in author else str(self.implied[f.name])
            )
        layout += f"{-size % 8}x"
        # One generated expression: half the time of a loop over the fields, on the hottest path of a recompute.
        guard = " or ".join(self._guards())
        source = f"def match(t, p, m):\n {f'if {guard}: refuse(m)' if guard else ''}\n return pack(t, p, 1, {size}{arguments})"
        scope: dict[str, Any] = {"pack": Struct(layout).pack, "refuse": self._refuse}
        exec(source, scope)
        compiled: Pack = scope["match"]
        return compiled

    def _guards(self) -> Iterator[str]:
        """What struct does not check: it pads short addresses without a word, and knows ranges of whole bytes only."""
        for name, f in self.said.items():
            if f.name == "ct_state":
                yield "True"  # always has a mask
            elif f.name == "vlan_vid":
                yield f"m[{name!r}] and m[{name!r}] >> 12 != 1"
            elif f.is_bytes:
                yield f"len(m[{name!r}]) != {f.size}"
            elif f.bits < 8 * f.size:
                yield f"m[{name!r}] >> {f.bits}"
        for name, allowed in self.checks:
            yield f"m[{name!r}] not in {allowed}"

    def _refuse(self, match: Mapping[str, Any]) -> None:
        """Say what is wrong with a value, or that it wants the slow path (struct.error)."""
        for name, f in self.said.items():
            if isinstance(match[name], bytes) and len(match[name]) != f.size:
                raise ValueError(f"{name}: {match[name]!r} is not {f.size} bytes")
        raise struct_error


SHAPES: dict[tuple[str, ...], Shape] = {}


def encode(table: int, priority: int, match: dict[str, Any]) -> bytes:
    """table(1) priority(2) match TLVs padded to 8, in the order and form that Open vSwitch reads back."""
    shape = SHAPES.get(tuple(match))
    if shape is None:
        shape = SHAPES[tuple(match)] = Shape(tuple(match))
    try:
        return shape.pack(table, priority, match)
    except (struct_error, TypeError):
        return _encode_slowly(shape, table, priority, match)  # text, masks, mistakes


def _encode_slowly(shape: Shape, table: int, priority: int, match: Mapping[str, Any]) -> bytes:
    if not 0 <= priority <= 0xFFFF:
        raise ValueError(f"priority {priority} is not in 0..65535")
    values = {f: parse(f, match[name]) for name, f in shape.said.items()}
    values |= {find(name): (value, None) for name, value in shape.implied.items()}
    for name, allowed in shape.checks:
        value = values[find(name)][0]
        if value not in allowed:
            raise ValueError(f"{name}={value!r} does not go with the rest of the match; it needs {_either(name, allowed)}")
    tlvs = b""
    for f in sorted(values, key=lambda f: f.rank):
        value, mask = values[f]
        if mask is None:
            tlvs += pack(f"!{len(f.words)}I{f.code}", *f.words, value)
        elif any(mask if isinstance(mask, bytes) else (mask,)):  # an empty mask matches all: no TLV
            header, *rest = f.words
            tlvs += pack(f"!{len(f.words)}I{f.code}{f.code}", (header | 0x100) + f.size, *rest, value, mask)
    return pack("!BHHH", table, priority, 1, 4 + len(tlvs)) + tlvs + bytes(-(4 + len(tlvs)) % 8)


def _fields(names: tuple[str, ...]) -> dict[str, Field]:
    said: dict[str, Field] = {}
    for name in names:
        f = find(name)
        if f in said.values():
            raise TypeError(f"{name} and {next(n for n, g in said.items() if g is f)} are the same field; give one of them")
        said[name] = f
    return said


def _prerequisites(said: dict[str, Field]) -> tuple[dict[str, int], tuple[tuple[str, tuple[int, ...]], ...]]:
    """(fields to add with their values, fields given by the author with the values that they may have)."""
    given = {f.name for f in said.values()}
    allowed: dict[str, tuple[int, ...]] = {}
    why: dict[str, str] = {}  # field -> the field of the author that wants it
    todo = [*said.values()]
    for f in todo:
        for name, values in f.needs.items():
            if not values and name not in given:
                raise TypeError(f"{f.name} needs {name}; add {name}=...")
            if not values:
                continue
            both = tuple(v for v in values if v in allowed.get(name, values))
            if not both:
                raise TypeError(f"{f.name} needs {_either(name, values)}, {why[name]} needs {_either(name, allowed[name])}")
            if name not in allowed:
                todo.append(find(name))
            allowed[name] = both
            why.setdefault(name, why.get(f.name, f.name))
    for name, values in allowed.items():
        if name not in given and len(values) > 1:
            raise TypeError(f"{why[name]} is ambiguous; add {_either(name, values)} (for both: one flow each)")
    implied = {name: values[0] for name, values in allowed.items() if name not in given}
    checks = tuple((n, allowed[f.name]) for n, f in said.items() if f.name in allowed)
    return implied, checks


def _either(name: str, values: tuple[int, ...]) -> str:
    names = NAMES_OF_VALUES.get(name, {})
    return " or ".join(f"{name}={names.get(v, v)}" for v in values)
