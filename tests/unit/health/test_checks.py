"""Checks of all kinds against hosts of the tests' own: verdicts, when they come, and what they say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from controller.health.checks import Asked, Checks
from controller.health.exchanges import Question, Result
from controller.health.verdict import Judge
from tests.unit.health.hosts import Backend, Net

TCP_8080 = Question("tcp", 1.0, 8080)
OK = b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\nall is well\n"
FAMILIES = pytest.mark.parametrize("address", ["10.0.0.11", "fd00::b"])


def at(address: str, port: int = 8080) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@FAMILIES
def test_a_server_that_dies_and_comes_back(address: str) -> None:
    net, backend = Net(), Backend(address, listens={8080: b""})
    net.add(backend, TCP_8080)
    net.run(4.0)
    assert net.told == [(0.0, (address, True, f"connect to {at(address)} succeeded", True))]
    del backend.listens[8080]
    net.run(20.0)
    (died, verdict) = net.told[1]
    assert verdict == (address, False, f"connect to {at(address)} refused 3 times", True)
    assert died <= 4.0 + 3 * 2.0
    backend.listens[8080] = b""
    net.run(30.0)
    (back, verdict) = net.told[2]
    assert (verdict.up, verdict.turned) == (True, True)
    assert 20.0 < back <= 20.0 + 2 * 2.0
    assert len(net.told) == 3


@FAMILIES
def test_a_connection_is_reset_before_the_program_sees_it(address: str) -> None:
    net, backend = Net(), Backend(address, listens={8080: b""})
    net.add(backend, TCP_8080)
    net.run(1.0)
    assert [str(frame[TCP].flags) for frame in backend.heard] == ["S", "RA"]
    assert {frame.dst for frame in backend.heard} == {backend.mac}
    assert {frame[IP if IP in frame else IPv6].src for frame in backend.heard} == {"fd00::64" if ":" in address else "10.0.0.100"}
    assert 61440 <= backend.heard[0][TCP].sport <= 65535
    assert net.checks.due == 2.0


def test_a_host_that_vanishes_is_down_within_fall_intervals_of_its_last_answer() -> None:
    for interval, timeout, fall in ((2.0, 1.0, 3), (2.0, 2.0, 2), (5.0, 0.5, 4), (1.0, 3.0, 3)):
        net, backend = Net(), Backend("10.0.0.11", listens={8080: b""})
        net.add(backend, Question("tcp", timeout, 8080), interval=interval, fall=fall)
        net.run(10 * interval + 0.001)  # it has just answered
        backend.silent = True
        net.run(20 * interval)
        (died, verdict) = net.told[1]
        assert verdict.reason == f"connect to 10.0.0.11:8080 timed out {fall} times"
        assert died <= 10 * interval + max(fall * interval, fall * min(timeout, interval) + interval) + 1e-6
        if timeout * fall <= interval * (fall - 1):
            assert died <= 10 * interval + fall * interval + 1e-6


def test_a_single_failure_is_forgiven() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={8080: b""})
    net.add(backend, TCP_8080)
    for _ in range(5):
        net.run(net.now + 2.0)
        backend.silent = True
        net.run(net.now + 3.5)
        backend.silent = False
    net.run(net.now + 4.0)
    assert net.reasons == [(True, "connect to 10.0.0.11:8080 succeeded")]


def test_a_new_backend_is_down_until_its_first_answer() -> None:
    net, backend = Net(), Backend("10.0.0.11")
    net.add(backend, TCP_8080)
    net.run(5.0)
    assert net.reasons == [(False, "connect to 10.0.0.11:8080 refused")]
    assert not net.told[0][1].turned
    backend.silent = True
    net.run(10.0)
    assert net.reasons[1:] == [(False, "connect to 10.0.0.11:8080 timed out")]
    backend.silent, backend.listens = False, {8080: b""}
    net.run(12.5)
    assert net.reasons[2:] == [(True, "connect to 10.0.0.11:8080 succeeded")]


def test_what_was_known_before_a_restart_holds() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={8080: b""})
    net.backends["10.0.0.11"] = backend
    net.checks.put("10.0.0.11", Asked(TCP_8080, 2.0, 2, 3), net.place(backend), 0.0, judge=Judge(up=True, fresh=False))
    net.run(10.0)
    assert net.told == []


@FAMILIES
@pytest.mark.parametrize(
    ("answer", "question", "well", "text"),
    [
        (OK, {}, True, "answered 200"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", {}, False, "answered 503"),
        (b"HTTP/1.1 404 Not Found\n\n", {"status": (200, 404)}, True, "answered 404"),
        (OK, {"body": "is well"}, True, "answered 200 with 'is well'"),
        (OK, {"body": "Server"}, False, "answered 200 without 'Server'"),
        (OK, {"body": "gone"}, False, "answered 200 without 'gone'"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", {}, False, "was answered with something else than HTTP"),
        (b"HTTP/1.1 20", {}, False, "was answered with something else than HTTP"),
        (b"", {}, False, "timed out"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, bytes | str) else "",
)
def test_http(address: str, answer: bytes, question: dict[str, object], well: bool, text: str) -> None:
    net, backend = Net(), Backend(address, listens={8080: answer})
    net.add(backend, Question("http", 1.0, 8080, "/health", **question))  # type: ignore[arg-type]
    net.run(1.5)
    assert net.reasons == [(well, f"GET /health at {at(address)} {text}")]
    request = bytes(backend.heard[1][TCP].payload)
    assert request.startswith(b"GET /health HTTP/1.0\r\nHost: " + (b"[fd00::64]" if ":" in address else b"10.0.0.100") + b"\r\n")
    assert request.endswith(b"\r\n\r\n")


def test_http_that_nobody_speaks() -> None:
    net, backend = Net(), Backend("10.0.0.11")
    net.add(backend, Question("http", 1.0, 8080))
    net.run(1.0)
    backend.silent = True
    net.run(4.0)
    what = "GET / at 10.0.0.11:8080"
    assert net.reasons == [(False, f"{what}: the connection was refused"), (False, f"{what} could not connect in time")]


def test_a_server_that_has_answered_is_taken_leave_of() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={8080: OK})
    net.add(backend, Question("http", 1.0, 8080, body="nowhere"))
    net.run(1.0)
    assert [str(frame[TCP].flags) for frame in backend.heard] == ["S", "PA", "A", "FA"]


@FAMILIES
def test_udp(address: str) -> None:
    net, backend = Net(), Backend(address, listens={53: b"answer", 54: b""})
    net.add(backend, Question("udp", 1.0, 53))
    net.run(1.5)
    backend.listens[53] = b""
    net.run(10.0)  # silent, and nobody says that it is unreachable
    assert net.reasons == [(True, f"UDP port {at(address, 53)} answers")]
    backend.silent = True
    net.run(20.0)
    protocol = "neighbour discovery" if ":" in address else "ARP"
    assert net.reasons[1:] == [(False, f"UDP port {at(address, 53)} does not answer, nor its host {protocol} 3 times")]


def test_a_host_that_refuses_datagrams_only_now_and_then() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={53: b""})
    net.add(backend, Question("udp", 0.4, 53), interval=0.5)
    net.run(1.0)
    assert net.reasons[0][0]
    for second in range(1, 9):  # as Linux does: one a second
        backend.listens.clear()
        net.run(second + 0.3)
        backend.listens[53] = b""
        net.run(second + 1.0)
    assert net.reasons[1:] == [(False, "UDP port 10.0.0.11:53 is unreachable 3 times")]
    net.run(20.0)
    assert [up for up, _ in net.reasons] == [True, False, True]


def test_udp_that_is_unreachable() -> None:
    net, backend = Net(), Backend("10.0.0.11")
    net.add(backend, Question("udp", 1.0, 53))
    net.run(0.5)
    assert net.reasons == [(False, "UDP port 10.0.0.11:53 is unreachable")]


@FAMILIES
@pytest.mark.parametrize(("kind", "does", "not_"), [("icmp", "pings", "pings"), ("neighbour", "ARP", "ARP")])
def test_hosts_without_ports(address: str, kind: str, does: str, not_: str) -> None:
    if ":" in address and kind == "neighbour":
        does = not_ = "neighbour discovery"
    net, backend = Net(), Backend(address)
    net.add(backend, Question(kind, 1.0))
    net.run(3.0)
    assert net.reasons == [(True, f"{address} answers {does}")]
    backend.silent = True
    net.run(11.0)
    assert net.reasons[1:] == [(False, f"{address} does not answer {not_} 3 times")]
    backend.silent = False
    net.run(20.0)
    assert [up for up, _ in net.reasons] == [True, False, True]


def test_a_lost_frame_is_sent_again() -> None:
    for kind in ("tcp", "http", "udp", "icmp", "neighbour"):
        net, backend = Net(), Backend("10.0.0.11", listens={8080: OK}, silent=True)
        net.add(backend, Question(kind, 1.0, 8080))
        net.run(0.2)
        backend.silent = False
        net.run(1.0)
        assert [up for up, _ in net.reasons] == [True], kind


def test_a_host_that_is_not_known_is_down_and_asked_at_once_when_it_is() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={8080: b""})
    net.backends["10.0.0.11"] = backend
    asked = Asked(TCP_8080, 10.0, 2, 3)
    net.checks.put("10.0.0.11", asked, None, 0.0, why="10.0.0.11 does not answer ARP")
    net.run(25.0)
    net.told += [(net.now, verdict) for verdict in net.checks.news]
    net.checks.news.clear()
    assert net.reasons == [(False, "10.0.0.11 does not answer ARP")]
    net.checks.put("10.0.0.11", asked, net.place(backend), 25.0)
    net.run(25.1)
    assert net.reasons[1:] == [(True, "connect to 10.0.0.11:8080 succeeded")]


def test_of_whom_nothing_can_be_known_nothing_is_said() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={8080: b""})
    net.add(backend, TCP_8080)
    net.run(1.0)
    net.checks.put("10.0.0.11", Asked(TCP_8080, 2.0, 2, 3), None, 1.0)  # its bridge is away
    net.run(60.0)
    assert (len(net.told), net.checks.news) == (1, [])


def test_an_answer_that_we_could_not_read_in_time_is_no_failure() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={8080: b""})
    net.add(backend, TCP_8080, fall=1)
    net.run(1.0)
    out = net.checks.tick(2.0)
    net.now = 30.0  # the controller was held up for half a minute
    net.checks.tick(30.0)
    net.deliver(out)
    net.run(60.0)
    assert net.reasons == [(True, "connect to 10.0.0.11:8080 succeeded")]


def test_many_are_spread_over_the_interval() -> None:
    checks = Checks(lambda: 4)
    net = Net()
    for number in range(1, 251):
        backend = Backend(f"10.0.1.{number}")
        net.backends[backend.address] = backend
        checks.put(backend.address, Asked(TCP_8080, 2.0, 2, 3), net.place(backend), 0.0)
    asked: list[set[int]] = []  # in each tenth of a second
    for step in range(21):
        asked.append({out.port for out in checks.tick(step / 10)} - set().union(*asked))
    assert sum(map(len, asked)) == 250
    assert max(map(len, asked)) <= 15  # 12.5 would be even


def test_after_a_standstill_checks_are_as_spread_as_before_and_do_not_come_all_at_once() -> None:
    net, checks = Net(), Checks(lambda: 4)
    for number in range(1200):
        backend = Backend(f"10.0.{number >> 8}.{number & 255}")
        net.backends[backend.address] = backend
        checks.put(backend.address, Asked(Question("icmp", 1.0), 2.0, 2, 3), net.place(backend), 0.0)
    assert len(checks.tick(100.0)) == 200
    begun = []  # in each tenth of a second: first questions, not those that are asked again
    for step in range(1, 121):
        out = []
        while checks.due <= 100 + step / 10:
            out += checks.tick(100 + step / 10)
        begun.append(sum(sent.frame[40:42] == b"\0\1" for sent in out))
    assert sum(begun[-20:]) == 1200
    assert max(begun[-20:]) <= 1200 / 20 + 3


def test_a_host_that_is_found_is_asked_at_once_and_then_at_its_moment() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={8080: b""})
    net.add(Backend("10.0.0.12", listens={8080: b""}), TCP_8080)
    net.backends[backend.address] = backend
    asked = Asked(TCP_8080, 2.0, 2, 3)
    net.checks.put(backend.address, asked, None, 0.0, why="10.0.0.11 does not answer ARP")  # its moment is 2 s x 0.618
    net.run(10.0)
    net.checks.put(backend.address, asked, net.place(backend), 10.0)
    net.run(15.0)
    times = [when for when, out in net.sent if out.port == 2 and Ether(out.frame)[TCP].flags.S]
    assert times == pytest.approx([10.0, 11.236, 13.236], abs=0.001)


def test_what_is_dropped_is_not_asked_any_more() -> None:
    net, backend = Net(), Backend("10.0.0.11", silent=True)
    net.add(backend, TCP_8080)
    net.run(0.1)
    net.checks.drop("10.0.0.11")
    assert "10.0.0.11" not in net.checks
    sent = len(net.sent)
    net.run(10.0)
    assert (len(net.sent), net.told) == (sent, [])


def test_segments_of_before_a_restart_are_reset() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={8080: b""})
    net.add(backend, TCP_8080)
    net.run(0.1)
    syn = net.sent[0][1].frame
    (answer,) = backend.take(syn)
    other = Checks(lambda: 1)
    (out,) = other.hear("s1", 1, 5, answer, 0.0)
    assert (out.bridge, out.port, out.network) == ("s1", 1, 5)
    backend.take(out.frame)
    assert str(backend.heard[-1][TCP].flags) == "R"
    assert backend.heard[-1][TCP].seq == backend.heard[0][TCP].seq + 1


def test_a_question_that_changes_is_asked_at_its_time() -> None:
    net, backend = Net(), Backend("10.0.0.11", listens={8080: b""})
    net.add(backend, TCP_8080)
    net.run(1.0)
    net.checks.put("10.0.0.11", Asked(Question("icmp", 1.0), 4.0, 2, 3), net.place(backend), 1.0)
    net.run(8.0)
    assert [frame.lastlayer().name for frame in backend.heard if TCP not in frame] != []
    assert net.reasons == [(True, "connect to 10.0.0.11:8080 succeeded")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5), st.integers(1, 5))
def test_a_verdict_turns_after_so_many_in_a_row(results: list[bool], rise: int, fall: int) -> None:
    judge, up, fresh, row = Judge(), False, True, 0
    for well in results:
        judge.take(Result(well, "well" if well else "ill"), rise, fall)
        row = row + 1 if well != up else 0
        if row >= (fall if up else 1 if fresh else rise):
            up, row, fresh = well, 0, False
        assert judge.up == up
