"""The reader's interface, for other threads: each question is put together in the event loop, from rows and ledgers.

Answers are frozen values. What is slow (the text of flows, filters) is done in the asking thread, from immutable entries.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Hashable, Iterable
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import fields, replace
from typing import Any, Literal, TypeVar

from controller import __version__
from controller.model import Attachment, Bridge, FloodPorts, Host, Link, Mesh, Network, Port, PortRole, Service, TunnelAt, Vtep
from controller.pipeline import LEARN
from controller.query import (
    Applied,
    AppView,
    BackendView,
    BridgeView,
    Drained,
    EventView,
    Export,
    HostView,
    HypervisorView,
    LinkView,
    NetworkView,
    Page,
    PathView,
    PortView,
    QueryError,
    Question,
    ServiceView,
    Status,
    TunnelView,
    Update,
)
from controller.runtime.catalogue import Catalogue, Held
from controller.runtime.control import Control
from controller.runtime.flows import FlowList
from controller.runtime.journal import Journal
from controller.runtime.networks import Networks
from controller.runtime.peers import Peer
from controller.runtime.service_view import ServiceViews
from controller.runtime.store import Store
from controller.runtime.topology import Topology
from controller.runtime.tunnelwatch import TunnelWatch
from controller.runtime.versions import Versions

S = TypeVar("S")
T = TypeVar("T")
PATIENCE = 10.0  # seconds that a question may wait for the event loop
COUNTERS = tuple(f.name for f in fields(PortView) if f.name[:3] in ("rx_", "tx_"))
PIECE = 4  # things that are described without a turn for others, who may be frames that wait for an answer


class LiveView:
    """`query.View` of a running controller."""

    def __init__(
        self,
        control: Control,
        journal: Journal,
        catalogue: Catalogue,
        networks: Networks,
        tunnels: TunnelWatch,
        store: Store,
        listen: tuple[str, ...],
    ) -> None:
        self._control, self._journal, self._catalogue, self._listen = control, journal, catalogue, listen
        self._networks, self._tunnels = networks, tunnels
        self._engine, self._store = control.engine, store
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._started = time.time()
        self._flows = FlowList(control)
        self._versions = Versions(control, journal, tunnels, store)
        self._services = ServiceViews(control)
        self._services.watch()

    def _ask(self, question: Callable[[], T]) -> T:
        """Run a function in the event loop and wait for its answer."""
        if threading.get_ident() == self._thread:
            return question()

        async def answer() -> T:
            return question()

        return self._wait_for(answer())

    def _describe(self, things: Callable[[], Iterable[S]], view: Callable[[S], T]) -> tuple[T, ...]:
        """What `view` makes of each thing: in the event loop, a few at a time."""
        if threading.get_ident() == self._thread:
            return tuple(map(view, things()))

        async def answer() -> tuple[T, ...]:
            found = []
            for number, thing in enumerate(tuple(things()), 1):
                found.append(view(thing))
                if number % PIECE == 0:
                    await asyncio.sleep(0)
            return tuple(found)

        return self._wait_for(answer())

    def _wait_for(self, answer: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(answer, self._loop).result(PATIENCE)
        except FutureTimeout:
            raise QueryError(503, "Busy", f"the controller did not answer within {PATIENCE:.0f} s; try again") from None
        except RuntimeError:
            answer.close()
            raise QueryError(503, "Stopping", "the controller is stopping") from None

    # ------------------------------------------------------------------ collections

    def version(self, question: Question, bridge: str = "") -> Hashable:
        """Of the answer to a question."""
        return self._versions.of(question, bridge)

    def status(self) -> Status:
        """Count everything."""
        return self._ask(self._status)

    def _status(self) -> Status:
        rows, peers = self._engine.tables.rows, self._control.peers
        apps, failed = self._catalogue.counts()
        return Status(
            version=__version__,
            state="ready",
            started=self._started,
            listen=self._listen,
            bridges=len(peers),
            connected=sum(p.channel is not None for p in peers.values()),
            ports=len(rows[Port]),
            hosts=len(rows[Host]),
            links=len({min((x.bridge, x.port), (x.peer, x.peer_port)) for x in self._engine.tables.all(Link)}),
            networks=len(rows[Network]),
            hypervisors=self._networks.hypervisor_count,
            services=len(rows[Service]),
            flows=sum(self._engine.desired.count(name) for name in peers),
            apps=apps,
            apps_failed=failed,
            revision=self._journal.revision,
            seq=self._journal.seq,
        )

    def bridges(self) -> tuple[BridgeView, ...]:
        """All bridges by name, the disconnected too."""
        return self._describe(lambda: [peer for _, peer in sorted(self._control.peers.items())], self._bridge)

    def _bridge(self, peer: Peer) -> BridgeView:
        desired = self._engine.desired
        ledger = desired.ledgers.get(peer.name)
        return BridgeView(
            name=peer.name,
            dpid=f"{peer.dpid:016x}",
            state=peer.state,
            address=peer.address,
            protocol=peer.protocol,
            since=peer.since,
            description=str(peer.description),
            ports=len(self._engine.tables.where(Port, bridge=peer.name)),
            flows=desired.count(peer.name) + len(peer.foreign),
            pending=max(ledger.open, int(not self._control.idle)) if ledger else 0,  # rules that are due may change anything
            rejected=len(ledger.refused) if ledger else 0,
            flow_mods=peer.flow_mods,
            reason=peer.reason,
        )

    def ports(self, bridge: str = "") -> tuple[PortView, ...]:
        """Ports by bridge and number. Raises QueryError 404 for a bridge that is not known."""

        def rows() -> Iterable[Port]:
            self._known(bridge)
            return self._engine.tables.where(Port, bridge=bridge) if bridge else self._engine.tables.all(Port)

        return self._describe(rows, self._port)

    def _port(self, port: Port) -> PortView:
        peer, tables, at = self._control.peers.get(port.bridge), self._engine.tables, (port.bridge, port.port)
        role = tables.get(PortRole, *at)
        counts = peer.port_counters.get(port.port) if peer else None
        counters = {name: getattr(counts, name) if counts else None for name in COUNTERS}
        return PortView(
            bridge=port.bridge,
            port=port.port,
            name=port.name,
            mac=str(port.mac),
            state="up" if port.up else "down",
            role=role.role if role else "",
            network=" ".join(a.network for a in tables.where(Attachment, bridge=port.bridge, port=port.port)),
            speed=port.speed or None,
            peer=self._far_end(*at),
            hosts=len(tables.bucket(Host, ("bridge", "port"), at)),
            problem=self._tunnels.problem(port.bridge, port.port),
            **counters,
        )

    def _far_end(self, bridge: str, port: int) -> str:
        where = self._engine.tables.where
        ends = [(x.peer, x.peer_port) for x in where(Link, bridge=bridge, port=port)]
        ends = ends or [(x.bridge, x.port) for x in where(Link, peer=bridge, peer_port=port)]
        return f"{ends[0][0]}/{self._port_name(*ends[0])}" if ends else ""

    def _port_name(self, bridge: str, port: int) -> str:
        row = self._engine.tables.get(Port, bridge, port)
        return row.name if row else str(port)

    def hosts(self) -> tuple[HostView, ...]:
        """Learned hosts by address."""
        return self._describe(self._hosts, self._host)

    def _hosts(self) -> list[Host]:
        return sorted(self._engine.tables.all(Host), key=lambda h: (h.mac, h.network))

    def _host(self, host: Host) -> HostView:
        first = self._store.since.get((Host, Host.key_of(host))) or time.time()
        last = max([first, *self._active(host)])
        ips = tuple(map(str, host.ips))
        name = self._port_name(host.bridge, host.port)
        why = self._tunnels.dead.get(host.bridge, "")
        state: Literal["reachable", "unreachable"] = "unreachable" if why else "reachable"
        return HostView(str(host.mac), ips, host.network, host.bridge, host.port, name, first, last, state, why)

    def _active(self, host: Host) -> list[float]:
        """When the flows that the host's frames hit last counted a frame."""
        peer = self._control.peers.get(host.bridge)
        owners = [r.owners.get(Host.key_of(host)) for s in self._engine.apps.values() for r in s.rules if r.each is Host]
        slots = [f.slot for o in owners if o for f in o.flows if f.slot[0] == LEARN.table]
        return [peer.active[slot] for slot in slots if slot in peer.active] if peer else []

    def links(self) -> tuple[LinkView, ...]:
        """Links, each direction by itself."""
        return self._ask(self._topology).link_views()

    def networks(self) -> tuple[NetworkView, ...]:
        """Virtual networks by name."""
        return self._ask(self._topology).network_views()

    def paths(self, source: str, target: str) -> tuple[PathView, ...]:
        """The cheapest paths between two bridges or hosts. Raises QueryError 404, or 409 where it is not clear which hosts."""
        return self._ask(self._topology).paths(source, target)

    def topology(self, form: Export) -> str:
        """Bridges, hosts and links as a document of this format."""
        return self._ask(self._topology).export(form)

    def _topology(self) -> Topology:
        rows = self._engine.tables.all
        return Topology(
            bridges=rows(Bridge),
            ports=rows(Port),
            links=rows(Link),
            hosts=rows(Host),
            networks=rows(Network),
            attachments=rows(Attachment),
            flood_ports=rows(FloodPorts),
            tunnels=rows(TunnelAt),
            meshes=rows(Mesh),
            vteps=rows(Vtep),
            states={name: peer.state for name, peer in self._control.peers.items()},
            revision=self._journal.revision,
        )

    def hypervisors(self) -> tuple[HypervisorView, ...]:
        """Hypervisors of the network file by name."""
        return self._ask(self._hypervisors)

    def _hypervisors(self) -> tuple[HypervisorView, ...]:
        return tuple(map(self._completed, self._networks.hypervisors()))

    def _completed(self, view: HypervisorView) -> HypervisorView:
        """With what its tunnels and its bridge tell: only ovs-ctl writes a version into the database, ovs-vswitchd does not."""
        bridge = self._control.peers.get(view.name)
        version = view.version or (bridge.description.software if bridge else "")
        return replace(view, version=version, problems=view.problems + self._tunnels.problems(view.name))

    def tunnels(self) -> tuple[TunnelView, ...]:
        """Tunnels by mesh and hypervisor, each direction by itself."""
        return self._ask(self._tunnels.views)()

    def services(self) -> tuple[ServiceView, ...]:
        """Virtual services by name."""
        return self._ask(self._services.services)

    def backends(self, service: str = "") -> tuple[BackendView, ...]:
        """Backends by service and address. Raises QueryError 404 for a service that is not known."""
        return self._ask(lambda: self._services.backends(service))

    def drain(self, service: str, address: str, drained: bool) -> Drained:
        """Give a backend no new connections, or again some. Raises QueryError: 404 service or backend unknown, 422 no address."""
        return self._ask(lambda: self._services.drain(service, address, drained))

    def apps(self) -> tuple[AppView, ...]:
        """Plugins by name."""
        owners, refused = self._ask(lambda: (self._catalogue.owners(), self._catalogue.refused()))
        held = {name: Held.of(found, refused) for name, found in owners.items()}  # here, not in the event loop
        return self._describe(self._catalogue.names, lambda name: self._catalogue.view(name, held.get(name)))

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

        def entries() -> Any:
            self._known(bridge)
            return self._flows.snapshots(bridge)

        return self._flows.page(self._ask(entries), table, app, filter, search, sort, limit, cursor)

    def _known(self, bridge: str) -> None:
        if bridge and bridge not in self._control.peers:
            known = ", ".join(sorted(self._control.peers)) or "none has connected yet"
            raise QueryError(404, "No such bridge", f"there is no bridge {bridge!r}; there are: {known}")

    # ------------------------------------------------------------------ events and commands

    def events(self, after: int = 0, limit: int = 200, kind: str = "", severity: str = "") -> tuple[EventView, ...]:
        """History, newest last."""
        return self._journal.events(after, limit, kind, severity)

    def wait(self, seq: int, revision: int, timeout: float) -> Update:
        """Block until something is newer than `seq` or `revision`; an empty Update when the time is over."""
        return self._journal.wait(seq, revision, timeout)

    def set_app(self, name: str, enabled: bool, force: bool = False) -> AppView:
        """Start or stop a plugin while traffic flows. Raises QueryError 404 or 409."""

        def change() -> AppView:
            self._catalogue.switch(name, enabled=enabled, force=force)
            self._control.drive()
            return self._catalogue.view(name)

        return self._ask(change)

    def apply(self, text: str, name: str) -> Applied:
        """Make the network what a network file says. Raises QueryError 422 with every problem, and nothing has changed."""
        file = self._networks.parsed(text, name)  # in the asking thread: a large file takes a while
        ended = threading.Event()
        applied = self._ask(lambda: self._networks.apply_or_refuse(file, name, ended.set))
        if threading.get_ident() != self._thread:
            ended.wait(PATIENCE)  # its rules run in slices; if they take longer it is applied nevertheless
        return applied
