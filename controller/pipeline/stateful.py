"""Actions that remember: connection tracking with address translation, learned flows, and the hash that spreads over many.

Extensions of Open vSwitch (ovs-actions(7); nicira-ext.h: NXAST_CT, NXAST_NAT, NXAST_MULTIPATH, NXAST_LEARN2).
"""

from __future__ import annotations

from struct import pack

from controller.model.address import IPv4, IPv6
from controller.pipeline.actions import Action, _nicira, move, set_field
from controller.pipeline.fields import find, parse

COMMIT = 1
NO_TABLE = 0xFF
SRC, DST = 1, 2  # flags of nat
V4_MIN, V6_MIN, PORT_MIN = 1, 4, 16  # which parts of a range are there
HASHES = ("eth_src", "symmetric_l4", "symmetric_l3l4", "symmetric_l3l4+udp", "nw_src", "nw_dst", "symmetric_l3")
MODULO = 0
IMMEDIATE, LOAD = 1 << 13, 1 << 11  # in a part of `learn`: the source is a value, the target is written


def nat(*, src: IPv4 | IPv6 | None = None, dst: IPv4 | IPv6 | None = None, port: int = 0) -> Action:
    """Inside `ct`: translate to this source or destination, `port` 0 leaves the port. Without both: as the connection says."""
    address = src if dst is None else dst
    if address is None:
        return _nicira(36, pack("!2xHH", 0, 0))
    if src is not None and dst is not None:
        raise TypeError("nat translates either src or dst")
    is_v4 = isinstance(address, IPv4)
    present = (V4_MIN if is_v4 else V6_MIN) | (PORT_MIN if port else 0)
    where = address.to_bytes(4, "big") if isinstance(address, IPv4) else bytes(address)
    return _nicira(36, pack("!2xHH", SRC if dst is None else DST, present) + where + (pack("!H", port) if port else b""))


def ct(
    *, zone: int | str, table: int = NO_TABLE, commit: bool = False, nat: Action | None = None, mark: int | str | None = None
) -> Action:
    """Look the frame up among the connections of a zone, and run it through `table` with what is known of it.

    `zone` is a number or a register that holds it. `commit` keeps the connection, with `mark` as its ct_mark: a number, or a
    register. What stands behind `ct` works on the frame as it was. Raises TypeError for a mark that is not committed.
    """
    if mark is not None and not commit:
        raise TypeError("ct(mark=...) is kept with the connection: add commit=True")
    where = pack("!IH", find(zone).nxm, 15) if isinstance(zone, str) else pack("!IH", 0, zone)  # bits 0..15
    inner = (nat or b"") + (b"" if mark is None else _mark(mark))
    return _nicira(35, pack("!H", COMMIT if commit else 0) + where + pack("!B3xH", table, 0) + inner)


def _mark(mark: int | str) -> bytes:
    return set_field(ct_mark=mark) if isinstance(mark, int) else move(mark, "ct_mark")


def multipath(fields: str, slots: int, register: str, *, basis: int = 0) -> Action:
    """Write a hash of the frame's `fields` into a register, as a number in 0..slots-1 (up to 65536 slots).

    Every bit of the fields counts, so each value of them costs a trip to the slow path. Another `basis` is another hash.
    """
    target = find(register)
    body = pack("!HH2xHHI2xHI", HASHES.index(fields), basis, MODULO, slots - 1, 0, target.width - 1, target.nxm)
    return _nicira(10, body)


def learn(table: int, *, same: tuple[str, ...], keep: str, idle: int, limit: int, priority: int = 100, **match: int) -> Action:
    """Put a flow into `table` for frames that agree with this one in the fields `same` and `match`: it loads the register `keep`.

    It goes after `idle` seconds (1..65535) without a frame. No more than `limit` flows are put there.
    """
    parts = b"".join(_is(name, value) for name, value in match.items())
    for name in same:
        f = find(name)
        where = pack("!IH", f.nxm or f.header, 0)
        parts += pack("!H", f.width) + where + where
    kept = pack("!IH", find(keep).nxm, 0)
    parts += pack("!H", LOAD | find(keep).width) + kept + kept
    fixed = pack("!HHHQHBxHH", idle, 0, priority, 0, 0, table, 0, 0)
    return _nicira(45, fixed + pack("!IH2x", limit, 0) + parts)


def _is(name: str, value: int) -> bytes:
    """The field of the flow has this value."""
    f = find(name)
    exact, _ = parse(f, value)
    raw = exact if isinstance(exact, bytes) else exact.to_bytes((f.width + 15) // 16 * 2, "big")
    return pack("!H", IMMEDIATE | f.width) + raw + pack("!IH", f.nxm or f.header, 0)
