"""The channel and its session against a real Open vSwitch: connect, read back, change, watch."""

import asyncio
from collections.abc import Awaitable, Callable
from struct import pack

import pytest

from controller.model.events import PacketIn
from controller.openflow.events import FlowChanged, FlowRemoved, Pushed
from controller.runtime.channel import Channel, listen
from tests.fakes.recorder import Recorder
from tests.unit.openflow.things import flow, group, meter, output, put, remove, to_group
from topologies.openvswitch import PrivateOvs

BOTH = pytest.mark.parametrize("protocol", ["1.4", "1.3"])
OFPP_CONTROLLER = 0xFFFFFFFD
UDP = (
    "in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x0800),"
    "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)"
)
EVERYTHING = [meter(3, 100), group(7, 1, 2), flow(1, actions=output(2)), flow(2, table=40, actions=to_group(7)), flow(3)]
Scenario = Callable[[Recorder, Channel], Awaitable[None]]


@pytest.fixture
def play(empty_ovs: PrivateOvs) -> Callable[..., None]:
    """Run a scenario with a bridge of two ports that is connected to us."""

    def play(scenario: Scenario, protocol: str = "1.4") -> None:
        async def whole() -> None:
            recorder = Recorder()
            server = await listen("tcp:127.0.0.1:0", recorder)
            try:
                empty_ovs.add_bridge("br1", dpid=1, ports=("p1", "p2"))
                empty_ovs.vsctl("set", "Bridge", "br1", f"protocols=OpenFlow{protocol.replace('.', '')}")
                empty_ovs.connect(["br1"], server.target)
                await scenario(recorder, await recorder.connected())
            finally:
                await server.close()

        asyncio.run(whole())

    return play


def install_all(number: int = 5) -> list:
    return [put(thing, cookie=number) for thing in EVERYTHING]


@BOTH
def test_a_bridge_connects_and_is_known(play, protocol):
    async def scenario(recorder: Recorder, channel: Channel) -> None:
        (ready,) = recorder.readies
        assert channel.session.protocol == protocol
        assert ready.dpid == 1
        assert ready.features.tables == 254
        assert ready.features.max_meter > 0
        assert [(port.port, port.name, port.up) for port in ready.ports][:2] == [(1, "p1", True), (2, "p2", True)]
        assert ready.ports[2].name == "br1"
        assert "Open vSwitch" in str(ready.description)

    play(scenario, protocol)


@BOTH
def test_what_is_pushed_reads_back_equal(play, ovs, protocol):
    async def scenario(recorder: Recorder, channel: Channel) -> None:
        assert (await recorder.push(channel, install_all())).errors == []
        back = await recorder.read_back(channel)
        assert back.installed == {thing[0]: (5 if thing[0][0] < 254 else 0, thing[2], thing[1]) for thing in EVERYTHING}
        text = ovs.ofctl("--no-stats", "--no-names", "dump-flows", "br1", protocol=f"OpenFlow{protocol.replace('.', '')}")
        assert sorted(line.strip() for line in text.splitlines() if "actions" in line) == [
            "cookie=0x5, priority=100,in_port=1 actions=output:2",
            "cookie=0x5, priority=100,in_port=3 actions=drop",
            "cookie=0x5, table=40, priority=100,in_port=2 actions=group:7",
        ]
        assert (await recorder.push(channel, [remove(thing) for thing in reversed(EVERYTHING)])).errors == []
        assert (await recorder.read_back(channel)).installed == {}

    play(scenario, protocol)


@BOTH
def test_a_flow_refused_at_the_commit_rolls_all_back(play, protocol):
    async def scenario(recorder: Recorder, channel: Channel) -> None:
        await recorder.push(channel, install_all())
        before = (await recorder.read_back(channel)).installed
        pushed = await recorder.push(
            channel, [put(meter(4, 1)), put(meter(3, 9)), put(flow(8)), put(flow(9, actions=to_group(99)))]
        )
        ((index, error),) = pushed.errors
        assert index == 3
        assert error.name == "OFPBAC_BAD_OUT_GROUP"
        assert (await recorder.read_back(channel)).installed == before
        assert (await recorder.push(channel, [put(flow(8))])).errors == []

    play(scenario, protocol)


@BOTH
def test_flows_refused_at_once_are_all_told_and_nothing_is_committed(play, protocol):
    async def scenario(recorder: Recorder, channel: Channel) -> None:
        tcp_dst_alone = pack("!BHHHIH6x", 0, 100, 1, 10, 0x80001C02, 80)
        bad = tcp_dst_alone, b"", bytes(8)
        pushed = await recorder.push(channel, [put(flow(1)), put(bad), put(flow(2)), put(bad)])
        assert [(index, error.name) for index, error in pushed.errors] == [(1, "OFPBMC_BAD_PREREQ"), (3, "OFPBMC_BAD_PREREQ")]
        assert (await recorder.read_back(channel)).installed == {}
        assert (await recorder.push(channel, [put(flow(1))])).errors == []

    play(scenario, protocol)


def test_the_flow_monitor_tells_what_others_do_and_is_silent_about_us(play, ovs):
    async def scenario(recorder: Recorder, channel: Channel) -> None:
        expires = flow(5)[0], flow(5)[1], pack("!4H", 1, 0, 1, 0)
        channel.session.watch_flows()
        await recorder.push(channel, [*install_all(), put(expires, cookie=9)])
        await recorder.push(channel, [put(flow(1, actions=output(1)), cookie=6)])
        await asyncio.to_thread(ovs.ofctl, "--strict", "del-flows", "br1", "priority=100,in_port=1")
        assert await recorder.event(FlowChanged) == FlowChanged("removed", flow(1)[0], 6, "delete")
        await asyncio.to_thread(ovs.ofctl, "add-flow", "br1", "table=7,priority=3,cookie=77,actions=drop")
        stranger = pack("!BHHH4x", 7, 3, 1, 4)
        assert await recorder.event(FlowChanged) == FlowChanged("added", stranger, 77)
        await asyncio.to_thread(ovs.ofctl, "mod-flows", "br1", "table=7,actions=output:1")
        assert await recorder.event(FlowChanged) == FlowChanged("modified", stranger, 77)
        assert await recorder.event(FlowChanged) == FlowChanged("removed", expires[0], 9, "idle")
        assert await recorder.event(FlowRemoved) == FlowRemoved(expires[0], 9, "idle", 0, 0)
        assert recorder.events == []

    play(scenario)


@BOTH
def test_frames_to_the_controller_and_back(play, ovs, protocol):
    async def scenario(recorder: Recorder, channel: Channel) -> None:
        punt = flow(1, table=0, actions=pack("!HHIH6x", 0, 16, OFPP_CONTROLLER, 0xFFFF))
        await recorder.push(channel, [put(punt, cookie=0xABC)])
        await asyncio.to_thread(ovs.appctl, "netdev-dummy/receive", "p1", UDP)
        packet = await recorder.event(PacketIn)
        assert (packet.bridge, packet.in_port, packet.cookie, packet.table) == ("br1", 1, 0xABC, 0)
        assert (str(packet.eth_src), str(packet.eth_dst), packet.eth_type) == ("02:00:00:00:00:01", "02:00:00:00:00:02", 0x0800)
        channel.session.packet_out(OFPP_CONTROLLER, output(2), packet.data)
        channel.session.request_port_stats()
        channel.flush()
        stats = await recorder.until(lambda: next((e for e in recorder.events if hasattr(e, "ports")), None))
        assert stats.ports[1].rx_packets == 1
        assert stats.ports[2].tx_packets == 1

    play(scenario, protocol)


def test_a_port_that_goes_and_comes(play, ovs):
    async def scenario(recorder: Recorder, channel: Channel) -> None:
        await asyncio.to_thread(ovs.vsctl, "del-port", "p2")
        gone = await recorder.until(lambda: next((e for e in recorder.events if getattr(e, "reason", "") == "delete"), None))
        assert gone.port.name == "p2"
        await asyncio.to_thread(ovs.vsctl, "add-port", "br1", "p3")
        come = await recorder.until(lambda: next((e for e in recorder.events if getattr(e, "reason", "") == "add"), None))
        assert come.port.name == "p3"

    play(scenario)


def test_a_thousand_flows_that_come_in_parts(play):
    async def scenario(recorder: Recorder, channel: Channel) -> None:
        changes = [put(flow(port, table=table)) for table in range(3) for port in range(1, 3001)]
        assert isinstance(await recorder.push(channel, changes), Pushed)
        assert len((await recorder.read_back(channel)).installed) == 9000
        await recorder.push(channel, [(slot, 0, None) for slot, _, _ in changes])
        assert (await recorder.read_back(channel)).installed == {}

    play(scenario)


def test_a_switch_of_1_0_is_refused(empty_ovs):
    async def scenario() -> None:
        recorder = Recorder()
        server = await listen("tcp:127.0.0.1:0", recorder)
        empty_ovs.add_bridge("old", dpid=9)
        empty_ovs.vsctl("set", "Bridge", "old", "protocols=OpenFlow10")
        empty_ovs.connect(["old"], server.target)
        reason = await recorder.until(lambda: recorder.reasons)
        assert "offers OpenFlow 1.0 but neither 1.4 nor 1.3" in reason[0]
        assert recorder.readies == []
        log = empty_ovs.directory / "ovs-vswitchd.log"
        async with asyncio.timeout(10):
            while "version negotiation failed" not in log.read_text():
                await asyncio.sleep(0.05)
        await server.close()

    asyncio.run(scenario())
