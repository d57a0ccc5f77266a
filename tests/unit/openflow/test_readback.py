"""What a switch holds, from its replies."""

from struct import pack

import pytest

from controller.openflow import codec
from controller.openflow.errors import ProtocolError
from controller.openflow.events import Counters, Installed, ReadBack
from controller.openflow.readback import read_flows, read_groups, read_meter_stats, read_meters, read_port_stats
from tests.fakes.pump import hear, join, pump, sent
from tests.fakes.switch import FakeSwitch
from tests.unit.openflow.things import flow, meter, output

BOTH = pytest.mark.parametrize("version", [5, 4])


def reply(*entries: bytes) -> bytes:
    return bytes(16) + b"".join(entries)


@BOTH
def test_many_flows_come_in_parts_and_with_their_counters(version):
    session, switch, _ = join(FakeSwitch(versions=(version,)))
    things = [flow(port, actions=output(port)) for port in range(1, 3001)]
    switch.things = {slot: (port, opts, body) for port, (slot, body, opts) in enumerate(things)}
    switch.counters = {things[0][0]: (5, 500)}
    session.read_back(("flow",))
    (back,) = pump(session, switch)
    assert isinstance(back, ReadBack)
    assert back.installed == switch.things
    assert back.counters[things[0][0]] == (5, 500)
    assert back.counters[things[1][0]] == (0, 0)


def test_only_the_kinds_asked_for_are_read():
    session, switch, _ = join()
    session.read_back(("group", "meter"))
    (back,) = pump(session, switch)
    assert back.kinds == ("group", "meter")
    assert back.installed == {}


def test_a_switch_without_groups_and_meters_holds_none():
    session, switch, _ = join()
    session.read_back()
    requests = sent(session)
    first = int.from_bytes(requests[4:8], "big")
    refusals = b"".join(codec.message(5, codec.ERROR, first + more, pack("!HH", 1, 2)) for more in (1, 2))
    (back,) = hear(session, refusals + switch.receive(requests[:56]))
    assert back.installed == {}


def test_a_switch_that_does_not_tell_its_flows_is_of_no_use():
    session, _, _ = join()
    session.read_back()
    xid = int.from_bytes(sent(session)[4:8], "big")
    with pytest.raises(ProtocolError, match="does not tell its flows: OFPBRC_BAD_MULTIPART"):
        hear(session, codec.message(5, codec.ERROR, xid, pack("!HH", 1, 2)))


def test_a_burst_that_nobody_asked_for_is_left_out():
    slot, body, _ = meter(3, 100)
    told = body[:10] + pack("!I", 100) + body[14:]  # the datapath has filled in the rate
    for flags, expected in ((10, body), (14, told[:1] + b"\x0e" + told[2:])):
        installed: Installed = {}
        read_meters(reply(pack("!HH", 6 + len(told), flags) + slot[1:] + told[2:]), installed)
        assert installed == {slot: (0, bytes(8), expected)}


@pytest.mark.parametrize("entry", [bytes(4), pack("!H", 0) + bytes(20), pack("!H", 200) + bytes(20), pack("!H", 7) + bytes(20)])
def test_entries_that_do_not_fit_are_refused(entry):
    flows: Installed = {}
    counters: Counters = {}
    for read in (
        lambda: read_flows(reply(entry), flows, counters),
        lambda: read_groups(reply(entry), flows),
        lambda: read_meters(reply(entry), flows),
    ):
        with pytest.raises(ValueError, match="left"):
            read()
    with pytest.raises(ValueError, match="left"):
        read_port_stats(5, reply(entry + bytes(80)), {})


def meter_entry(number: int, *bands: tuple[int, int]) -> bytes:
    counts = b"".join(pack("!QQ", *band) for band in bands)
    return pack("!IH6xIQQII", number, 40 + len(counts), 1, 900, 90_000, 7, 5) + counts


def test_what_meters_dropped_is_the_sum_of_their_bands():
    dropped: Counters = {}
    read_meter_stats(reply(meter_entry(3, (5, 500), (2, 100)) + meter_entry(4) + meter_entry(5, (1, 60))), dropped)
    assert dropped == {meter(3, 1)[0]: (7, 600), meter(4, 1)[0]: (0, 0), meter(5, 1)[0]: (1, 60)}


@pytest.mark.parametrize("size", [0, 39, 48, 200])
def test_a_meter_of_another_size_is_refused(size):
    with pytest.raises(ValueError, match="left"):
        read_meter_stats(reply(pack("!IH6x", 1, size) + bytes(44)), {})
