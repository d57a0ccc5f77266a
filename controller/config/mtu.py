"""How large packets may be in a network that goes by tunnels: what the underlay carries, less all headers around them."""

from __future__ import annotations

OUTER = {4: 20, 6: 40}  # octets of the IP header outside
AROUND = {"vxlan": 8 + 8 + 14, "geneve": 8 + 8 + 14, "gre": 4 + 4 + 14}  # UDP, tunnel, Ethernet inside; GRE, key, Ethernet
GRE_CHECKSUM = 4
ESP = 73  # at the most: header 8, IV 16, padding 15 and its trailer 2, check value 32


def carried(kind: str, underlay_mtu: int, version: int, *, csum: bool = False, ipsec: bool = False) -> int:
    """Octets that an IP packet in a tunnel of a kind (vxlan, geneve, gre) may have; `version` is that of IP outside, 4 or 6."""
    checksum = GRE_CHECKSUM if kind == "gre" and csum else 0
    return underlay_mtu - OUTER[version] - AROUND[kind] - checksum - (ESP if ipsec else 0)
