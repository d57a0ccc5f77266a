"""Whatever a peer sends, a session answers with events or with a ProtocolError: no other exception, no hang, no growth."""

import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from random import Random
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.openflow import codec
from controller.openflow.errors import ProtocolError
from controller.openflow.session import Session
from tests.fakes.pump import join, pump, sent
from tests.fakes.switch import FakeSwitch
from tests.unit.openflow.things import NO_OPTS, flow, group, meter, output, put

MESSAGES = 100_000
THINGS = [meter(1, 100), group(1, 1, 2), *(flow(port, actions=output(port)) for port in range(1, 6))]
EDGES = (0, 1, 4, 7, 8, 16, 40, 48, 63, 64, 255, 0x7FFF, 0xFFF8, 0xFFFF)
TLV = pack("!II", 0x00010004, 3)


def unused(session: Session, switch: FakeSwitch) -> bytes:
    """Every kind of message that a switch sends without being asked."""
    slots = list(switch.flows)
    version = switch.version
    out = switch.packet_in(1, bytes(60)) + switch.port_status(1, up=False) + switch.flow_removed(slots[0])
    out += switch.delete_by_hand(slots[1])
    out += codec.message(version, codec.ROLE_STATUS, 0, pack("!IB3xQ", 3, 0, 6)) + codec.message(
        version, codec.ECHO_REQUEST, 5, b"?"
    )
    out += codec.message(version, codec.ERROR, 0, pack("!HH", 2, 9) + bytes(16)) + codec.message(
        version, codec.EXPERIMENTER, 3, TLV
    )
    return out + codec.message(version, codec.MULTIPART_REPLY, 0, pack("!HH4xHHI", 16, 0, 8, 4, 9))


def busy(version: int) -> tuple[Callable[[], Session], list[bytes]]:
    """A way to make a session that waits for everything, and what a switch would say to it."""

    def make() -> Session:
        session, _, _ = join(FakeSwitch(versions=(version,)))
        ask(session)
        sent(session)
        return session

    def ask(session: Session) -> None:
        session.watch_flows()
        session.read_back()
        session.request_port_stats()
        session.set_role("master", 3)
        session.push([put(thing) for thing in THINGS])

    session, switch, _ = join(FakeSwitch(versions=(version,)))
    switch.things = {thing[0]: (1, NO_OPTS, thing[1]) for thing in THINGS[1:]}
    ask(session)
    answers = switch.receive(sent(session))
    return make, cut(answers + unused(session, switch))


def shaking(version: int) -> tuple[Callable[[], Session], list[bytes]]:
    """The same for a session in the middle of its handshake."""
    switch = FakeSwitch(versions=(version,))

    def make() -> Session:
        session = Session()
        session.start(0.0)
        session.receive(switch.hello(), 0.0)
        session.out.clear()
        return session

    session = Session()
    session.start(0.0)
    hello = sent(session)
    session.receive(switch.hello(), 0.0)
    return make, cut(switch.receive(hello + sent(session)))


def greeting(version: int) -> tuple[Callable[[], Session], list[bytes]]:
    """The same for a session that has heard nothing yet."""

    def make() -> Session:
        session = Session()
        session.start(0.0)
        session.out.clear()
        return session

    return make, [FakeSwitch(versions=(version,)).hello(), codec.message(version, codec.ERROR, 1, pack("!HH", 0, 0) + b"no\0")]


def cut(stream: bytes) -> list[bytes]:
    """The messages of a stream."""
    messages = []
    while stream:
        length = int.from_bytes(stream[2:4], "big")
        messages.append(stream[:length])
        stream = stream[length:]
    return messages


def mutated(random: Random, message: bytes) -> bytes:
    """A message with one to three faults in it; most keep a length in the header that is right."""
    data = bytearray(message)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(data)) if random.random() < 0.3 else random.randrange(min(len(data), 64))
        kind = random.randrange(6)
        if kind == 0:
            data[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            data[at] = random.randrange(256)
        elif kind == 2:
            data[at & ~1 : (at & ~1) + 2] = random.choice(EDGES).to_bytes(2, "big")
        elif kind == 3:
            del data[max(at, 8) :]
        elif kind == 4:
            data += random.randbytes(random.randrange(40))
        else:
            data[at:at] = data[max(0, at - 8) : at]
    if random.random() < 0.8 and len(data) >= 8:
        data[0] = message[0]
        data[2:4] = min(len(data), 0xFFFF).to_bytes(2, "big")
        if random.random() < 0.7:
            data[1], data[4:8] = message[1], message[4:8]
    return bytes(data)


def fuzz(random: Random, make: Callable[[], Session], seeds: list[bytes], count: int) -> int:
    """Feed mutated messages; how many ended their connection."""
    ended, session = 0, make()
    for number in range(count):
        data = mutated(random, random.choice(seeds))
        try:
            events = session.receive(data, 0.0)
            assert len(events) <= len(data)
            assert len(session.out) <= 8
            session.out.clear()
        except ProtocolError:
            ended += 1
            session = make()
        else:
            if number % 16 == 15:
                session = make()  # one whose framer waits for the end of a long message sees nothing more
    return ended


@pytest.mark.parametrize("version", [5, 4])
@pytest.mark.parametrize(("phase", "share"), [(busy, 0.34), (shaking, 0.1), (greeting, 0.06)])
def test_mutated_messages(phase, share, version):
    random, count = Random(version), int(MESSAGES * share)
    make, seeds = phase(version)
    fuzz(random, make, seeds, 1000)
    gc.collect()
    before = sys.getallocatedblocks()
    ended = fuzz(random, make, seeds, count)
    gc.collect()
    assert 0 < ended < count
    assert sys.getallocatedblocks() - before < 2000


@pytest.mark.parametrize("phase", [busy, shaking, greeting])
@given(data=st.lists(st.binary(max_size=200), max_size=10))
@settings(max_examples=200, deadline=None)
def test_random_bytes(phase, data):
    make, _ = phase(5)
    session = make()
    with suppress(ProtocolError):
        for part in data:
            session.receive(part, 0.0)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_valid_header_and_a_random_body(data):
    make, seeds = busy(data.draw(st.sampled_from([5, 4])))
    seed = data.draw(st.sampled_from(seeds))
    body = data.draw(st.binary(max_size=300))
    message = seed[:2] + (8 + len(body)).to_bytes(2, "big") + seed[4:8] + body
    with suppress(ProtocolError):
        make().receive(message, 0.0)


SLOTS = st.binary(min_size=8, max_size=40).map(lambda tlvs: pack("!HH", 1, 4 + len(tlvs)) + tlvs + bytes(-(4 + len(tlvs)) % 8))
FLOWS = st.tuples(
    st.builds(
        lambda table, priority, match: bytes((table,)) + priority + match,
        st.integers(0, 253),
        st.binary(min_size=2, max_size=2),
        SLOTS,
    ),
    st.binary(max_size=10).map(lambda body: body * 8),
    st.binary(min_size=8, max_size=8),
)


@given(
    things=st.lists(FLOWS, max_size=20, unique_by=lambda thing: thing[0]),
    cookie=st.integers(0, 2**64 - 1),
    version=st.sampled_from([5, 4]),
)
@settings(max_examples=150, deadline=None)
def test_whatever_bytes_a_flow_is_made_of_they_come_back(things, cookie, version):
    session, switch, _ = join(FakeSwitch(versions=(version,)))
    session.push([put(thing, cookie) for thing in things])
    (pushed,) = pump(session, switch)
    assert pushed.errors == []
    session.read_back(("flow",))
    (back,) = pump(session, switch)
    assert back.installed == {slot: (cookie, opts, body) for slot, body, opts in things}
