"""The cookie of a flow names who asked for it: magic 8 | app 12 | rule and row 44 bits.

The same after any restart and on any controller, because it is a hash of names and not a counter.

     63    56 55        44 43                                            0
    +--------+------------+-----------------------------------------------+
    |  0x57  | app number | blake2b(rule name, row type and key), 44 bits  |
    +--------+------------+-----------------------------------------------+
"""

from __future__ import annotations

from hashlib import blake2b

from controller.model.rows import Key

MAGIC = 0x57
APP_BITS = 12
APP_MASK = (1 << APP_BITS) - 1
OWNER_BITS = 44
OWNER_MASK = (1 << OWNER_BITS) - 1


def cookie(app: int, rule: str, row_key: Key) -> int:
    """The cookie of what `rule` of app number `app` says for the row with this key."""
    digest = blake2b(f"{rule}{row_key!r}".encode(), digest_size=6).digest()
    return MAGIC << 56 | app << OWNER_BITS | int.from_bytes(digest, "big") & OWNER_MASK


def is_ours(value: int) -> bool:
    """True for a cookie that a weft controller wrote."""
    return value >> 56 == MAGIC


def app_of(value: int) -> int:
    """The app number in a cookie."""
    return value >> OWNER_BITS & APP_MASK
