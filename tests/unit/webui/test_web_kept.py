"""Answers that are kept: the same bytes while nothing changes, at once another answer when something does, and to nobody else."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from controller.query import AppView, BridgeView, HostView, Question
from tests.fakes.view import FakeView
from webui.app import create_app, serve
from webui.kept import QUESTIONS, Answer, Asked, Kept
from webui.repeated import END

TOKEN = "a-token-of-some-length"
HOSTS = "/api/v1/hosts"
OPEN: list[Connection] = []


class Versioned(FakeView):
    """A view with versions, which counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.hold = threading.Event()
        self.hold.set()

    def version(self, question: Question, bridge: str = "") -> Hashable:
        """Any change makes all of them others."""
        return self._revision

    def hosts(self) -> tuple[HostView, ...]:
        self.asked["hosts"] += 1
        self.hold.wait(5)
        return super().hosts()

    def bridges(self) -> tuple[BridgeView, ...]:
        self.asked["bridges"] += 1
        return super().bridges()


@pytest.fixture
def view() -> Versioned:
    return Versioned()


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


def served(app: Flask) -> Iterator[int]:
    server = serve(app, host="127.0.0.1", port=0, socket_path=None)
    server.start()
    yield int(server.url.split(":")[2].split("/")[0])
    server.stop()


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    yield from served(app)


@pytest.fixture
def guarded(view: Versioned, described: Callable[[Flask], Flask]) -> Iterator[int]:
    yield from served(described(create_app(view, token=TOKEN)))


class Connection:
    """A client that says exactly what it is told to."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self.socket.makefile("rb")
        OPEN.append(self)

    def ask(
        self, path: str = HOSTS, *headers: str, host: str = "localhost", protocol: str = "HTTP/1.1"
    ) -> tuple[int, str, bytes]:
        """A status, an ETag, a body."""
        self.send(path, *headers, host=host, protocol=protocol)
        return self.take()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def send(self, path: str = HOSTS, *headers: str, host: str = "localhost", protocol: str = "HTTP/1.1") -> None:
        self.socket.sendall("\r\n".join([f"GET {path} {protocol}", f"Host: {host}", *headers, "", ""]).encode())

    def take(self) -> tuple[int, str, bytes]:
        status = int(self._file.readline().split()[1])
        found = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            found[name.lower()] = value
        length = int(found.get("content-length", "0")) if status != 304 else 0
        assert {"date", "server", "content-security-policy", "cache-control"} <= found.keys()
        return status, found.get("etag", ""), self._file.read(length)


def macs(body: bytes) -> set[str]:
    return {host["mac"] for host in json.loads(body)["items"]}


def test_who_asks_again_gets_the_same_and_the_view_is_not_asked(port: int, view: Versioned) -> None:
    one, other = Connection(port), Connection(port)
    first = one.ask()
    assert [one.ask(), one.ask(), other.ask(HOSTS, "Accept: */*"), other.ask(HOSTS, "Accept: */*")] == [first] * 4
    assert view.asked["hosts"] == 1
    assert macs(first[2])


def test_a_change_is_in_the_next_answer(port: int, view: Versioned) -> None:
    client = Connection(port)
    for number in range(70, 90):
        host = view.learn(number)
        assert host.mac in macs(client.ask()[2])
        assert host.mac in macs(client.ask()[2])


def test_who_changes_something_reads_it(port: int, view: Versioned) -> None:
    client = Connection(port)
    with httpx.Client(base_url=f"http://localhost:{port}") as writer:
        for enabled in (False, True) * 5:
            body = {"enabled": enabled, "force": True}
            assert writer.put("/api/v1/apps/l2_learning", json=body).status_code == 200
            found = {app["name"]: app["state"] for app in json.loads(client.ask("/api/v1/apps")[2])["items"]}
            assert found["l2_learning"] == ("running" if enabled else "disabled")


def test_what_a_client_has_already_is_not_sent(port: int, view: Versioned) -> None:
    client = Connection(port)
    status, etag, body = client.ask()
    known = f"If-None-Match: {etag}"
    assert [client.ask(HOSTS, known) for _ in range(3)] == [(304, etag, b"")] * 3
    view.learn(71)
    status, other, more = client.ask(HOSTS, known)
    assert (status, other != etag, len(macs(more))) == (200, True, len(macs(body)) + 1)


@pytest.mark.parametrize("path", sorted({*QUESTIONS, "/api/v1/flows?bridge=s1&limit=3", "/api/v1/topology?format=dot"}))
def test_every_kept_answer_is_as_the_first(port: int, path: str) -> None:
    client = Connection(port)
    assert client.ask(path) == client.ask(path) == client.ask(path)


def test_other_questions_have_other_answers(port: int) -> None:
    client = Connection(port)
    answers = [client.ask(f"/api/v1/flows?limit={number}")[2] for number in (1, 2, 1, 2)]
    assert [len(json.loads(answer)["items"]) for answer in answers] == [1, 2, 1, 2]
    assert [client.ask(f"{HOSTS}?bridge=s1")[0] for _ in range(2)] == [422, 422]
    assert [client.ask("/api/v1/ports?bridge=nowhere")[0] for _ in range(2)] == [404, 404]


def test_names_of_other_hosts_are_refused_still(port: int) -> None:
    client = Connection(port)
    assert [client.ask()[0], client.ask()[0]] == [200, 200]
    assert [client.ask(host="evil.example")[0] for _ in range(2)] == [421, 421]


def test_a_token_is_asked_for_still(guarded: int) -> None:
    client, bearer = Connection(guarded), f"Authorization: Bearer {TOKEN}"
    assert [client.ask(HOSTS, bearer)[0] for _ in range(3)] == [200] * 3
    assert [client.ask()[0], client.ask(HOSTS, f"{bearer}x")[0], client.ask(HOSTS, bearer)[0]] == [401, 401, 200]


def test_a_session_is_looked_at_each_time(guarded: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with httpx.Client(base_url=f"http://localhost:{guarded}") as browser:
        browser.post("/session", data={"token": TOKEN})
        assert [browser.get(HOSTS).status_code for _ in range(3)] == [200] * 3
        monkeypatch.setattr("webui.auth.SESSION_SECONDS", -1)
        assert browser.get(HOSTS).status_code == 401


def test_requests_in_pieces_and_in_a_row_are_answered_in_order(port: int) -> None:
    client = Connection(port)
    first, bridges = client.ask(), client.ask("/api/v1/bridges")
    request = b"GET /api/v1/hosts HTTP/1.1\r\nHost: localhost" + END
    other = request.replace(b"hosts", b"bridges")
    for cut in (1, 20, len(request) - 1):
        client.socket.sendall(request[:cut])
        threading.Event().wait(0.05)
        client.socket.sendall(request[cut:])
        assert client.take() == first
    client.socket.sendall(request + other + request)
    assert [client.take(), client.take(), client.take()] == [first, bridges, first]
    for sent in (request, other) * 20:
        client.socket.sendall(sent)
    assert [client.take() for _ in range(40)] == [first, bridges] * 20


def test_who_wants_to_go_is_let_go(port: int) -> None:
    for headers, protocol in ((["Connection: close"], "HTTP/1.1"), ([], "HTTP/1.0")):
        for _ in range(2):
            client = Connection(port)
            assert client.ask(HOSTS, *headers, protocol=protocol)[0] == 200
            assert client.socket.recv(1) == b""


def test_a_large_answer_arrives_whole_at_a_slow_reader(port: int, view: Versioned) -> None:
    for number in range(256, 8_000):
        view._hosts[f"x{number}"] = view._hosts[next(iter(view._hosts))]
    client = Connection(port)
    first = client.ask()
    assert len(first[2]) > 1 << 20
    client.send()
    threading.Event().wait(0.3)
    assert client.take() == first
    assert client.ask("/api/v1/bridges")[0] == 200
    assert view.asked["hosts"] == 1


def test_many_who_ask_at_once_are_one_question(port: int, view: Versioned) -> None:
    view.hold.clear()
    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(Connection(port).ask, HOSTS, f"X-Number: {number}") for number in range(6)]
        threading.Event().wait(0.3)
        view.hold.set()
        assert len({each.result()[2] for each in asking}) == 1
    assert view.asked["hosts"] == 1


def test_an_app_that_fails_to_answer_holds_up_nobody(port: int, view: Versioned, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Connection(port)
    monkeypatch.setattr(view, "bridges", mock_failure)
    assert [client.ask("/api/v1/bridges")[0] for _ in range(3)] == [500] * 3
    monkeypatch.undo()
    assert client.ask("/api/v1/bridges")[0] == 200


def mock_failure() -> tuple[AppView, ...]:
    raise RuntimeError("no bridges today")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 60)), max_size=30))
def test_what_is_kept_has_a_bound_and_the_largest_go_first(puts: list[tuple[str, int]]) -> None:
    kept, model = Kept(Versioned(), most=100), {}
    for path, size in puts:
        asked = Asked(path, "hosts", "")
        kept.put(asked, Answer(kept.version(asked), 1e12, "", (), bytes(size)))
        model[path] = size
        while sum(model.values()) > 100:
            del model[max(model, key=lambda path: model[path])]
        found = {path: kept.find(Asked(path, "hosts", "")) for path in "abcdef"}
        assert {path: len(answer.body) for path, answer in found.items() if answer} == model
