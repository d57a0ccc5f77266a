"""Bad peers: each ends its own connection, with a reason, and a real Open vSwitch beside them notices nothing."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from struct import pack

import pytest

from controller.openflow import codec
from controller.openflow.events import Malformed
from controller.runtime import channel as channels
from controller.runtime.channel import Channel, Server, listen
from tests.fakes.recorder import Recorder
from tests.fakes.switch import FakeSwitch, Link, connect
from tests.unit.openflow.things import flow, put
from topologies.openvswitch import PrivateOvs

FRAME = bytes(60)
HELLO = b"\5\0\0\x10\0\0\0\1\0\1\0\x08\0\0\0\x30"
Scenario = Callable[[Recorder, Server, Channel], Awaitable[None]]


@pytest.fixture
def beside(empty_ovs: PrivateOvs) -> Callable[[Scenario], None]:
    """Run a scenario beside a bridge that must still work afterwards, on its first connection."""

    def play(scenario: Scenario) -> None:
        async def whole() -> None:
            recorder = Recorder()
            server = await listen("tcp:127.0.0.1:0", recorder)
            empty_ovs.add_bridge("good", dpid=1, controller=server.target)
            good = await recorder.connected()
            await scenario(recorder, server, good)
            assert (await recorder.push(good, [put(flow(1))])).errors == []
            assert recorder.channels[1] is good
            await server.close()

        asyncio.run(whole())

    return play


async def raw(port: int, data: bytes) -> bytes:
    """Send bytes on a connection of their own; what came back until its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "this is not OpenFlow: it starts with the byte 0x47"),
        (bytes(64), "a message says that it is 0 bytes long"),
        (HELLO + b"\5\2\0\3\0\0\0\0", "a message says that it is 3 bytes long"),
        (HELLO + b"\5\x77\0\x08\0\0\0\0", "does not send messages of type 119"),
        (HELLO + b"\4\2\0\x08\0\0\0\0", "a message of version 0x04 after version 0x05 was agreed on"),
        (HELLO + codec.message(5, codec.FEATURES_REPLY, 2, bytes(4)), "cannot be read"),
        (b"\5\0\0\x0c\0\0\0\1\0\1\0\x09", "its hello cannot be read"),
        (codec.message(5, codec.ECHO_REQUEST, 1), "began with a message of type 2 instead of a hello"),
    ],
)
def test_malformed_bytes_end_that_connection_alone(beside, data, reason):
    async def scenario(recorder: Recorder, server: Server, good: Channel) -> None:
        await raw(server.port, data)
        assert reason in await recorder.until(lambda: "".join(recorder.reasons))

    beside(scenario)


def test_a_switch_of_1_0_is_sent_a_proper_refusal(beside):
    async def scenario(recorder: Recorder, server: Server, good: Channel) -> None:
        answer = await raw(server.port, b"\1\0\0\x08\0\0\0\x07")
        hello, refusal = answer[:16], answer[16:]
        assert hello[:2] == b"\5\0"
        assert refusal[:12] == pack("!BBHIHH", 1, codec.ERROR, len(refusal), 7, 0, 0)
        assert "offers OpenFlow 1.0" in recorder.reasons[0]

    beside(scenario)


def test_a_probe_of_the_port_costs_nothing(beside):
    async def scenario(recorder: Recorder, server: Server, good: Channel) -> None:
        for _ in range(50):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.close()
        await recorder.until(lambda: len(recorder.reasons) == 50)
        assert set(recorder.reasons) <= {"closed by the switch", "connection reset by peer"}
        assert server.channels == {good}

    beside(scenario)


def test_an_unreadable_notice_is_counted_and_the_connection_goes_on(beside):
    async def scenario(recorder: Recorder, server: Server, good: Channel) -> None:
        link = await connect(FakeSwitch(dpid=2), server.port)
        channel = await recorder.connected(2)
        link.send(codec.message(5, codec.PACKET_IN, 0, bytes(10)) + link.switch.packet_in(1, FRAME))
        malformed = await recorder.event(Malformed)
        assert "packet-in of 18 bytes" in malformed.what
        await recorder.until(lambda: len(recorder.events) == 1)
        assert recorder.channels[2] is channel

    beside(scenario)


def test_a_stuck_switch_does_not_delay_another_and_is_bounded(beside, monkeypatch):
    monkeypatch.setattr(channels, "SEND_LIMIT", 4 << 20)

    async def scenario(recorder: Recorder, server: Server, good: Channel) -> None:
        link = await connect(FakeSwitch(dpid=2), server.port)
        stuck = await recorder.connected(2)
        link.stuck()
        stuck.session.push([put(flow(port, table=table)) for table in range(30) for port in range(2000)])
        stuck.flush()
        slowest = 0.0
        for number in range(40):
            before = asyncio.get_running_loop().time()
            await recorder.push(good, [put(flow(number))])
            slowest = max(slowest, asyncio.get_running_loop().time() - before)
        assert slowest < 0.5
        assert stuck.session.pushing  # most of it is not even packed
        while not recorder.reasons:
            stuck.session.packet_out(1, b"", bytes(60_000))
            stuck.flush()
            await asyncio.sleep(0)
        assert recorder.reasons == ["not reading: 4 MiB wait to be sent"]
        link.stop()

    beside(scenario)


def test_a_reconnect_storm_is_harmless(beside):
    async def scenario(recorder: Recorder, server: Server, good: Channel) -> None:
        switches = [FakeSwitch(dpid=100 + number) for number in range(100)]
        for _ in range(3):
            links: list[Link] = await asyncio.gather(*(connect(switch, server.port) for switch in switches))
            await recorder.until(lambda: len(recorder.channels) == 101)
            for link in links:
                link.stop()
            await recorder.until(lambda: len(recorder.channels) == 1)
        assert len(recorder.readies) == 301
        assert server.channels == {good}

    beside(scenario)


def test_a_port_that_is_taken_is_said():
    async def scenario() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(channels.ListenError, match="address already in use; is another controller running"):
                await listen(f"tcp:127.0.0.1:{taken.getsockname()[1]}", Recorder())

    asyncio.run(scenario())


@pytest.mark.parametrize("target", ["6653", "udp:127.0.0.1:6653", "tcp:127.0.0.1", "tcp:127.0.0.1:70000", "tcp::6653"])
def test_an_address_that_is_none_is_said(target):
    with pytest.raises(channels.ListenError, match=r"is no address to listen on; write tcp:127\.0\.0\.1:6653"):
        asyncio.run(listen(target, Recorder()))
