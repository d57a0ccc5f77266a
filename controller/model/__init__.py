"""The words everybody uses: addresses, rows, events, cookies.

Frozen values, standard library only. Everything else in weft may import this package;
it imports nothing of weft. What a value means on the wire is not known here.
"""

from controller.model.address import IPv4, IPv6, Mac
from controller.model.events import BridgeDown, BridgeUp, FlowExpired, Installed, MovedLongAgo, PacketIn, PortDown, PortUp, Thawed
from controller.model.rows import (
    Address,
    Attachment,
    Bridge,
    BridgeName,
    FloodPorts,
    HopSet,
    Host,
    Link,
    Member,
    Moves,
    Network,
    Number,
    Pipeline,
    Port,
    PortConfig,
    PortRole,
    Row,
    StageRow,
    Tree,
    UnlistedPorts,
    key,
    scope_of,
)

__all__ = [
    "Address",
    "Attachment",
    "Bridge",
    "BridgeDown",
    "BridgeName",
    "BridgeUp",
    "FloodPorts",
    "FlowExpired",
    "HopSet",
    "Host",
    "IPv4",
    "IPv6",
    "Installed",
    "Link",
    "Mac",
    "Member",
    "MovedLongAgo",
    "Moves",
    "Network",
    "Number",
    "PacketIn",
    "Pipeline",
    "Port",
    "PortConfig",
    "PortDown",
    "PortRole",
    "PortUp",
    "Row",
    "StageRow",
    "Thawed",
    "Tree",
    "UnlistedPorts",
    "key",
    "scope_of",
]
