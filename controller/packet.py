"""Frames, for apps: parsed and built with os_ken's packet library, read as bytes where it is a matter of two fields."""

from __future__ import annotations

from typing import NamedTuple

from controller.model.address import IPv4, Mac
from controller.pipeline.fields import ARP, LLDP

NEAREST_BRIDGE = Mac("01:80:c2:00:00:0e")  # IEEE 802.1AB: not forwarded by any bridge
CHASSIS_PREFIX = "weft:"


class Beacon(NamedTuple):
    """Who sent a discovery frame: the datapath id and the OpenFlow port that it left by."""

    dpid: int
    port: int


def arp_sender(frame: bytes) -> IPv4 | None:
    """The sender's IPv4 address of an ARP frame (RFC 826), None for other frames and for probes (RFC 5227: 0.0.0.0)."""
    pos = 16 if frame[12:14] == b"\x81\x00" else 12
    if int.from_bytes(frame[pos : pos + 2], "big") != ARP or len(frame) < pos + 30:
        return None
    address = int.from_bytes(frame[pos + 16 : pos + 20], "big")
    return IPv4(address) if address else None


def lldp(dpid: int, port: int, source: Mac, ttl: int) -> bytes:
    """An LLDP frame (IEEE 802.1AB) that says which port of which bridge it left by. `ttl` in seconds, 0..65535."""
    from os_ken.lib.packet import ethernet, packet
    from os_ken.lib.packet import lldp as osken

    frame = packet.Packet()
    frame.add_protocol(ethernet.ethernet(str(NEAREST_BRIDGE), str(source), LLDP))
    chassis = osken.ChassisID(subtype=osken.ChassisID.SUB_LOCALLY_ASSIGNED, chassis_id=f"{CHASSIS_PREFIX}{dpid:016x}".encode())
    port_id = osken.PortID(subtype=osken.PortID.SUB_LOCALLY_ASSIGNED, port_id=f"{port:08x}".encode())
    frame.add_protocol(osken.lldp((chassis, port_id, osken.TTL(ttl=ttl), osken.End())))
    frame.serialize()
    return bytes(frame.data)


def parse_lldp(frame: bytes) -> Beacon | None:
    """Who sent this frame, None where it is not a discovery frame of ours."""
    from os_ken.lib.packet import lldp as osken

    if int.from_bytes(frame[12:14], "big") != LLDP:
        return None
    try:
        parsed, _, _ = osken.lldp.parser(frame[14:])
        chassis, port = parsed.tlvs[0].chassis_id.decode(), parsed.tlvs[1].port_id.decode()
        if not chassis.startswith(CHASSIS_PREFIX):
            return None
        return Beacon(int(chassis.removeprefix(CHASSIS_PREFIX), 16), int(port, 16))
    except Exception:  # os_ken raises struct.error, AttributeError, IndexError and its own on frames that others wrote
        return None
