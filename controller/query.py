"""What a reader may see of the controller: immutable views of bridges, ports, hosts, links, apps, flows and events.

The dashboard, the REST API and the command line see nothing else. Times are seconds since the epoch; counters are None
where the switch did not say; collections come sorted by name or number.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from controller.query_services import BackendView as BackendView
from controller.query_services import Drained as Drained
from controller.query_services import ServiceQueries
from controller.query_services import ServiceView as ServiceView


@dataclass(frozen=True, slots=True)
class Status:
    """The controller itself, with the sizes of its collections. A link is counted once for both directions."""

    version: str
    state: Literal["ready", "starting"]
    started: float
    listen: tuple[str, ...]
    bridges: int
    connected: int
    ports: int
    hosts: int
    links: int
    networks: int
    hypervisors: int
    services: int
    flows: int
    apps: int
    apps_failed: int
    revision: int
    seq: int


@dataclass(frozen=True, slots=True)
class BridgeView:
    """An Open vSwitch bridge that is, or was, connected; `reason` says why it is not."""

    name: str
    dpid: str
    state: Literal["connected", "syncing", "disconnected"]
    address: str
    protocol: Literal["1.4", "1.3", ""]
    since: float
    description: str
    ports: int
    flows: int
    pending: int
    rejected: int
    flow_mods: int
    reason: str


@dataclass(frozen=True, slots=True)
class PortView:
    """A port of a bridge, its OpenFlow counters, and what is behind it (`peer` is "s2/s2-eth3", or empty at the edge).

    `role` is held, edge, link, oneway, shared, self, tunnel or bfd, empty where the port is down; `network` names those of an
    edge port. `problem` says where its MTU is too large for the tunnels of its networks.
    """

    bridge: str
    port: int
    name: str
    mac: str
    state: Literal["up", "down"]
    role: str
    network: str
    speed: int | None
    peer: str
    hosts: int
    rx_packets: int | None
    tx_packets: int | None
    rx_bytes: int | None
    tx_bytes: int | None
    rx_dropped: int | None
    tx_dropped: int | None
    rx_errors: int | None
    tx_errors: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class HostView:
    """An address that was learned, and where. It is unreachable where its hypervisor is dead; `why` says how that is known."""

    mac: str
    ips: tuple[str, ...]
    network: str
    bridge: str
    port: int
    port_name: str
    first_seen: float
    last_seen: float
    state: Literal["reachable", "unreachable"] = "reachable"
    why: str = ""


@dataclass(frozen=True, slots=True)
class LinkView:
    """One direction of a link between two bridges. `networks` are those whose flood tree it belongs to."""

    bridge: str
    port: int
    port_name: str
    peer: str
    peer_port: int
    peer_port_name: str
    cost: int
    networks: tuple[str, ...]
    state: Literal["up"]


@dataclass(frozen=True, slots=True)
class NetworkView:
    """A virtual network: its ports, how many of them are isolated, its hosts, the bridges they are on.

    `mesh` are the tunnels that it goes by, under the number `vni`; empty and None where it has none.
    `tree` are the links over which its broadcasts go, each once, as "s1/s1-eth3>s2/s2-eth1".
    """

    name: str
    vlan: int
    vni: int | None
    mesh: str
    description: str
    ports: int
    isolated: int
    hosts: int
    bridges: tuple[str, ...]
    tree: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HopView:
    """A bridge on a path, and the ports by which frames enter and leave it; 0 and empty where the path begins or ends there."""

    bridge: str
    in_port: int
    in_port_name: str
    out_port: int
    out_port_name: str


@dataclass(frozen=True, slots=True)
class PathView:
    """One of the cheapest paths between two ends, each of them a bridge, or a host as "network/mac"."""

    number: int
    source: str
    target: str
    cost: int
    hops: tuple[HopView, ...]


@dataclass(frozen=True, slots=True)
class HypervisorView:
    """A hypervisor whose Open vSwitch weft sets up: is what the network file wants there?

    `waiting` is for its ovs-vswitchd, `refused` by its database; `reason` says why. `problems` are ports that Open vSwitch could
    not make, and what is left as it is because it is not weft's. `bfd` says of each peer that is watched, "core/hv2 up".
    `version` is that of Open vSwitch, as the database says, else the bridge; empty while neither has.
    """

    name: str
    state: Literal["unreachable", "waiting", "refused", "applied"]
    remote: str
    since: float
    version: str
    ports: int
    bfd: tuple[str, ...]
    reason: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TunnelView:
    """A tunnel as one of its ends sees it: does `hypervisor` hear `peer`, by which mesh, and how much?

    `state` is what BFD says where that is on. Else it is up while frames come, and idle when none has come for 30 s; down where
    the tunnel cannot be or the peer is dead, unknown where `hypervisor` cannot be asked. `since` and `cause` are of the last
    change. `mtu`: octets that an IP packet may have. `rx` counts frames that came from the peer, `tx` those that came to it
    from here, in all meshes together. `problems`: ports of `hypervisor` whose MTU is too large for the mesh.
    """

    mesh: str
    hypervisor: str
    peer: str
    state: Literal["up", "down", "idle", "unknown"]
    cause: str
    since: float
    type: str
    mtu: int
    local: str
    remote: str
    rx_packets: int | None
    rx_bytes: int | None
    tx_packets: int | None
    tx_bytes: int | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppView:
    """A plugin; `error` is the traceback of one that failed, `problems` are rows of it that wait, failed or were refused."""

    name: str
    state: Literal["running", "disabled", "failed"]
    description: str
    stages: tuple[str, ...]
    flows: int
    rows: int
    packet_ins: int
    config: Mapping[str, Any]
    error: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowView:
    """A flow, group or meter, with the app, rule and row that want it. Match and actions are ovs-ofctl text.

    `status` is "installed", "pending", "rejected: ...", "hidden by ..." or "foreign".
    """

    kind: Literal["flow", "group", "meter"]
    bridge: str
    table: int
    stage: str
    priority: int
    match: str
    actions: str
    cookie: str
    app: str
    rule: str
    row: str
    why: str
    status: str
    packets: int | None
    bytes: int | None
    idle: int
    hard: int


@dataclass(frozen=True, slots=True)
class EventView:
    """Something that happened; equal ones in a row are folded and counted."""

    seq: int
    time: float
    severity: Literal["info", "warning", "error"]
    kind: str
    subject: str
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a long list; `next` is an opaque cursor, empty at the end."""

    items: tuple[FlowView, ...]
    total: int
    next: str


@dataclass(frozen=True, slots=True)
class Update:
    """What is new since a sequence number and a revision; `changed` names collections."""

    seq: int
    revision: int
    events: tuple[EventView, ...]
    changed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Applied:
    """A network file that holds now: its sizes, how many entries are not as before, and ports that do not exist yet."""

    name: str
    networks: int
    ports: int
    changes: int
    pending: tuple[str, ...]


Export = Literal["node-link", "dot", "graphml"]
"""The topology as a program takes it: JSON for networkx, the DOT language of Graphviz, GraphML."""


Question = Literal["bridges", "ports", "hosts", "links", "networks", "topology", "flows", "apps", "events"]
"""What is asked again and again, and mostly has the same answer."""


class QueryError(ValueError):
    """A question that cannot be answered; becomes problem+json (RFC 9457) in the API."""

    def __init__(self, code: Literal[404, 409, 422, 503], title: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.title = title
        self.detail = detail


class View(ServiceQueries, Protocol):
    """The reader's whole interface. Every method may be called from any thread."""

    def version(self, question: Question, bridge: str = "") -> Hashable:
        """Equal to what it was only where the answer to this is, for one bridge or all; None: not known. Never waits."""

    def status(self) -> Status:
        """Count everything."""

    def bridges(self) -> tuple[BridgeView, ...]:
        """All bridges by name, the disconnected too."""

    def ports(self, bridge: str = "") -> tuple[PortView, ...]:
        """Ports by bridge and number."""

    def hosts(self) -> tuple[HostView, ...]:
        """Learned hosts by address."""

    def links(self) -> tuple[LinkView, ...]:
        """Links, each direction by itself."""

    def networks(self) -> tuple[NetworkView, ...]:
        """Virtual networks by name."""

    def paths(self, source: str, target: str) -> tuple[PathView, ...]:
        """The cheapest paths between two bridges or hosts; none where no links lead from one to the other."""

    def topology(self, form: Export) -> str:
        """Bridges, hosts and links as a document of this format."""

    def hypervisors(self) -> tuple[HypervisorView, ...]:
        """Hypervisors of the network file by name."""

    def tunnels(self) -> tuple[TunnelView, ...]:
        """Tunnels by mesh and hypervisor, each direction by itself."""

    def apps(self) -> tuple[AppView, ...]:
        """Plugins by name."""

    def flows(
        self,
        bridge: str = "",
        table: int | None = None,
        app: str = "",
        filter: str = "",  # noqa: A002 - the word people write in the URL
        search: str = "",
        sort: str = "",
        limit: int = 100,
        cursor: str = "",
    ) -> Page:
        """Flows, groups and meters; `filter` is the language of ovs.flow, `search` a plain substring."""

    def events(self, after: int = 0, limit: int = 200, kind: str = "", severity: str = "") -> tuple[EventView, ...]:
        """History, newest last."""

    def wait(self, seq: int, revision: int, timeout: float) -> Update:
        """Block until something is newer than `seq` or `revision`; an empty Update when the time is over."""

    def set_app(self, name: str, enabled: bool, force: bool = False) -> AppView:
        """Start or stop a plugin while traffic flows."""

    def apply(self, text: str, name: str) -> Applied:
        """Make the network what a network file says; one with mistakes changes nothing."""
