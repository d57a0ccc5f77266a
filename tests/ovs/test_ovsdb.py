"""Bridges made and kept on a real Open vSwitch, over every kind of connection, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.cli.supervised import free_address
from controller.ovsdb import idl
from controller.ovsdb.intents import Bfd, Bridge, Controller, Intent, Ipfix, Mirror, NetFlow, Port, SFlow
from controller.ovsdb.provision import HypervisorState
from controller.runtime.channel import ListenError, Tls
from controller.runtime.hypervisors import Hypervisors, Place
from tests.ovs.hypervisor import HypervisorOvs, hypervisor

pytestmark = pytest.mark.ovs
TWO = Intent((Bridge("br1", (Port("p1"), Port("p2")), datapath_id=1), Bridge("br2", (Port("p3"),), datapath_id=2)))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    for arguments in (("init",), ("req+sign", "ctl", "controller"), ("req+sign", "sw", "switch")):
        command = ["ovs-pki", f"--dir={directory / 'pki'}", f"--log={directory / 'log'}", *arguments, "--force"]
        subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=60)
    return directory


@pytest.fixture(scope="module")
def shared(keys: Path) -> Iterator[HypervisorOvs]:
    with hypervisor(keys) as ovs:
        yield ovs


@pytest.fixture
def ovs(shared: HypervisorOvs) -> HypervisorOvs:
    """A hypervisor without bridges."""
    for bridge in shared.vsctl("list-br").split():
        shared.vsctl("del-br", bridge)
    shared.vsctl("--all", "destroy", "QoS", "--", "del-manager", "--", "set", "Open_vSwitch", ".", "ovs_version=3.1.0")
    return shared


class Keeper:
    """Hypervisors, and what was told of them."""

    def __init__(self, tls: Tls | None = None) -> None:
        self.told: list[tuple[str, str, str, str]] = []
        self.hypervisors = Hypervisors("test", lambda *event: self.told.append(event), tls)

    def keep(self, remote: str, intent: Intent = TWO, **more: str) -> None:
        self.hypervisors.apply({"hv1": (Place(remote, **more), intent)})

    @property
    def state(self) -> HypervisorState:
        return self.hypervisors.states()[0]

    def kinds(self) -> list[str]:
        return [kind for _, kind, _, _ in self.told]

    async def until(self, what: Callable[[], Any], seconds: float = 15.0) -> float:
        """Wait for something; gives how long it took, in milliseconds."""
        begun = time.monotonic()
        while not what():
            assert time.monotonic() - begun < seconds, f"not within {seconds:g} s: {self.state}, {self.told[-5:]}"
            await asyncio.sleep(0.002)
        return (time.monotonic() - begun) * 1000

    async def applied(self) -> float:
        return await self.until(lambda: self.state.state == "applied")


def scenario(work: Callable[[Keeper], Awaitable[None]], tls: Tls | None = None) -> None:
    """Run it in an event loop; errors in callbacks are errors."""

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        keeper = Keeper(tls)
        try:
            await work(keeper)
        finally:
            keeper.hypervisors.close()

    failures: list[dict[str, Any]] = []
    asyncio.run(run())
    assert failures == []


def column(ovs: HypervisorOvs, table: str, record: str, name: str) -> Any:
    """A column as the database has it, in OVSDB's JSON."""
    found = json.loads(ovs.vsctl("--format=json", f"--columns={name}", "list", table, record))
    return found["data"][0][0]


def ours(keys: Path) -> Tls:
    return Tls(keys / "ctl-privkey.pem", keys / "ctl-cert.pem", keys / "pki" / "switchca" / "cacert.pem")


@pytest.mark.parametrize("kind", ["unix", "tcp", "ssl", "ptcp", "pssl"])
def test_bridges_are_made_over_every_kind_of_connection(ovs: HypervisorOvs, keys: Path, kind: str) -> None:
    async def work(keeper: Keeper) -> None:
        if kind.startswith("p"):
            port = free_address("127.0.0.1:0").rpartition(":")[2]
            keeper.keep("", listen=f"{kind}:{port}:127.0.0.1")
            if kind == "pssl":
                ca = keys / "pki" / "controllerca" / "cacert.pem"
                ovs.vsctl("--no-wait", "set-ssl", str(keys / "sw-privkey.pem"), str(keys / "sw-cert.pem"), str(ca))
            ovs.vsctl("--no-wait", "set-manager", f"{kind[1:]}:127.0.0.1:{port}")
        else:
            keeper.keep(ovs.unix if kind == "unix" else ovs.remote(kind))
        took = await keeper.applied()
        assert sorted(ovs.vsctl("list-br").split()) == ["br1", "br2"]
        assert ovs.vsctl("list-ports", "br1").split() == ["p1", "p2"]
        assert keeper.state.version == "3.1.0"
        assert [event[:3] for event in keeper.told] == [
            ("info", "hypervisor.connected", "hv1"),
            ("info", "hypervisor.applied", "hv1"),
        ]
        assert all(port.number for port in keeper.state.ports)
        print(f"\n{kind}: two bridges with three ports in {took:.0f} ms from the first packet")

    scenario(work, ours(keys))


def test_all_that_can_be_wanted_and_all_of_it_away_again(ovs: HypervisorOvs) -> None:
    wanted = Intent(
        (
            Bridge(
                "br1",
                (
                    Port("br1", "internal", mtu=1400),
                    Port("in1", "internal", number=7, max_rate=10_000_000),
                    Port("to2", "patch", {"peer": "to1"}),
                    Port("vx1", "vxlan", {"remote_ip": "192.0.2.2", "key": "0"}, bfd=Bfd(options={"check_tnl_key": "true"})),
                ),
                (Controller("tcp:127.0.0.1:1"), Controller("tcp:127.0.0.1:2")),
                datapath_id=0xAB,
                other_config={"mac-aging-time": "60"},
                mirrors=(Mirror("m1", "in1", sources=("to2",), destinations=("vx1",)),),
                netflow=NetFlow(("127.0.0.1:2055",), 60),
                sflow=SFlow(("127.0.0.1:6343",), "lo"),
                ipfix=Ipfix(("127.0.0.1:4739",), 100, 1, 2),
            ),
            Bridge("br2", (Port("to1", "patch", {"peer": "to2"}),)),
        )
    )

    async def work(keeper: Keeper) -> None:
        keeper.keep(ovs.unix, wanted)
        await keeper.applied()
        assert column(ovs, "Bridge", "br1", "fail_mode") == "secure"
        assert column(ovs, "Bridge", "br1", "datapath_id") == "00000000000000ab"
        assert column(ovs, "Interface", "in1", "ofport") == 7
        assert dict(column(ovs, "Interface", "vx1", "bfd")[1])["check_tnl_key"] == "true"
        await keeper.until(lambda: dict(column(ovs, "Interface", "vx1", "bfd_status")[1]).get("state") == "down")
        assert column(ovs, "Interface", "br1", "mtu") == 1400
        assert sorted(ovs.vsctl("get-controller", "br1").split()) == ["tcp:127.0.0.1:1", "tcp:127.0.0.1:2"]
        assert column(ovs, "Mirror", "m1", "select_all") is False
        assert dict(column(ovs, "QoS", column(ovs, "Port", "in1", "qos")[1], "other_config")[1]) == {"max-rate": "10000000"}
        assert ovs.vsctl("--columns=sampling", "list", "IPFIX").split() == ["sampling", ":", "100"]
        await keeper.until(lambda: next(port.bfd for port in keeper.state.ports if port.name == "vx1") == "down")
        before = ovs.vsctl("get", "Open_vSwitch", ".", "next_cfg")
        keeper.keep(ovs.unix, wanted)
        await asyncio.sleep(0.1)
        assert ovs.vsctl("get", "Open_vSwitch", ".", "next_cfg") == before  # nothing to do, so nothing was done
        keeper.keep(ovs.unix, Intent())
        await keeper.until(lambda: keeper.kinds().count("hypervisor.applied") == 2)
        assert ovs.vsctl("list-br") == ""
        for table in ("Port", "Interface", "Controller", "QoS", "Mirror", "NetFlow", "sFlow", "IPFIX"):
            assert ovs.vsctl("--columns=_uuid", "list", table) == ""

    scenario(work)


def test_what_others_made_is_left_and_taken_over_only_where_that_is_said(ovs: HypervisorOvs) -> None:
    ovs.vsctl("add-br", "br1", "--", "set-fail-mode", "br1", "standalone", "--", "add-port", "br1", "eth0")

    async def work(keeper: Keeper) -> None:
        keeper.keep(ovs.unix)
        await keeper.applied()
        assert "bridge.foreign" in keeper.kinds()
        assert [(p.subject, "adopt: true" in p.text) for p in keeper.state.problems] == [("br1", True)]
        assert ovs.vsctl("list-ports", "br1").split() == ["eth0"]
        assert ovs.vsctl("get-fail-mode", "br1").strip() == "standalone"
        keeper.keep(ovs.unix, Intent((Bridge("br1", (Port("p1"),), adopt=True),)))
        await keeper.until(lambda: keeper.kinds().count("hypervisor.applied") == 2)
        assert keeper.state.problems == ()
        assert ovs.vsctl("list-ports", "br1").split() == ["eth0", "p1"]
        assert ovs.vsctl("get-fail-mode", "br1").strip() == "secure"
        assert ovs.vsctl("list-br").split() == ["br1"]  # br2 was ours, and is wanted no more
        keeper.keep(ovs.unix, Intent())
        await keeper.until(lambda: keeper.kinds().count("hypervisor.applied") == 3)
        assert ovs.vsctl("list-ports", "br1").split() == ["eth0"]

    scenario(work)


def test_what_open_vswitch_cannot_make_is_said_and_when_it_can(ovs: HypervisorOvs) -> None:
    def intent(**options: str) -> Intent:
        other = Bridge("br2", (Port("other", "patch", {"peer": "bad"}),))
        return Intent((Bridge("br1", (Port("bad", "patch", options),)), other))

    async def work(keeper: Keeper) -> None:
        keeper.keep(ovs.unix, intent())
        await keeper.until(lambda: "port.error" in keeper.kinds())
        bad = next(port for port in keeper.state.ports if port.name == "bad")
        print(f"\nshown: {bad.error}")
        assert bad.number is None
        assert bad.error == column(ovs, "Interface", "bad", "error")
        keeper.keep(ovs.unix, intent(peer="other"))
        await keeper.until(lambda: "port.recovered" in keeper.kinds())
        assert all(port.number for port in keeper.state.ports)

    scenario(work)


def test_a_refused_transaction_is_shown_and_not_repeated(ovs: HypervisorOvs) -> None:
    async def work(keeper: Keeper) -> None:
        keeper.keep(ovs.unix, Intent((Bridge("br1", (Port("p1", number=70_000),)),)))
        await keeper.until(lambda: keeper.state.state == "refused")
        print(f"\nshown: {keeper.state.reason}")
        assert "70000" in keeper.state.reason
        await asyncio.sleep(0.2)
        assert keeper.kinds().count("hypervisor.refused") == 1
        ovs.vsctl("add-br", "br9")  # something else: it may be possible now, so it is tried
        await keeper.until(lambda: keeper.kinds().count("hypervisor.refused") == 2)
        keeper.keep(ovs.unix)
        await keeper.applied()
        assert sorted(ovs.vsctl("list-br").split()) == ["br1", "br2", "br9"]

    scenario(work)


def test_what_was_made_goes_with_a_hypervisor_that_is_kept_no_more(ovs: HypervisorOvs) -> None:
    async def work(keeper: Keeper) -> None:
        keeper.keep(ovs.unix)
        await keeper.applied()
        keeper.hypervisors.apply({"other": (Place(ovs.unix), TWO)})  # the same one by another name: all stays
        await keeper.applied()
        assert "hypervisor.left" not in keeper.kinds()
        ovs.vsctl("add-port", "br1", "vm1", "--", "set", "Interface", "vm1", "type=dummy")
        keeper.hypervisors.apply({})
        assert keeper.hypervisors.states() == ()
        await keeper.until(lambda: "hypervisor.left" in keeper.kinds())
        assert ovs.vsctl("list-br").split() == ["br1"]
        assert ovs.vsctl("list-ports", "br1").split() == ["vm1"]
        assert ovs.vsctl("get-controller", "br1").split() == []
        text = "other is kept no more; what weft made there is removed, but br1: it is not removed: port vm1 on it is not ours"
        assert keeper.told[-1] == ("warning", "hypervisor.left", "other", text)
        keeper.keep(ovs.unix)
        await keeper.applied()
        ovs.vsctl("del-port", "br1", "vm1")
        keeper.hypervisors.apply({})
        keeper.keep(ovs.unix)  # it is back before it was gone
        await keeper.applied()
        assert sorted(ovs.vsctl("list-br").split()) == ["br1", "br2"]
        keeper.hypervisors.apply({}, others={"hv1"})  # somebody else keeps it from now on
        assert sorted(ovs.vsctl("list-br").split()) == ["br1", "br2"]
        keeper.keep("unix:/nowhere")
        await keeper.until(lambda: keeper.state.reason)
        keeper.hypervisors.apply({})
        await keeper.until(lambda: keeper.kinds().count("hypervisor.left") == 2)
        assert "what weft made there stays, it is unreachable: no such file or directory" in keeper.told[-1][3]

    scenario(work)


def test_what_somebody_takes_away_comes_back(ovs: HypervisorOvs) -> None:
    async def work(keeper: Keeper) -> None:
        keeper.keep(ovs.unix)
        await keeper.applied()
        ovs.vsctl("--no-wait", "del-port", "p1", "--", "del-br", "br2", "--", "set-fail-mode", "br1", "standalone")
        took = await keeper.until(lambda: sorted(ovs.vsctl("list-br").split()) == ["br1", "br2"])
        assert ovs.vsctl("list-ports", "br1").split() == ["p1", "p2"]
        assert ovs.vsctl("get-fail-mode", "br1").strip() == "secure"
        print(f"\ntaken away and back after {took:.0f} ms")

    scenario(work)


@pytest.mark.parametrize("program", ["ovs-vswitchd", "ovsdb-server"])
def test_daemons_killed_and_started_again(ovs: HypervisorOvs, program: str) -> None:
    more = Intent((*TWO.bridges, Bridge("br3", (Port("p4"),), datapath_id=3)))

    async def work(keeper: Keeper) -> None:
        keeper.keep(ovs.unix)
        await keeper.applied()
        ovs.kill(program)
        if program == "ovsdb-server":
            lost = await keeper.until(lambda: keeper.state.state == "unreachable")
            print(f"\nkilled ovsdb-server: known after {lost:.0f} ms: {keeper.state.reason}")
            assert keeper.state.reason
        keeper.keep(ovs.unix, more)  # what is wanted waits
        await asyncio.sleep(0.3)
        assert keeper.state.state == ("unreachable" if program == "ovsdb-server" else "waiting")
        assert keeper.state.reason
        ovs.start_again(program)  # in this thread: the daemons end with the one that started them
        took = await keeper.applied()
        print(f"{program} started again: all that is wanted is there after {took:.0f} ms")
        assert sorted(ovs.vsctl("list-br").split()) == ["br1", "br2", "br3"]
        assert {port.name for port in keeper.state.ports if port.number} >= {"p1", "p2", "p3", "p4"}

    scenario(work)


def test_a_hypervisor_that_lost_its_database_gets_all_again() -> None:
    async def work(keeper: Keeper) -> None:
        keeper.keep(own.unix)
        await keeper.applied()
        for program in ("ovs-vswitchd", "ovsdb-server"):
            own.kill(program)
        await keeper.until(lambda: keeper.state.state == "unreachable")
        own.new_database()
        own.start_again("ovsdb-server")
        await keeper.until(lambda: "ovs-vsctl init" in " ".join(p.text for p in keeper.state.problems))
        assert keeper.state.state == "waiting"
        own.vsctl("--no-wait", "init")
        own.start_again("ovs-vswitchd")
        print(f"\nan empty database: all there after {await keeper.applied():.0f} ms")
        assert sorted(own.vsctl("list-br").split()) == ["br1", "br2"]
        assert keeper.state.problems == ()

    with hypervisor() as own:
        scenario(work)


def test_a_hypervisor_that_is_away_is_unreachable_and_says_why(tmp_path: Path) -> None:
    async def work(keeper: Keeper) -> None:
        keeper.keep(f"unix:{tmp_path / 'none'}")
        await keeper.until(lambda: keeper.kinds() == ["hypervisor.unreachable"])
        assert keeper.state.reason == "no such file or directory"
        await asyncio.sleep(0.5)
        assert keeper.kinds() == ["hypervisor.unreachable"]  # told once

    scenario(work)


def test_a_hypervisor_that_starts_together_with_the_controller_is_not_told_to_be_away() -> None:
    async def work(keeper: Keeper) -> None:
        own.kill("ovsdb-server")
        keeper.keep(own.unix)
        await asyncio.sleep(0.3)
        assert (keeper.state.state, keeper.kinds()) == ("waiting", [])
        own.start_again("ovsdb-server")
        await keeper.applied()
        assert "hypervisor.unreachable" not in keeper.kinds()
        own.kill("ovsdb-server")
        await keeper.until(lambda: "hypervisor.unreachable" in keeper.kinds())

    with hypervisor() as own:
        scenario(work)


@pytest.mark.parametrize(
    ("answer", "reason"), [(b"{}", "protocol error"), (b"[1, 2]\xff", "invalid or incomplete"), (b" ", "hung up")]
)
def test_who_does_not_speak_ovsdb_is_no_hypervisor(answer: bytes, reason: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        writer.close()

    async def work(keeper: Keeper) -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        keeper.keep(f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await keeper.until(lambda: "hypervisor.unreachable" in keeper.kinds())
        assert reason in keeper.state.reason
        server.close()

    scenario(work)


def test_who_says_nothing_is_no_hypervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idl, "LOADING", 0.3)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def work(keeper: Keeper) -> None:
        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        keeper.keep(f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await keeper.until(lambda: "hypervisor.unreachable" in keeper.kinds())
        assert keeper.state.reason == "it does not answer as an Open_vSwitch database does"
        server.close()

    scenario(work)


def test_against_somebody_who_undoes_all_it_does_not_run_hot(ovs: HypervisorOvs) -> None:
    async def work(keeper: Keeper) -> None:
        keeper.keep(ovs.unix)
        await keeper.applied()
        undone, begun = 0, time.monotonic()
        while time.monotonic() - begun < 1.5:
            if "p1" in ovs.vsctl("--no-wait", "list-ports", "br1").split():
                ovs.vsctl("--no-wait", "del-port", "p1")
                undone += 1
            await asyncio.sleep(0.01)
        took = time.monotonic() - begun
        print(f"\nundone {undone} times in {took:.1f} s")
        assert 2 <= undone <= 10 * (took + 1)
        await keeper.until(lambda: "p1" in ovs.vsctl("list-ports", "br1").split())

    scenario(work)


def test_those_that_dial_in_are_told_apart_by_their_system_id(ovs: HypervisorOvs) -> None:
    async def work(keeper: Keeper) -> None:
        port = free_address("127.0.0.1:0").rpartition(":")[2]
        listen = f"ptcp:{port}:127.0.0.1"
        ovs.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:system-id=chassis-2")
        wanted = {"hv1": (Place(listen=listen, system_id="chassis-1"), TWO)}
        keeper.hypervisors.apply(wanted)
        ovs.vsctl("--no-wait", "set-manager", f"tcp:127.0.0.1:{port}")
        await keeper.until(lambda: "hypervisor.unknown" in keeper.kinds())
        assert "chassis-2" in keeper.told[-1][3]
        assert ovs.vsctl("list-br") == ""
        keeper.hypervisors.apply(wanted | {"hv2": (Place(listen=listen, system_id="chassis-2"), TWO)})
        await keeper.until(lambda: [s.state for s in keeper.hypervisors.states()] == ["unreachable", "applied"])
        assert sorted(ovs.vsctl("list-br").split()) == ["br1", "br2"]

    scenario(work)


def test_where_tls_does_not_stand_it_is_said_why(ovs: HypervisorOvs, keys: Path) -> None:
    wrong = Tls(keys / "ctl-privkey.pem", keys / "ctl-cert.pem", keys / "pki" / "controllerca" / "cacert.pem")

    async def work(keeper: Keeper) -> None:
        keeper.keep(ovs.remote("ssl"))
        await keeper.until(lambda: "hypervisor.unreachable" in keeper.kinds())
        print(f"\nshown: {keeper.state.reason}")
        assert "CERTIFICATE_VERIFY_FAILED" in keeper.state.reason

    scenario(work, wrong)


def test_places_that_cannot_be() -> None:
    async def work(keeper: Keeper) -> None:
        with pytest.raises(ListenError, match="needs --private-key"):
            keeper.keep("ssl:127.0.0.1:1")
        with pytest.raises(ListenError, match="is no place to dial in"):
            keeper.keep("", listen="tcp:127.0.0.1:1")
        assert keeper.hypervisors.states() == ()

    scenario(work)
