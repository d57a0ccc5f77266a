"""A `controller.query.View` of a network that was never run, to develop and test the dashboard and the API against.

`python -m tests.fakes.view --port 8080 [--flows 10000] [--empty] [--token T]` serves it, with traffic that never ends.
"""

from __future__ import annotations

import builtins
import dataclasses
import itertools
import random
import threading
import time
from collections.abc import Hashable, Iterable

from controller.pipeline.compose import NAMES
from controller.query import (
    Applied,
    AppView,
    BridgeView,
    EventView,
    Export,
    FlowView,
    HostView,
    HypervisorView,
    LinkView,
    NetworkView,
    Page,
    PathView,
    PortView,
    QueryError,
    Question,
    Status,
    TunnelView,
    Update,
)
from controller.runtime.flow_filter import compile_filter
from controller.runtime.topology import Topology
from tests.fakes import network, overlay
from tests.fakes.services import FakeServices

TRACEBACK = """Traceback (most recent call last):
  File "apps/rate_limiter.py", line 31, in limit
    yield POLICY.flow(METER(rows.meter("limit", port.name)), in_port=port.number)
  File "controller/state/reader.py", line 88, in meter
    raise KeyError(name)
rate_limiter.py:31: KeyError: 'limit'
"""


PROBLEMS = ("limit of Port s2:1: failed", "limit of Port s3:2: waits for Network guests")
STAGES = {name: table for table, name in NAMES.items()}
SORTS = ("packets", "bytes", "priority", "table", "bridge", "app", "match", "status")


class FakeView(FakeServices):
    """Holds views in lists; a change replaces one and wakes whoever waits."""

    def __init__(self, flows: int = 0, empty: bool = False, members: int = 2) -> None:
        super().__init__(self._publish, empty)
        self._changed = threading.Condition()
        self._started = time.time() - 7_260
        self._revision = 41
        self._log: list[tuple[int, frozenset[str]]] = []
        self._events: list[EventView] = []
        self._bridges: dict[str, BridgeView] = {}
        self._hosts: dict[str, HostView] = {}
        self._flows: list[FlowView] = []
        self._down_ports: set[tuple[str, int]] = set()
        self._numbers = itertools.count(1)
        self._apps = {app.name: app for app in _apps()}
        self._members = 0 if empty else members  # hypervisors
        self.delay = 0.0
        if not empty:
            self._fill(flows)

    def _fill(self, flows: int) -> None:
        now = time.time()
        self._flows = network.flows(flows)
        self._hosts = {station.mac: network.host_view(station, now) for station in network.stations()}
        for index, name in enumerate(network.CABLES):
            address = f"127.0.0.1:{40_112 + index * 2}"
            self._bridges[name] = BridgeView(
                name,
                f"{index + 1:016x}",
                "connected",
                address,
                "1.4",
                now - 7_200 + index,
                "Open vSwitch 3.1.0",
                len(network.CABLES[name]),
                0,
                0,
                0,
                124 + 11 * index,
                "",
            )
            self._note("info", "bridge.connected", name, f"{name} connected from {address}, OpenFlow 1.4", 7_200 - index)
        for station in network.stations():
            where = f"{station.bridge} port {station.port}"
            self._note(
                "info", "host.learned", station.mac, f"{station.mac} ({station.ip}) learned on {where}", 3_600 - station.number
            )
        self._note("warning", "flow.drift", "s2", "a flow of l2_learning was deleted by hand and is back", 1_340)
        self._note("error", "app.failed", "rate_limiter", "rule limit raised KeyError: 'limit'", 620)
        self._note(
            "warning",
            "flow.foreign",
            "s3",
            "a flow that is not weft's was removed: table=0,priority=1 actions=NORMAL",
            95,
            count=2,
        )

    def _note(self, severity: str, kind: str, subject: str, text: str, ago: float = 0.0, count: int = 1) -> None:
        event = EventView(next(self._numbers), time.time() - ago, severity, kind, subject, text, count)  # type: ignore[arg-type]
        self._events.append(event)

    def _publish(self, *changed: str) -> None:
        with self._changed:
            self._revision += 1
            self._log.append((self._revision, frozenset(changed)))
            self._changed.notify_all()

    # -- what a test or the demo does to the network

    def learn(self, number: int, bridge: str = "s2", port: int = 2) -> HostView:
        """A new host speaks on a port."""
        station = network.Station(f"h{number}", number, bridge, port)
        host = network.host_view(station, time.time(), age=0.0)
        self._hosts[host.mac] = host
        self._flows += network.learned_flows(bridge, station, port)
        self._flows.sort(key=network.order)
        self._note("info", "host.learned", host.mac, f"{host.mac} ({host.ips[0]}) learned on {bridge} port {port}")
        self._publish("hosts", "flows")
        return host

    def bridge_down(self, name: str, reason: str = "no answer to an echo for 8 s") -> None:
        """A bridge stops answering."""
        self._bridges[name] = dataclasses.replace(self._bridges[name], state="disconnected", reason=reason, since=time.time())
        self._note("error", "bridge.disconnected", name, f"{name} disconnected: {reason}")
        self._publish("bridges")

    def bridge_up(self, name: str) -> None:
        """It is back."""
        self._bridges[name] = dataclasses.replace(self._bridges[name], state="connected", reason="", since=time.time())
        self._note("info", "bridge.connected", name, f"{name} connected")
        self._publish("bridges")

    def bridge_hypervisors(self) -> None:
        """The bridges of the hypervisors connect, so that their tunnels lead somewhere."""
        names = (one.name for one in self.hypervisors())
        self._bridges |= {name: dataclasses.replace(self._bridges["s1"], name=name) for name in names}
        self._publish("bridges")

    def lose(self, mac: str, why: str) -> None:
        """The hypervisor of a host is dead."""
        self._hosts[mac] = dataclasses.replace(self._hosts[mac], state="unreachable", why=why)
        self._publish("hosts")

    def port_down(self, bridge: str, port: int) -> None:
        """A cable is pulled."""
        self._down_ports.add((bridge, port))
        self._note("warning", "port.down", f"{bridge}:{port}", f"{bridge} port {port} is down")
        self._publish("ports")

    def mark(self, index: int, status: str) -> None:
        """Give one flow another status."""
        self._flows[index] = dataclasses.replace(self._flows[index], status=status)
        self._publish("flows")

    def count(self) -> None:
        """New counters arrived."""
        for index in random.sample(range(len(self._flows)), min(20, len(self._flows))):
            flow = self._flows[index]
            packets = random.randint(0, 90)
            more = {"packets": (flow.packets or 0) + packets, "bytes": (flow.bytes or 0) + packets * 98}
            self._flows[index] = dataclasses.replace(flow, **more)  # type: ignore[arg-type]
        self._publish("counters")

    # -- View

    def version(self, question: Question, bridge: str = "") -> Hashable:
        """What it says may change at any time."""
        return None

    def status(self) -> Status:
        """Count everything."""
        time.sleep(self.delay)
        connected = sum(bridge.state == "connected" for bridge in self._bridges.values())
        failed = sum(app.state == "failed" for app in self._apps.values())
        return Status(
            "0.1.0",
            "ready",
            self._started,
            ("tcp:127.0.0.1:6653",),
            len(self._bridges),
            connected,
            len(self.ports()),
            len(self._hosts),
            len(self.links()) // 2,
            len(self.networks()),
            len(self.hypervisors()),
            len(self.services()),
            len(self._flows),
            len(self._apps),
            failed,
            self._revision,
            len(self._events),
        )

    def bridges(self) -> tuple[BridgeView, ...]:
        """All bridges by name."""
        sizes: dict[str, int] = {}
        for flow in self._flows:
            sizes[flow.bridge] = sizes.get(flow.bridge, 0) + 1
        return tuple(dataclasses.replace(bridge, flows=sizes.get(name, 0)) for name, bridge in sorted(self._bridges.items()))

    def ports(self, bridge: str = "") -> tuple[PortView, ...]:
        """Ports by bridge and number."""
        if bridge and bridge not in self._bridges:
            raise QueryError(
                404, "No such bridge", f"No bridge is called {bridge!r}; known: {', '.join(sorted(self._bridges)) or 'none'}."
            )
        if not self._bridges:
            return ()
        found = [port for port in network.ports(time.time() - self._started) if bridge in ("", port.bridge)]
        return tuple(
            dataclasses.replace(port, state="down", hosts=0) if (port.bridge, port.port) in self._down_ports else port
            for port in found
        )

    def hosts(self) -> tuple[HostView, ...]:
        """Learned hosts."""
        return tuple(host for _mac, host in sorted(self._hosts.items()))

    def links(self) -> tuple[LinkView, ...]:
        """Links, each direction by itself."""
        return self._topology().link_views()

    def networks(self) -> tuple[NetworkView, ...]:
        """Virtual networks by name."""
        return self._topology().network_views()

    def hypervisors(self) -> tuple[HypervisorView, ...]:
        """Hypervisors by name."""
        return overlay.hypervisors(self._members, self._started)

    def tunnels(self) -> tuple[TunnelView, ...]:
        """Tunnels by mesh and hypervisor."""
        return overlay.tunnels(self._members, self._started)

    def paths(self, source: str, target: str) -> tuple[PathView, ...]:
        """The cheapest paths between two bridges or hosts."""
        return self._topology().paths(source, target)

    def topology(self, form: Export) -> str:
        """Bridges, hosts and links as a document."""
        return self._topology().export(form)

    def _topology(self) -> Topology:
        return network.topology(self._bridges, self._hosts.values())

    def apps(self) -> tuple[AppView, ...]:
        """Plugins by name."""
        sizes: dict[str, int] = {}
        for flow in self._flows:
            sizes[flow.app] = sizes.get(flow.app, 0) + 1
        return tuple(dataclasses.replace(app, flows=sizes.get(name, 0)) for name, app in sorted(self._apps.items()))

    def flows(
        self,
        bridge: str = "",
        table: int | None = None,
        app: str = "",
        filter: str = "",  # noqa: A002
        search: str = "",
        sort: str = "",
        limit: int = 100,
        cursor: str = "",
    ) -> Page:
        """One page of flows, filtered and sorted."""
        found: Iterable[FlowView] = (
            flow
            for flow in self._flows
            if bridge in ("", flow.bridge) and table in (None, flow.table) and app in ("", flow.app) and _has(flow, search)
        )
        if filter:
            found = list(builtins.filter(compile_filter(filter, STAGES), found))
        rows = list(found)
        if sort:
            name = sort.lstrip("-")
            if name not in SORTS:
                raise QueryError(422, "Cannot sort", f"Flows have no field {name!r}; sort by one of {', '.join(SORTS)}.")
            rows.sort(key=lambda flow: (getattr(flow, name) is None, getattr(flow, name)), reverse=sort.startswith("-"))
        start = int(cursor or 0)
        end = start + limit
        return Page(tuple(rows[start:end]), len(rows), str(end) if end < len(rows) else "")

    def events(self, after: int = 0, limit: int = 200, kind: str = "", severity: str = "") -> tuple[EventView, ...]:
        """History, newest last."""
        found = [
            event
            for event in self._events
            if event.seq > after and event.kind.startswith(kind) and severity in ("", event.severity)
        ]
        return tuple(found[-limit:])

    def wait(self, seq: int, revision: int, timeout: float) -> Update:
        """Block until something is newer."""
        with self._changed:
            self._changed.wait_for(lambda: self._revision > revision or len(self._events) > seq, timeout)
            changed = frozenset(name for number, names in self._log if number > revision for name in names)
            return Update(len(self._events), self._revision, tuple(self._events[seq:]), changed)

    def set_app(self, name: str, enabled: bool, force: bool = False) -> AppView:
        """Start or stop a plugin."""
        app = self._apps.get(name)
        if app is None:
            raise QueryError(404, "No such app", f"No app is called {name!r}; known: {', '.join(sorted(self._apps))}.")
        if name == "discovery" and not enabled and not force:
            raise QueryError(409, "App is needed", "Links are found by discovery, and fabric needs links: disable fabric first.")
        self._apps[name] = dataclasses.replace(app, state="running" if enabled else "disabled", error="")
        self._note(
            "info", "app.enabled" if enabled else "app.disabled", name, f"{name} was {'enabled' if enabled else 'disabled'}"
        )
        self._publish("apps", "flows")
        return self._apps[name]

    def apply(self, text: str, name: str) -> Applied:
        """Take a text that has networks in it for a network file."""
        if "networks:" not in text:
            raise QueryError(422, "Nothing was changed: the network file has mistakes", f"{name}:1:1 there are no networks in it")
        return Applied(name, 2, 4, 3, ("s9/s9-eth1",))


def _apps() -> tuple[AppView, ...]:
    return (
        AppView("discovery", "running", "Finds links between bridges by LLDP.", ("ADMIT",), 0, 4, 1_204, {"interval": 1.0}, ""),
        AppView(
            "fabric", "running", "Carries frames between bridges along shortest paths.", ("NEXTHOP", "FLOOD"), 0, 7, 0, {}, ""
        ),
        AppView(
            "l2_learning",
            "running",
            "Learns which address is behind which port.",
            ("LEARN", "FORWARD"),
            0,
            4,
            38,
            {"idle": 300, "max_hosts_per_port": 0, "copies_per_second": 100},
            "",
        ),
        AppView("port_mirror", "disabled", "Copies the traffic of a port to another.", ("EGRESS",), 0, 0, 0, {}, ""),
        AppView(
            "rate_limiter", "failed", "Limits what a port may send.", ("POLICY",), 0, 2, 0, {"rate": 10_000}, TRACEBACK, PROBLEMS
        ),
        AppView("vlan_isolation", "running", "Keeps networks apart by port and VLAN.", ("CLASSIFY", "EGRESS"), 0, 8, 0, {}, ""),
    )


def _has(flow: FlowView, text: str) -> bool:
    values = (flow.match, flow.actions, flow.app, flow.rule, flow.row, flow.why)
    return not text or any(text.lower() in value.lower() for value in values)


def _live(view: FakeView, stop: threading.Event) -> None:
    for number in itertools.count(1):
        if stop.wait(1.0):
            return
        view.count()
        if number % 20 == 0 and number <= 200:
            view.learn(20 + number // 20, random.choice(("s2", "s3")), random.choice((1, 2)))


def main() -> None:
    """Serve a fake network until interrupted."""
    import argparse

    from webui.app import create_app, serve

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--flows", type=int, default=0)
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--token")
    given = parser.parse_args()
    view, stop = FakeView(given.flows, given.empty), threading.Event()
    server = serve(create_app(view, token=given.token), host=given.host, port=given.port, socket_path=None)
    server.start()
    print(server.url, flush=True)
    try:
        _live(view, stop)
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
