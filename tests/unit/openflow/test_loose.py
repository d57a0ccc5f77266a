"""One change alone: a message and a barrier instead of a bundle, and the same promises."""

import pytest

from controller.openflow import codec
from controller.openflow.errors import ProtocolError, describe
from controller.openflow.events import Pushed
from tests.fakes.pump import hear, join, pump, sent
from tests.fakes.switch import FakeSwitch
from tests.unit.openflow.things import flow, group, meter, put, remove

BOTH = pytest.mark.parametrize("version", [5, 4])
UNKNOWN_GROUP = (2, 9)


def fresh(version=5):
    session, switch, _ = join(FakeSwitch(versions=(version,)))
    return session, switch


@BOTH
@pytest.mark.parametrize("thing", [flow(1), group(7, 1, 2)], ids=["flow", "group"])
def test_it_comes_and_goes_without_a_bundle(version, thing):
    session, switch = fresh(version)
    for change, there in ((put(thing), {thing[0]}), (remove(thing), set())):
        session.push([change])
        assert pump(session, switch) == [Pushed([change], [])]
        assert switch.things.keys() == there
        assert not session.pushing
    assert switch.commits == 0


def test_it_is_in_force_after_one_way_there():
    session, _switch = fresh()
    session.push([put(flow(1))])
    kinds, data = [], sent(session)
    while data:
        kinds.append(data[1])
        data = data[int.from_bytes(data[2:4], "big") :]
    assert kinds == [codec.FLOW_MOD, codec.BARRIER_REQUEST]


def test_a_meter_alone_goes_as_ever():
    session, switch = fresh()
    session.push([put(meter(3, 100))])
    assert pump(session, switch) == [Pushed([put(meter(3, 100))], [])]
    assert switch.things.keys() == {meter(3, 100)[0]}


@BOTH
def test_what_is_refused_is_told_and_the_next_one_may_go(version):
    session, switch = fresh(version)
    switch.faults.early = lambda message: UNKNOWN_GROUP if message[1] == codec.FLOW_MOD else None
    session.push([put(flow(1))])
    (pushed,) = pump(session, switch)
    assert pushed.errors == [(0, describe(*UNKNOWN_GROUP))]
    assert switch.things == {}
    switch.faults.early = lambda message: None
    session.push([put(flow(1))])
    assert pump(session, switch) == [Pushed([put(flow(1))], [])]


def test_a_refused_barrier_ends_the_push():
    session, _ = fresh()
    session.push([put(flow(1))])
    data = sent(session)
    barrier = data[int.from_bytes(data[2:4], "big") :]
    (pushed,) = hear(session, codec.message(5, codec.ERROR, int.from_bytes(barrier[4:8], "big"), b"\0\1\0\1" + barrier))
    assert pushed.errors == [(0, describe(1, 1))]
    assert not session.pushing


def test_a_group_too_long_for_a_message_is_told_and_not_sent():
    session, switch = fresh()
    session.push([put(group(1, *range(1, 2100)))])
    (pushed,) = pump(session, switch)
    ((index, error),) = pushed.errors
    assert index == 0
    assert "64 KiB" in str(error)
    assert switch.things == {}


def test_an_answer_to_something_else_ends_the_connection():
    session, _ = fresh()
    session.push([put(flow(1))])
    xid = int.from_bytes(sent(session)[4:8], "big")
    with pytest.raises(ProtocolError, match="was not asked"):
        hear(session, codec.message(5, codec.BUNDLE_CONTROL, xid, b"\0\0\0\1" + b"\0\5\0\3"))
