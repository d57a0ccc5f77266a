"""Changes as one bundle: all or nothing, and every error leads back to its change."""

import pytest

from controller.openflow import bundle, codec
from controller.openflow.errors import ProtocolError, describe
from controller.openflow.events import Pushed, ReadBack
from tests.fakes.pump import hear, join, pump, sent
from tests.fakes.switch import FakeSwitch
from tests.unit.openflow.things import flow, group, meter, output, put, remove, to_group

BOTH = pytest.mark.parametrize("version", [5, 4])
UNKNOWN_GROUP, PREREQ = (2, 9), (4, 9)


def fresh(version=5):
    session, switch, _ = join(FakeSwitch(versions=(version,)))
    return session, switch


def refuse(*things, error=UNKNOWN_GROUP):
    """A fault: messages about these things are refused."""
    marks = [thing[0][3:] if thing[0][0] < 254 else thing[0][1:] for thing in things]
    return lambda message: error if any(mark in message for mark in marks) else None


def refusal(message):
    """ "I do not know such messages", said of this one."""
    return codec.message(5, codec.ERROR, int.from_bytes(message[4:8], "big"), b"\0\1\0\1" + message)


@BOTH
def test_a_bundle_of_everything_is_committed_and_reads_back_equal(version):
    session, switch = fresh(version)
    things = [meter(3, 100), group(7, 1, 2), flow(1, actions=output(2)), flow(2, table=40, actions=to_group(7)), flow(3)]
    changes = [put(thing, cookie=number) for number, thing in enumerate(things)]
    session.push(changes)
    assert session.pushing
    assert pump(session, switch) == [Pushed(changes, [])]
    assert not session.pushing
    assert switch.commits == 1
    session.read_back()
    (back,) = pump(session, switch)
    assert isinstance(back, ReadBack)
    for number, (slot, body, opts) in enumerate(things):
        assert back.installed[slot] == (number if slot[0] < 254 else 0, opts, body)
    assert set(back.counters) == {thing[0] for thing in things[2:]}


@BOTH
def test_deleting_everything(version):
    session, switch = fresh(version)
    things = [meter(3, 100), group(7, 1, 2), flow(1), flow(2)]
    session.push([put(thing) for thing in things])
    pump(session, switch)
    session.push([remove(thing) for thing in reversed(things)])
    (pushed,) = pump(session, switch)
    assert pushed.errors == []
    assert switch.things == {}


@BOTH
def test_a_change_refused_at_once_discards_the_bundle(version):
    session, switch = fresh(version)
    good, bad = flow(1), flow(2)
    switch.faults.early = refuse(bad, error=PREREQ)
    session.push([put(good), put(bad), put(flow(3))])
    (pushed,) = pump(session, switch)
    assert pushed.errors == [(1, describe(4, 9))]
    assert switch.things == {}
    assert switch.commits == 0
    assert not session.pushing
    session.push([put(good)])
    (pushed,) = pump(session, switch)
    assert pushed.errors == []
    assert list(switch.things) == [good[0]]


@BOTH
@pytest.mark.parametrize("when", ["early", "late"])
def test_an_error_about_a_block_leads_back_to_its_change(version, when):
    session, switch = fresh(version)
    own, bad = [put(flow(1)), put(flow(2))], flow(6)
    blocks = [bundle.Block(70 + numbers[0], [put(flow(n)) for n in numbers]) for numbers in ((3, 4, 5), (6, 7))]
    changes = [*own, *blocks[0].changes, *blocks[1].changes]
    setattr(switch.faults, when, refuse(bad))
    session.push(changes, blocks=blocks)
    (pushed,) = pump(session, switch)
    assert (pushed.changes, pushed.errors) == (changes, [(5, describe(*UNKNOWN_GROUP))])
    assert switch.things == {}
    setattr(switch.faults, when, lambda message: None)
    session.push(changes, blocks=blocks)
    assert pump(session, switch) == [Pushed(changes, [])]
    assert switch.things == {thing[0]: (1, thing[2], thing[1]) for thing in map(flow, range(1, 8))}


@BOTH
def test_a_block_is_packed_once(version):
    block = bundle.Block(9, [put(flow(n)) for n in range(1, 4)])
    said = []
    for _ in range(2):
        session, _ = fresh(version)
        session.push(list(block.changes), blocks=[block])
        said.append(list(iter(session.more, None))[1:-1])
    assert said[0] == said[1] == [block.packed(version)]
    assert said[0][0] is said[1][0]


def test_blocks_and_sessions_have_transaction_ids_of_their_own():
    numbers = [bundle.Block(number, []).first_xid for number in (0, 1, 2**40)]
    assert all(2**31 <= number < 2**32 - 2**16 for number in numbers)


@BOTH
def test_all_changes_refused_at_once_are_told(version):
    session, switch = fresh(version)
    switch.faults.early = refuse(flow(2), flow(4), error=PREREQ)
    session.push([put(flow(n)) for n in range(1, 6)])
    (pushed,) = pump(session, switch)
    assert [index for index, _ in pushed.errors] == [1, 3]


@BOTH
def test_a_change_refused_at_the_commit_rolls_all_back(version):
    session, switch = fresh(version)
    kept, bad = flow(1), flow(2, actions=to_group(99))
    session.push([put(kept)])
    pump(session, switch)
    switch.faults.late = refuse(bad)
    session.push([remove(kept), put(flow(3)), put(bad)])
    (pushed,) = pump(session, switch)
    assert pushed.errors == [(2, describe(2, 9))]
    assert list(switch.things) == [kept[0]]
    assert not session.pushing


@BOTH
def test_meters_go_back_to_what_they_were_when_the_bundle_is_discarded(version):
    session, switch = fresh(version)
    old, other, bad = meter(1, 100), meter(2, 100), flow(2)
    session.push([put(old)])
    pump(session, switch)
    before = dict(switch.things)
    switch.faults.late = refuse(bad)
    session.push([put(meter(1, 555)), put(other), put(bad)])
    (pushed,) = pump(session, switch)
    assert [index for index, _ in pushed.errors] == [2]
    assert switch.things == before


def test_a_meter_known_from_the_read_back_is_changed_not_made():
    session, switch = fresh()
    switch.things[meter(1, 100)[0]] = 0, bytes(8), meter(1, 100)[1]
    session.read_back()
    pump(session, switch)
    session.push([put(meter(1, 200))])
    (pushed,) = pump(session, switch)
    assert pushed.errors == []
    assert switch.things[meter(1, 0)[0]][2] == meter(1, 200)[1]


def test_a_meter_that_goes_while_it_is_read_back_is_made_anew_later():
    session, switch = fresh()
    thing = meter(1, 100)
    session.push([put(thing)])
    pump(session, switch)
    session.push([remove(thing)])
    commit = session.receive(switch.receive(sent(session)), 0.0)
    session.read_back()  # with the commit; the meter is deleted when that is answered
    (told, pushed) = pump(session, switch)
    assert (commit, list(told.meters), pushed.errors) == ([], [thing[0]], [])
    session.push([put(thing)])
    (pushed,) = pump(session, switch)
    assert pushed.errors == []
    assert list(switch.things) == [thing[0]]


def test_a_refused_meter_is_told_by_its_index():
    session, switch = fresh()
    switch.faults.early = lambda message: (12, 2) if message[1] == codec.METER_MOD else None
    session.push([put(flow(1)), put(meter(70000, 100))])
    (pushed,) = pump(session, switch)
    assert pushed.errors == [(1, describe(12, 2))]
    assert switch.things == {}


def test_a_group_too_long_for_a_message_is_told_and_not_sent():
    session, switch = fresh()
    session.push([put(flow(1)), put(group(1, *range(1, 3000)))])
    (pushed,) = pump(session, switch)
    ((index, error),) = pushed.errors
    assert index == 1
    assert "64 KiB" in str(error)
    assert switch.things == {}


def test_a_switch_without_bundles_refuses_the_whole():
    session, _switch = fresh()
    session.push([put(flow(1)), put(flow(2))])
    data, answer = sent(session), b""
    pos = 0
    while pos < len(data):
        length = int.from_bytes(data[pos + 2 : pos + 4], "big")
        answer += refusal(data[pos : pos + length])
        pos += length
    assert hear(session, answer) == []
    discard = sent(session)
    (pushed,) = hear(session, refusal(discard))
    assert pushed.errors[0] == (-1, describe(1, 1))
    assert not session.pushing


def test_an_answer_about_a_bundle_that_was_not_asked_for_ends_the_connection():
    session, _ = fresh()
    session.push([put(flow(1)), put(flow(2))])
    data = sent(session)
    xid = int.from_bytes(data[4:8], "big")
    with pytest.raises(ProtocolError, match="was not asked"):
        hear(session, codec.message(5, codec.BUNDLE_CONTROL, xid, b"\0\0\0\1" + b"\0\5\0\3"))


def test_one_push_at_a_time():
    session, _ = fresh()
    session.push([put(flow(1))])
    with pytest.raises(RuntimeError):
        session.push([put(flow(2))])


def test_a_long_bundle_is_packed_in_parts():
    session, switch = fresh()
    changes = [put(flow(n)) for n in range(3 * bundle.CHUNK)]
    session.push(changes)
    session.out.clear()
    sizes = []
    while (chunk := session.more()) is not None:
        sizes.append(len(chunk))
        answer = switch.receive(chunk)
    assert len(sizes) == 5
    assert max(sizes) < 300_000
    hear(session, answer)
    assert [type(event) for event in pump(session, switch)] == [Pushed]
    assert len(switch.things) == len(changes)


def test_nothing_to_push_is_pushed_too():
    session, switch = fresh()
    session.push([])
    assert pump(session, switch) == [Pushed([], [])]
