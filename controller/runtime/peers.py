"""Bridges as the runtime knows them: connected or away, by name, with what they told us of themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from controller.model import Bridge, Hypervisor
from controller.openflow.events import Description, PortCounters, Ready
from controller.pipeline.actions import PORT_LOCAL
from controller.state.tables import Tables

if TYPE_CHECKING:
    from controller.runtime.channel import Channel

State = Literal["connected", "syncing", "disconnected"]
UNSEEN = frozenset(("version", "channel", "window", "dropped_at", "storms"))  # fields that no reader is shown


@dataclass(slots=True, eq=False)
class Peer:
    """A bridge that is, or was, connected. Counters are those of the last sweep."""

    name: str
    dpid: int
    channel: Channel | None = None
    state: State = "syncing"
    since: float = 0.0
    address: str = ""
    protocol: Literal["1.4", "1.3", ""] = ""
    description: Description = field(default_factory=Description)
    reason: str = ""
    flow_mods: int = 0
    failures: int = 0  # bundles refused in a row
    window: int = 0  # changes a bundle may have; 0 = all
    counters: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    active: dict[bytes, float] = field(default_factory=dict)  # when the counters of a flow last rose
    foreign: dict[bytes, tuple[int, bytes, bytes]] = field(default_factory=dict)
    port_counters: dict[int, PortCounters] = field(default_factory=dict)
    dropped: dict[bytes, tuple[int, int]] | None = None  # by meters: frames, bytes; None: not read since it connected
    dropped_at: float = 0.0  # when that was, on the monotonic clock
    storms: set[bytes] = field(default_factory=set)  # meters that dropped something when they were last read
    version: int = 0  # grows with every change that a reader may see

    def __setattr__(self, name: str, value: object) -> None:
        if name not in UNSEEN:
            old = getattr(self, name, None)
            if value is old or value != old:  # the same object: it was changed in its place
                object.__setattr__(self, "version", getattr(self, "version", 0) + 1)
        object.__setattr__(self, name, value)


def name_of(ready: Ready, tables: Tables) -> str:
    """A bridge is called like its LOCAL port; where another bridge has that name, its datapath id is put behind it.

    That of a hypervisor is called like the hypervisor: all of them may have a `br-int`. A datapath id that is known keeps its
    name, also over a restart, whichever bridge connects first.
    """
    for bridge in tables.where(Bridge, dpid=ready.dpid):
        return bridge.bridge
    dpid = f"{ready.dpid:016x}"
    given = next((hypervisor.name for hypervisor in tables.where(Hypervisor, dpid=ready.dpid)), "")
    name = given or next((p.name for p in ready.ports if p.port == PORT_LOCAL), "") or dpid
    return f"{name}-{dpid}" if tables.get(Bridge, name) is not None else name
