"""A switch that is read again: where nothing but counters is new that is seen, and what is new is always told."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.openflow.events import ReadBack
from tests.fakes.pump import join, pump
from tests.fakes.switch import FakeSwitch
from tests.unit.openflow.things import flow, group, meter, output

BOTH = pytest.mark.parametrize("version", [5, 4])


def filled(version: int = 5, flows: int = 5) -> tuple:
    session, switch, _ = join(FakeSwitch(versions=(version,)))
    things = [*(flow(port, actions=output(port)) for port in range(1, flows + 1)), group(7, 1, 2), meter(3, 100)]
    switch.things = {slot: (number if slot[0] < 254 else 0, opts, body) for number, (slot, body, opts) in enumerate(things)}
    return session, switch


def read(session, switch, news: bool = True) -> ReadBack:
    session.read_back(news=news)
    (back,) = pump(session, switch)
    assert isinstance(back, ReadBack)
    return back


@BOTH
def test_what_is_as_it_was_is_not_told_again_but_its_counters_are(version):
    session, switch = filled(version)
    first = read(session, switch)
    assert not first.same
    slot = next(iter(switch.flows))
    switch.counters[slot] = (5, 500)
    again = read(session, switch)
    assert again.same
    assert again.counters == first.counters | {slot: (5, 500)}
    assert read(session, switch).same


def test_who_asks_for_all_of_it_gets_all_of_it():
    session, switch = filled()
    first = read(session, switch)
    assert replace(read(session, switch, news=False), seen=first.seen) == first


@pytest.mark.parametrize("first_byte", [0, 254, 255], ids=["flow", "meter", "group"])
@pytest.mark.parametrize("how", ["cookie", "body", "gone", "another"])
def test_anything_new_is_told_with_all_the_rest(first_byte, how):
    session, switch = filled()
    read(session, switch)
    slot = next(slot for slot in switch.things if slot[0] == first_byte)
    cookie, opts, body = switch.things.pop(slot)
    if how == "cookie":
        switch.things[slot] = (cookie + 1000 if first_byte == 0 else 0, opts, body)
        if first_byte:
            switch.things[slot[:4] + b"\x63"] = (0, opts, body)  # these have no cookie: another number
    elif how == "body":
        switch.things[slot] = (cookie, opts, body[:-1] + bytes([body[-1] ^ 1]))
    elif how == "another":
        switch.things[slot[:-1] + bytes([slot[-1] ^ 0x40])] = (cookie, opts, body)
    back = read(session, switch)
    assert not back.same
    assert back.installed == switch.things
    assert set(back.counters) == set(switch.flows)
    assert read(session, switch).same


def test_flows_that_take_more_than_one_message_are_always_told():
    session, switch = filled(flows=3000)
    for _ in range(3):
        back = read(session, switch)
        assert not back.same
        assert len(back.installed) == 3002


FLOWS = st.dictionaries(st.integers(1, 9), st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(0, 9)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(FLOWS, min_size=2, max_size=5))
def test_same_is_said_of_nothing_else_than_equals(states):
    session, switch, _ = join(FakeSwitch())
    before = None
    for state in states:
        switch.things, switch.counters = {}, {}
        for port, (cookie, out, packets) in sorted(state.items()):
            slot, body, opts = flow(port, actions=output(out))
            switch.things[slot] = (cookie, opts, body)
            switch.counters[slot] = (packets, 60 * packets)
        back = read(session, switch)
        assert back.same == (switch.things == before)
        assert back.same or back.installed == switch.things
        assert back.counters == switch.counters
        before = dict(switch.things)
