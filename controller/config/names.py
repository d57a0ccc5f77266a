"""How bridges, networks and ports are called in the network file. Each function returns the name or says what is wrong."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from controller.config.problems import show

BRIDGE = r"^[^/\s]+$"
NETWORK = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
PORT = r"^[^/\s]+/[^/\s]+$"
OVSDB = r"^(unix:/.+|(tcp|ssl):(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):[0-9]{1,5})$"
COLLECTOR = r"^(\[[0-9a-fA-F:.]+\]|[0-9.]+):[0-9]{1,5}$"
DIAL_IN = r"^(ptcp|pssl):[0-9]{1,5}(:(\[[0-9a-fA-F:.]+\]|[0-9.]+))?$"
DPID = r"^(0x[0-9a-fA-F]{1,16}|[0-9a-fA-F]{16}|([0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2})$"


def bridge(name: str) -> str:
    if not re.fullmatch(BRIDGE, name):
        raise ValueError(f"{_or_nothing(name)} is no name of a bridge; it has no slash and no space")
    return name


def network(name: str) -> str:
    return _word(name, "network")


def mesh(name: str) -> str:
    return _word(name, "mesh")


def _word(name: str, what: str) -> str:
    if not re.fullmatch(NETWORK, name):
        like = "up to 63 letters, digits, _ . or -, the first a letter or digit"
        raise ValueError(f"{_or_nothing(name)} is no name for a {what}; take {like}")
    return name


def service(name: str) -> str:
    if not re.fullmatch(NETWORK, name):
        raise ValueError(
            f"{_or_nothing(name)} is no name for a service; take up to 63 letters, digits, _ . or -, the first a letter or digit"
        )
    return name


def vni(value: int) -> int:
    if value == 0:
        raise ValueError("VNI 0 is reserved, BFD has it; take one in 1..16777215")
    if not 1 <= value <= 0xFFFFFF:
        raise ValueError(f"{value} is not in 1..16777215")
    return value


def tos(value: Any) -> Any:
    """A TOS octet, or `inherit`."""
    if value == "inherit" or (type(value) is int and 0 <= value <= 255):
        return value
    raise ValueError(f"{_or_nothing(value)} is neither a number in 0..255 nor inherit")


def vtep(text: str) -> str:
    """An address of either family, as it is usually written."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{_or_nothing(text)} is no address; write it as 192.0.2.1 or 2001:db8::1") from None
    if address.is_multicast or address.is_unspecified or "%" in text:
        raise ValueError(f"{show(text)} is no address at which one hypervisor can be reached")
    return str(address)


def host(text: str) -> str:
    """An address that one host can have, as it is usually written."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{_or_nothing(text)} is no address; write it as 10.0.10.11 or 2001:db8::11") from None
    if address.is_multicast or address.is_unspecified or address.is_loopback or "%" in text or str(address) == "255.255.255.255":
        raise ValueError(f"{show(text)} is no address that one host can have in a network")
    return str(address)


def host_or_nothing(text: str) -> str:
    """The same, or none."""
    return host(text) if text else ""


def subnet(text: str) -> str:
    """Addresses that belong together: the first one and the length of what they share."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError(
            f"{_or_nothing(text)} is no subnet; write it as {_near(text) or '10.0.10.0/24 or 2001:db8::/64'}"
        ) from None


def _near(text: str) -> str:
    """What was meant where bits of a host are set; empty where nobody knows."""
    try:
        return str(ipaddress.ip_network(text, strict=False)) if "/" in text else ""
    except ValueError:
        return ""


def dial_in(text: str) -> str:
    """A place where databases dial in, as Open vSwitch writes it."""
    if not re.fullmatch(DIAL_IN, text):
        raise ValueError(f"{_or_nothing(text)} is no place to dial in; write ptcp:PORT:ADDRESS or pssl:PORT:ADDRESS")
    return text


def collector(text: str) -> str:
    """Who is told of flows: an address and a UDP port."""
    if not re.fullmatch(COLLECTOR, text) or not 1 <= int(text.rpartition(":")[2]) <= 65535:
        raise ValueError(f"{_or_nothing(text)} is no collector; write ADDRESS:PORT, like 192.0.2.9:2055, the port in 1..65535")
    return text


def not_empty_targets(value: tuple[str, ...]) -> tuple[str, ...]:
    """There is at least one collector."""
    if not value:
        raise ValueError("the list is empty; name at least one collector")
    return value


def controller(text: str) -> str:
    """Where a bridge finds its controller."""
    if not re.fullmatch(OVSDB, text):
        raise ValueError(f"{_or_nothing(text)} is no controller; write tcp:ADDRESS:PORT, ssl:ADDRESS:PORT or unix:/PATH")
    return text


def ovsdb(text: str) -> str:
    if not re.fullmatch(OVSDB, text):
        raise ValueError(f"{_or_nothing(text)} is no database; write tcp:HOST:PORT, ssl:HOST:PORT or unix:/PATH")
    host = text.partition(":")[2].rpartition(":")[0].strip("[]")
    if not text.startswith("unix:"):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(f"{show(host)} is a name; write the address: databases are found without DNS") from None
    return text


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
