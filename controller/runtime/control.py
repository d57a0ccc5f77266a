"""The controller at work: what bridges say becomes rows and events, what rows say becomes changes on bridges.

    bytes -> channel -> Control.received -> apps change rows -> engine reruns rules -> sync pushes bundles -> bytes

One thread, one event loop. Long work is done in slices, between which everybody else gets a turn.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from functools import partial

from controller.model import (
    Attachment,
    Backend,
    Bridge,
    BridgeDown,
    BridgeUp,
    Draining,
    FloodPorts,
    FlowExpired,
    Health,
    HealthCheck,
    Host,
    Installed,
    IPv4,
    IPv6,
    Link,
    Mac,
    Member,
    Network,
    PacketIn,
    Pipeline,
    Port,
    PortDown,
    PortUp,
    Service,
    ServicePort,
    Tuned,
    scope_of,
)
from controller.openflow.events import (
    ErrorMessage,
    Event,
    FlowChanged,
    FlowRemoved,
    Malformed,
    MeterStats,
    PortDesc,
    PortStats,
    PortStatus,
    Pushed,
    ReadBack,
    Ready,
)
from controller.pipeline.stages import is_learned
from controller.runtime.beats import beat
from controller.runtime.bulk import Bulk
from controller.runtime.channel import Channel
from controller.runtime.dispatch import Dispatch
from controller.runtime.draining import Drains
from controller.runtime.flushing import Flushing
from controller.runtime.following import Following
from controller.runtime.health import HealthRunner
from controller.runtime.journal import Journal
from controller.runtime.meters import metered
from controller.runtime.peers import Peer, name_of
from controller.runtime.sync import Sync
from controller.state.engine import Engine
from controller.state.tables import Tx

SLICE = 0.005  # seconds of rules until others get their turn
BRIEF = 0.001  # the same while bridges arrive: who is linked to whom is known before pipelines follow from it, and once
COLLECT_AFTER = 2.0  # seconds from the beginning of a bulk change until the garbage collector may look at what it made
AUDIT_SOON = 0.2  # seconds after a change by somebody else, in which more of them may come
SWEEP, BEAT = 3.0, 1.0  # seconds between two readings of counters; they begin with what others do each second
FLOWS_A_SECOND = 1000  # a bridge is asked for no more of its flows a second, so that large bridges are read less often
ALL_FLOWS_A_SECOND = 10_000  # and all bridges together for no more than this
TOGETHER, PAUSE = 100, 0.1  # so many bridges are asked at once, then the others after some seconds
GIVE_BACK = 600.0  # seconds between two looks for meters of ports that are no more: their ids are an array in the switch
BY_TIME = ("idle", "hard")
COUNTERS = (PortStats, MeterStats, ReadBack)  # what comes again and again, and mostly changes nothing
COLLECTIONS: dict[type, str] = {Bridge: "bridges", Port: "ports", Host: "hosts", Link: "links"}
COLLECTIONS |= dict.fromkeys((Network, Attachment, FloodPorts), "networks")
COLLECTIONS |= dict.fromkeys((Service, ServicePort, Backend, HealthCheck, Health, Draining, Tuned), "services")


class Control:
    """The handler of all channels."""

    def __init__(self, engine: Engine, journal: Journal, *, remove_foreign: bool) -> None:
        self.engine, self.journal = engine, journal
        self.peers: dict[str, Peer] = {}
        self.dispatch = Dispatch(engine, journal, self.drive)
        self.sync = Sync(engine, journal, self.peers, self.dispatch.event, self._installed, remove_foreign=remove_foreign)
        self.following = Following(engine, self.drive)
        self.bulk = Bulk(engine)
        self.flushing = Flushing(engine, self.peers)
        self.health = HealthRunner(engine, self.dispatch, journal, self.peers, self._backend_turned)
        self.drains = Drains(engine, self.dispatch, journal, self.flushing.ask)
        self.version = 0  # grows whenever there is something to do
        self._audits: set[str] = set()
        self._scheduled = False  # the next slice of work is on the loop's list
        self._handlers: dict[type, Callable[[Peer, object], None]] = {
            PortStatus: self._port_status,  # type: ignore[dict-item]
            FlowRemoved: self._flow_removed,  # type: ignore[dict-item]
            FlowChanged: self._flow_changed,  # type: ignore[dict-item]
            ReadBack: self.sync.read_back,  # type: ignore[dict-item]
            Pushed: self.sync.pushed,  # type: ignore[dict-item]
            PortStats: self._port_stats,  # type: ignore[dict-item]
            MeterStats: partial(metered, engine, self.dispatch),
            ErrorMessage: self._error,  # type: ignore[dict-item]
            Malformed: self._malformed,  # type: ignore[dict-item]
        }

    def start(self) -> None:
        """Begin with what goes by the clock, in the running event loop; before there are rows."""
        self.health.start()
        self.drains.start()

    # ------------------------------------------------------------------ channels

    def agreed(self, channel: Channel) -> None:
        """A bridge begins to introduce itself."""
        self.sync.ask(channel)

    def ready(self, channel: Channel, ready: Ready) -> None:
        """A bridge has introduced itself."""
        name = name_of(ready, self.engine.tables)
        peer = self.peers.get(name)
        if peer is not None and peer.channel is not None:
            self.journal.add(
                "warning", "bridge.replaced", name, f"{name} connected again from {channel.address}; its old connection is closed"
            )
            old, peer.channel = peer.channel, None
            self.sync.end(peer)
            old.close(f"replaced by a new connection from {channel.address}")
            self._flow_changed(peer, FlowChanged("modified"))  # what came by the old one may be later than what was read by this
        if peer is None:
            peer = self.peers[name] = Peer(name, ready.dpid)
        channel.session.bridge = name
        peer.channel, peer.address, peer.since, peer.reason = channel, channel.address, time.time(), ""
        peer.state = "syncing"
        peer.protocol = channel.session.protocol  # type: ignore[assignment]
        peer.description, peer.failures, peer.window, peer.dropped = ready.description, 0, 0, None
        self.journal.add(
            "info",
            "bridge.connected",
            name,
            f"{name} connected from {channel.address}, OpenFlow {peer.protocol}, {len(ready.ports)} ports",
        )
        self._hold_collector()
        self._introduce(peer, ready)
        self.journal.changed("bridges", "ports")
        self._soon()  # not before what else came with it is taken

    def _introduce(self, peer: Peer, ready: Ready) -> None:
        """Rows for the bridge and its ports, and the events that go with them."""
        name = peer.name
        before = {p.port: p for p in self.engine.tables.where(Port, bridge=name)}
        now = {p.port: _row(name, p) for p in ready.ports}

        def change(tx: Tx) -> None:
            tx.put(Bridge(name, ready.dpid))
            tx.put(Member(scope_of(Pipeline()), name))
            for port in now.values():
                tx.put(port)
            for port in before.values():
                if port.port not in now:
                    tx.drop(port)

        self.dispatch.change(change)
        self.dispatch.event(BridgeUp(name))
        for number in before.keys() - now.keys():
            self.dispatch.event(PortDown(name, number))
        for port in now.values():
            self.dispatch.event(PortUp(name, port.port) if port.up else PortDown(name, port.port))

    def closed(self, channel: Channel, reason: str) -> None:
        """A connection is gone; the flows of its bridge go on working."""
        peer = self.peers.get(channel.session.bridge)
        if peer is None or peer.channel is not channel:
            if not channel.session.bridge:
                self.journal.add(
                    "warning", "connection.refused", channel.address, f"connection from {channel.address} closed: {reason}"
                )
            return
        peer.channel, peer.state, peer.reason, peer.since = None, "disconnected", reason, time.time()
        self.sync.end(peer)
        self.journal.add("warning", "bridge.disconnected", peer.name, f"{peer.name} is gone: {reason}")
        self.journal.changed("bridges")
        self.dispatch.event(BridgeDown(peer.name, reason))
        self.health.bridge(peer.name)
        self.drive()

    def received(self, channel: Channel, events: list[Event]) -> None:
        """What one read brought."""
        peer = self.peers.get(channel.session.bridge)
        if peer is None or peer.channel is not channel:
            return
        packet_in, known, quiet = self.dispatch.packet_in, channel.session.known, True
        for event in events:
            if type(event) is PacketIn:
                packet_in(event, known)
            else:
                quiet = quiet and type(event) in COUNTERS
                self._handlers[type(event)](peer, event)
        if quiet and self._nothing_follows():
            self._send_frames()  # whatever else is due has its own turn
        else:
            self.drive()

    def _nothing_follows(self) -> bool:
        """True where all that changed are rows of an app that no rule reads, no collection shows and nobody watches."""
        engine = self.engine
        if not engine.idle or self.dispatch.confirming.busy or self.sync.due:
            return False
        return all(cls not in COLLECTIONS and cls not in engine.watchers for cls in engine.changed)

    # ------------------------------------------------------------------ work

    def drive(self) -> None:
        """Send frames, and what goes before all else, at once. The rest has its turn now, or with the slice that is waiting."""
        self.engine.run_first()
        self._send_frames(self.sync.greeting.step())
        if not self._scheduled:
            self._go_on()

    def _go_on(self) -> None:
        """Run what is due for a slice of time, and send changes when all rules have run."""
        if not self.idle:
            self.version += 1
        deadline = time.perf_counter() + (BRIEF if self.sync.greeting.busy else SLICE)

        def more() -> bool:
            return time.perf_counter() < deadline

        done = self._run(more)
        self._tell()
        if done and not self.following.due:  # else what it finds goes with the rest
            done = self.sync.settle(more)
            if done:
                self.dispatch.confirming.look()
                self.flushing.step()
        self._send_frames()
        if not done:
            self._hold_collector()
            self._soon()

    def _soon(self) -> None:
        """The next slice comes when all that has come in is taken."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._drive_on)

    def _send_frames(self, more: Sequence[Channel] = ()) -> None:
        """Send the frames of apps, and what is to be sent to some `more` bridges with them."""
        frames = self.dispatch.take_frames()
        if not (frames or more):
            return
        flushing = set(more)
        for bridge, in_port, actions, frame in frames:
            peer = self.peers.get(bridge)
            if peer is not None and peer.channel is not None:
                peer.channel.session.packet_out(in_port, b"".join(actions), frame)
                flushing.add(peer.channel)
        for channel in flushing:
            channel.flush()

    def _run(self, more: Callable[[], bool]) -> bool:
        """Run rules, and let paths and trees follow links and hosts, until nothing is left; False: not done yet."""
        while self.bulk.take(more) and self.engine.run(more):
            if not self.following.step() and not self.bulk.finish():
                return True
        return False

    @property
    def idle(self) -> bool:
        """All rules have run, what follows from links and hosts is known, and all that can be sent is on its way."""
        return self.engine.idle and not (self.following.due or self.bulk.busy or self.sync.due)

    def _drive_on(self) -> None:
        self._scheduled = False
        self.drive()

    def _hold_collector(self) -> None:
        """No garbage collection in a bulk change, nor while it is sent: what it makes stays, and would all be looked at."""
        if gc.isenabled():
            gc.disable()
            asyncio.get_running_loop().call_later(COLLECT_AFTER, gc.enable)

    def _tell(self) -> None:
        """Say which collections look different now, and which rules raised."""
        engine = self.engine
        if engine.changed:
            names = {COLLECTIONS[cls] for cls in engine.changed if cls in COLLECTIONS}
            engine.changed = set()
            if names:
                self.journal.changed(*names)
        if engine.raised:
            raised, engine.raised = engine.raised, []
            for app, error in dict.fromkeys((owner.rule.app.name, owner.error) for owner in raised):
                self.dispatch.tell_failed(app, error)

    def _installed(self, peer: Peer) -> None:
        if peer.channel is not None:
            peer.channel.session.request_port_stats()
        self.dispatch.event(Installed(peer.name))
        self.health.bridge(peer.name)
        self.flushing.bridge(peer.name)
        asyncio.get_running_loop().call_soon(self.drive)

    def _backend_turned(self, service: str, address: IPv4 | IPv6, up: bool) -> None:
        """A backend failed or is well again: its connections are forgotten once no new one goes there, or they live."""
        (self.flushing.forget if up else self.flushing.ask)(service, address)

    # ------------------------------------------------------------------ what bridges say

    def _port_status(self, peer: Peer, event: PortStatus) -> None:
        row = _row(peer.name, event.port)
        old = self.engine.tables.get(Port, peer.name, row.port)
        gone = event.reason == "delete"
        self.dispatch.change(lambda tx: tx.drop(Port, peer.name, row.port) if gone else tx.put(row))
        up = row.up and not gone
        if up != (old is not None and old.up):
            word = "is up" if up else "was removed" if gone else "is down"
            self.journal.add(
                "info", "port.up" if up else "port.down", f"{peer.name}/{row.name}", f"port {row.name} of {peer.name} {word}"
            )
            self.dispatch.event(PortUp(peer.name, row.port) if up else PortDown(peer.name, row.port))
        self.journal.changed("ports")

    def _flow_removed(self, peer: Peer, event: FlowRemoved) -> None:
        owner = self.sync.expired(peer, event) if event.reason in BY_TIME else None
        row = self.engine.tables.get(owner.rule.each, *owner.key) if owner else None
        if row is not None:
            self.dispatch.event(FlowExpired(peer.name, row))

    def _flow_changed(self, peer: Peer, event: FlowChanged) -> None:
        if event.kind == "paused" or event.reason in BY_TIME or peer.name in self._audits:
            return
        if event.slot and is_learned(event.slot):
            return  # the bridge's own
        self._audits.add(peer.name)
        asyncio.get_running_loop().call_later(AUDIT_SOON, self._audit, peer)

    def _audit(self, peer: Peer) -> None:
        self._audits.discard(peer.name)
        if not self.sync.audit(peer):  # one is under way, which may have passed that flow already
            if peer.channel is not None:
                self._flow_changed(peer, FlowChanged("modified"))
        elif peer.channel is not None:
            peer.channel.flush()

    def _port_stats(self, peer: Peer, event: PortStats) -> None:
        peer.port_counters = event.ports
        self.journal.changed("counters")

    def _error(self, peer: Peer, event: ErrorMessage) -> None:
        self.journal.add(
            "warning", "bridge.error", peer.name, f"{peer.name} answered {event.request or 'a message'}: {event.error}"
        )

    def _malformed(self, peer: Peer, event: Malformed) -> None:
        self.journal.add(
            "warning", "bridge.malformed", peer.name, f"{peer.name} sent what cannot be read, left out: {event.what}"
        )

    # ------------------------------------------------------------------ counters and audits, by the clock

    async def sweep(self) -> None:
        """Read counters for ever; the reading of flows is the audit as well."""
        asked: dict[str, float] = {}  # when for its flows, by bridge
        give_back = time.monotonic() + GIVE_BACK
        while True:
            await beat(BEAT, SWEEP - BEAT)
            now, peers = time.monotonic(), list(self.peers.values())
            if now >= give_back and self.engine.idle:
                self.engine.give_back("meter")
                give_back = now + GIVE_BACK
            held = [self.engine.desired.count(peer.name) + len(peer.foreign) for peer in peers]  # by now: it may be filling up
            shared = sum(held) / ALL_FLOWS_A_SECOND
            for number, (peer, flows) in enumerate(zip(peers, held, strict=True), 1):
                if peer.channel is not None:
                    peer.channel.session.request_port_stats()
                    peer.channel.session.request_meter_stats()
                    pause = max(SWEEP, shared, flows / FLOWS_A_SECOND) - SWEEP / 2
                    if now >= asked.setdefault(peer.name, now - SWEEP) + pause and self.sync.audit(peer):
                        asked[peer.name] = now
                    peer.channel.flush()
                if number % TOGETHER == 0 and number < len(peers):
                    await asyncio.sleep(PAUSE)


def _row(bridge: str, port: PortDesc) -> Port:
    return Port(bridge, port.port, port.name, Mac(port.mac), port.up, port.speed or 0)
