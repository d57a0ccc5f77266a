"""The TCP client: whatever the wire does to segments, what arrives is what was sent, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.health.frames import ACK, FIN, PSH, RST, SYN
from controller.health.tcp import CHUNK, NEVER, WINDOW, Client, Segment, after, reset
from tests.unit.health.server import MASK, Server, run

numbers = st.one_of(st.integers(0, MASK), st.sampled_from([0, 1, MASK, MASK - 3, 1 << 31]))


def connected(isn: int = 100, request: bytes = b"") -> Client:
    client = Client(isn, request)
    assert client.open(0.0) == [Segment(isn, 0, SYN)]
    client.take(Segment(500, isn + 1, SYN | ACK), 0.0)
    assert client.established
    return client


@settings(max_examples=150, deadline=None)
@given(isn=numbers, theirs=numbers, request=st.binary(min_size=1, max_size=1300), answer=st.binary(max_size=60), data=st.data())
def test_lost_doubled_and_late_segments(isn: int, theirs: int, request: bytes, answer: bytes, data: st.DataObject) -> None:
    delays = st.lists(st.sampled_from([0.01, 0.02, 0.3, 1.0]), max_size=2)
    fates = data.draw(st.lists(delays, max_size=40))
    client, server = Client(isn, request), Server(theirs, len(request), answer)
    run(client, server, lambda: fates.pop() if fates else [0.01])
    assert not client.failed
    assert client.ended
    assert client.received == answer
    assert server.request == request
    for segment in client.close():
        server.take(segment)
    assert server.was_closed != server.was_reset  # one of them: it was closed where all of ours had arrived


def test_a_wire_that_loses_nothing_takes_a_few_round_trips() -> None:
    client, server = Client(1, b"GET"), Server(9, 3, b"0123456789", piece=5)
    assert run(client, server, lambda: [0.01]) == pytest.approx(0.04)
    assert client.close() == [Segment(5, 21, FIN | ACK)]


def test_who_does_not_answer_is_asked_again_and_ever_less_often() -> None:
    client = Client(7, retry=0.2)
    client.open(0.0)
    times: list[float] = []
    while len(times) < 4:
        times.append(client.due)
        assert client.tick(client.due - 0.001) == []
        assert client.tick(client.due) == [Segment(7, 0, SYN)]
    assert times == pytest.approx([0.2, 0.6, 1.4, 3.0])


def test_a_refusal_counts_only_where_it_answers_us() -> None:
    client = Client(100)
    client.open(0.0)
    assert client.take(Segment(0, 55, RST | ACK), 0.1) == []  # of an earlier connection
    assert client.take(Segment(0, 0, RST), 0.1) == []
    assert [client.failed] == [""]
    assert client.take(Segment(0, 101, RST | ACK), 0.1) == []
    assert [client.failed] == ["refused"]
    assert client.due == NEVER
    assert client.close() == []


def test_an_old_connection_at_the_other_end_is_reset() -> None:
    client = Client(100)
    client.open(0.0)
    assert client.take(Segment(9, 55, ACK | SYN), 0.1) == [Segment(55, 0, RST)]
    assert not client.established


def test_an_answer_that_comes_again_is_acknowledged_again() -> None:
    client = connected(request=b"x")
    assert client.take(Segment(500, 101, SYN | ACK), 0.1) == [Segment(102, 501, ACK)]


def test_a_reset_counts_within_the_window_only() -> None:
    client = connected()
    client.take(Segment(501 + WINDOW, 101, RST), 0.1)
    client.take(Segment(400, 101, RST), 0.1)
    assert [client.failed] == [""]
    client.take(Segment(501, 101, RST), 0.1)
    assert [client.failed] == ["reset"]
    assert client.take(Segment(501, 101, ACK, b"late"), 0.2) == []


def test_out_of_order() -> None:
    client = connected()
    assert client.take(Segment(506, 101, ACK | FIN, b"world"), 0.1) == [Segment(101, 501, ACK)]
    assert client.received == b""
    assert client.take(Segment(501, 101, ACK, b"hello"), 0.1) == [Segment(101, 512, ACK)]
    assert (client.received, client.ended) == (b"helloworld", True)


def test_parts_that_overlap() -> None:
    client = connected()
    client.take(Segment(503, 101, ACK, b"cde"), 0.1)
    client.take(Segment(501, 101, ACK, b"abc"), 0.1)
    client.take(Segment(499, 101, ACK, b"??abcdef"), 0.1)
    assert client.received == b"abcdef"
    assert client.take(Segment(507, 101, ACK | FIN), 0.1) == [Segment(101, 508, ACK)]


def test_only_what_fits_into_the_window_is_taken() -> None:
    client = connected()
    client.take(Segment(501 + WINDOW, 101, ACK, b"too far"), 0.1)
    client.take(Segment(501, 101, ACK, bytes(WINDOW + 5)), 0.1)
    assert client.received == bytes(WINDOW)


def test_no_more_is_kept_than_there_is_room_for() -> None:
    client = Client(1, room=4)
    client.open(0.0)
    client.take(Segment(1, 2, SYN | ACK), 0.0)
    client.take(Segment(2, 2, ACK, b"abcdef"), 0.0)
    assert client.take(Segment(8, 2, ACK | FIN), 0.0) == [Segment(2, 9, ACK)]
    assert client.received == b"abcd"


def test_a_long_request_is_cut_and_what_is_missing_is_sent_again() -> None:
    request = bytes(2 * CHUNK + 3)
    client = Client(0, request, retry=0.2)
    client.open(0.0)
    first = client.take(Segment(500, 1, SYN | ACK), 0.0)
    assert [(s.seq, len(s.data), s.flags) for s in first] == [
        (1, CHUNK, ACK),
        (1 + CHUNK, CHUNK, ACK),
        (1 + 2 * CHUNK, 3, ACK | PSH),
    ]
    client.take(Segment(501, 1 + CHUNK, ACK), 0.1)
    assert client.tick(client.due) == first[1:]
    client.take(Segment(501, 1 + len(request), ACK), 0.4)
    assert client.due == NEVER


def test_what_was_never_sent_cannot_be_acknowledged() -> None:
    client = connected(request=b"abc")
    client.take(Segment(501, 999, ACK), 0.1)
    assert client.tick(client.due) == [Segment(101, 501, ACK | PSH, b"abc")]


def test_a_connection_that_is_not_over_is_reset() -> None:
    assert connected(request=b"abc").close() == [Segment(101, 501, RST | ACK)]
    assert connected().close() == [Segment(101, 501, RST | ACK)]


@pytest.mark.parametrize(
    ("segment", "answer"),
    [
        (Segment(5, 9, SYN | ACK), [Segment(9, 0, RST)]),
        (Segment(5, 9, ACK, b"data"), [Segment(9, 0, RST)]),
        (Segment(5, 9, ACK | FIN), [Segment(9, 0, RST)]),
        (Segment(5, 0, SYN), [Segment(0, 6, RST | ACK)]),
        (Segment(MASK, 0, FIN, b"ab"), [Segment(0, 2, RST | ACK)]),
        (Segment(5, 9, ACK), []),
        (Segment(5, 9, RST), []),
    ],
)
def test_segments_of_no_connection(segment: Segment, answer: list[Segment]) -> None:
    assert reset(segment) == answer


@given(numbers, st.integers(-(2**31), 2**31 - 1))
def test_distances_go_round(one: int, distance: int) -> None:
    assert after(one + distance & MASK, one) == distance
