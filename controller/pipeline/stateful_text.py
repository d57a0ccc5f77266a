"""The text of actions that remember, as ovs-ofctl(8) prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import unpack_from

from controller.model.address import IPv4, IPv6
from controller.pipeline.field_text import value_text
from controller.pipeline.fields import FIELD_OF_HEADER, Field
from controller.pipeline.stateful import COMMIT, HASHES, IMMEDIATE, LOAD, NO_TABLE, SRC

Part = Callable[[int, int, int], str]  # header, first bit, bits -> "NXM_NX_REG0[]"
DEFAULT_PRIORITY = 32768


def ct_text(a: bytes, part: Part, words: Callable[[bytes], list[str]]) -> str:
    """ct(commit,table=...,zone=...,nat(...),exec(...))."""
    flags, source, zone, table, alg = unpack_from("!HIHB3xH", a, 10)
    inner = words(a[24:])
    if flags & ~COMMIT or alg:
        raise ValueError("a flag that is not written here")
    said = ["commit"] if flags & COMMIT else []
    said += [f"table={table}"] if table != NO_TABLE else []
    if source:
        said.append(f"zone={part(source, zone >> 6, (zone & 63) + 1)}")
    elif zone:
        said.append(f"zone={zone}")
    if inner and inner[0].startswith("nat"):
        said.append(inner.pop(0))
    if inner:
        said.append(f"exec({','.join(inner)})")
    return f"ct({','.join(said)})"


def nat_text(a: bytes) -> str:
    """nat, nat(dst=10.0.0.1:80) or nat(src=10.0.0.1)."""
    flags, present = unpack_from("!HH", a, 12)
    if not flags:
        return "nat"
    if present & 0b101010 or flags not in (1, 2):
        raise ValueError("a range that is not written here")
    pos, port = 16, ""
    size = 4 if present & 1 else 16
    if present & 16:
        port = f":{unpack_from('!H', a, pos + size)[0]}"
    address = str(IPv4(int.from_bytes(a[pos : pos + 4], "big"))) if size == 4 else str(IPv6(a[pos : pos + 16]))
    if port and size == 16:
        address = f"[{address}]"
    return f"nat({'src' if flags & SRC else 'dst'}={address}{port})"


def multipath_text(a: bytes, part: Part) -> str:
    """multipath(symmetric_l4,0,modulo_n,251,0,NXM_NX_REG8[])."""
    fields, basis, algorithm, most, argument, bits, target = unpack_from("!HH2xHHI2xHI", a, 10)
    how = ("modulo_n", "hash_threshold", "hrw", "iter_hash")[algorithm]
    return f"multipath({HASHES[fields]},{basis},{how},{most + 1},{argument},{part(target, bits >> 6, (bits & 63) + 1)})"


def learn_text(a: bytes, part: Part) -> str:
    """learn(table=192,idle_timeout=300,priority=100,limit=1000,NXM_NX_REG0[],load:NXM_NX_REG7[]->NXM_NX_REG7[])."""
    idle, hard, priority, cookie, flags, table, fin_idle, fin_hard = unpack_from("!HHHQHBxHH", a, 10)
    limit, result = unpack_from("!IH", a, 32)
    if hard or flags or fin_idle or fin_hard or result:
        raise ValueError("an option that is not written here")
    said = [f"table={table}"] + ([f"idle_timeout={idle}"] if idle else [])
    said += [f"priority={priority}"] if priority != DEFAULT_PRIORITY else []
    said += [f"cookie={cookie:#x}"] if cookie else []
    said += [f"limit={limit}"] if limit else []
    return f"learn({','.join([*said, *_specs(a[40:], part)])})"


def _specs(rest: bytes, part: Part) -> Iterator[str]:
    pos = 0
    while pos + 2 <= len(rest) and rest[pos : pos + 2] != b"\0\0":
        (head,) = unpack_from("!H", rest, pos)
        bits, loads = head & 0x7FF, bool(head & LOAD)
        pos += 2
        if head & IMMEDIATE:
            size = (bits + 15) // 16 * 2
            value, (target, first) = rest[pos : pos + size], unpack_from("!IH", rest, pos + size)
            pos += size + 6
            f, number = FIELD_OF_HEADER[target], int.from_bytes(value, "big")
            yield f"{_name(f)}={f'{number:#x}' if f.name == 'eth_type' else value_text(f.name, value)}"
            continue
        source, skip, target, first = unpack_from("!IHIH", rest, pos)
        pos += 12
        here, there = part(source, skip, bits), part(target, first, bits)
        yield f"load:{here}->{there}" if loads else there if here == there else f"{there}={here}"


def _name(f: Field) -> str:
    return {"ip_proto": "nw_proto"}.get(f.name, f.name)
