"""How bridges, networks and ports are called in the network file. Each function returns the name or says what is wrong."""

from __future__ import annotations

import re
from typing import Any

from controller.config.problems import show

BRIDGE = r"^[^/\s]+$"
NETWORK = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
PORT = r"^[^/\s]+/[^/\s]+$"
DPID = r"^(0x[0-9a-fA-F]{1,16}|[0-9a-fA-F]{16}|([0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2})$"


def bridge(name: str) -> str:
    if not re.fullmatch(BRIDGE, name):
        raise ValueError(f"{_or_nothing(name)} is no name of a bridge; it has no slash and no space")
    return name


def network(name: str) -> str:
    if not re.fullmatch(NETWORK, name):
        raise ValueError(
            f"{_or_nothing(name)} is no name for a network; take up to 63 letters, digits, _ . or -, the first a letter or digit"
        )
    return name


def port(name: Any) -> tuple[str, str]:
    """The bridge and the interface of `BRIDGE/INTERFACE`."""
    if not (isinstance(name, str) and re.fullmatch(PORT, name)):
        raise ValueError(f"{_or_nothing(name)} is no port; write it as BRIDGE/INTERFACE, like s1/s1-eth1")
    found, _, interface = name.partition("/")
    return found, interface


def dpid(value: Any) -> int:
    """A datapath id: a number, or text as Open vSwitch shows it."""
    how = "write it as 0x1, or as 16 hexadecimal digits in quotes"
    if isinstance(value, str) and re.fullmatch(DPID, value):
        value = int(value.removeprefix("0x").replace(":", ""), 16)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{_or_nothing(value)} is no datapath id; {how}")
    if not 1 <= value < 1 << 64:
        raise ValueError(f"{show(str(value))} is no datapath id: it has 64 bits and is not 0; {how}")
    return value


def no_number(value: Any) -> Any:
    """A network is referred to by its name; its VLAN id there is a likely mistake."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(
            f'{show(str(value))} is a number; networks go by their name ("{show(str(value))}" in quotes if that is it)'
        )
    return value


def not_empty(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("the list is empty; name at least one network")
    return value


def _or_nothing(value: Any) -> str:
    return show(str(value)) if value not in (None, "") else "nothing"
