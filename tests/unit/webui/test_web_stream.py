"""Server-sent events over real sockets: what comes first, what follows, what was missed, and who is gone."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient

from controller.query import EventView, Update
from tests.fakes.view import FakeView
from webui import stream
from webui.app import serve
from webui.stream import Hub, Stream


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    server = serve(app, host="127.0.0.1", port=0, socket_path=None)
    server.start()
    yield server.url.rstrip("/")
    server.stop()


def messages(response: httpx.Response) -> Iterator[tuple[str, Any, str]]:
    """(event, data, id) as they come; a comment has no event."""
    found: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        elif found:
            yield found.get("event", ""), json.loads(found.get("data", "null")), found.get("id", "")
            found = {}


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_hello_then_what_happens(url: str, view: FakeView) -> None:
    with httpx.stream("GET", f"{url}/api/v1/events") as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        incoming = messages(response)
        status = view.status()
        assert next(incoming) == ("hello", {"seq": status.seq, "revision": status.revision, "version": "0.1.0"}, "")
        view.learn(77)
        name, event, ident = next(incoming)
        assert (name, event["kind"], event["subject"], ident) == (
            "event",
            "host.learned",
            "00:00:00:00:00:4d",
            str(status.seq + 1),
        )
        assert next(incoming)[:2] == ("changed", {"collections": ["flows", "hosts"]})


def test_changes_are_folded(url: str, view: FakeView) -> None:
    with httpx.stream("GET", f"{url}/api/v1/events") as response:
        incoming = messages(response)
        next(incoming)
        begin = time.monotonic()
        for _ in range(200):
            view.count()
            time.sleep(0.003)
        view.mark(0, "pending")
        seen: list[list[str]] = []
        while "flows" not in (seen[-1] if seen else ()):
            seen.append(next(incoming)[1]["collections"])
        assert len(seen) <= 2 + (time.monotonic() - begin) / stream.CHANGED_EVERY


def test_what_was_missed_is_told(url: str, view: FakeView) -> None:
    with httpx.stream("GET", f"{url}/api/v1/events", headers={"Last-Event-ID": "8"}) as response:
        incoming = messages(response)
        assert next(incoming)[0] == "hello"
        assert [next(incoming)[2] for _ in range(2)] == ["9", "10"]


@pytest.mark.parametrize("last", ["9999", "0"])
def test_a_gap_means_reset(url: str, view: FakeView, last: str) -> None:
    del view._events[:3]  # history no longer reaches back to the beginning
    with httpx.stream("GET", f"{url}/api/v1/events", headers={"Last-Event-ID": last}) as response:
        incoming = messages(response)
        assert [next(incoming)[0] for _ in range(2)] == ["hello", "reset"]


def test_nonsense_as_last_event_is_ignored(url: str) -> None:
    with httpx.stream("GET", f"{url}/api/v1/events", headers={"Last-Event-ID": "-1x"}) as response:
        assert next(messages(response))[0] == "hello"


def test_heartbeat(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    monkeypatch.setattr(stream, "LOOK_EVERY", 0.05)
    with httpx.stream("GET", f"{url}/api/v1/events") as response:
        lines = response.iter_lines()
        assert any(line == ": heartbeat" for line in lines)


def test_closed_clients_are_noticed(url: str, app: Flask) -> None:
    hub: Hub = app.extensions["weft.hub"]
    with httpx.stream("GET", f"{url}/api/v1/events") as response:
        next(messages(response))
        assert len(hub) == 1
    eventually(lambda: len(hub) == 0)


def test_streams_are_limited(url: str, app: Flask, client: FlaskClient) -> None:
    hub: Hub = app.extensions["weft.hub"]
    hub._limit = 1
    with httpx.stream("GET", f"{url}/api/v1/events") as response:
        next(messages(response))
        refused = httpx.get(f"{url}/api/v1/events")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "Close a dashboard" in refused.json()["detail"]
        assert httpx.get(f"{url}/api/v1/status").status_code == 200
    eventually(lambda: len(hub) == 0)


def test_streams_end_when_the_server_stops(app: Flask) -> None:
    server = serve(app, host="127.0.0.1", port=0, socket_path=None)
    server.start()
    with httpx.stream("GET", f"{server.url}api/v1/events") as response:
        incoming = messages(response)
        next(incoming)
        begin = time.monotonic()
        server.stop()
        with pytest.raises((StopIteration, httpx.RemoteProtocolError, httpx.ReadError)):
            next(incoming)
        assert time.monotonic() - begin < 3


def test_the_unix_socket_streams_too(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "weft.sock"
    server = serve(app, host=None, port=0, socket_path=path)
    server.start()
    assert server.url == ""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://weft") as local:
        assert local.get("/api/v1/status").json()["bridges"] == 3
        with local.stream("GET", "/api/v1/events") as response:
            assert next(messages(response))[0] == "hello"
    server.stop()


def test_a_client_that_does_not_keep_up_is_reset() -> None:
    behind = Stream(0)
    events = tuple(EventView(number, 0.0, "info", "test", "", "", 1) for number in range(1, stream.BACKLOG + 2))
    behind.offer(Update(len(events), 1, events, frozenset({"flows"})))
    frames, changed = behind.take(0, with_changed=True)
    assert [frame.split("\n")[0] for frame in frames] == ["event: reset", "event: changed"]
    assert changed
    assert behind.take(0, with_changed=True) == ([], False)


def test_an_event_is_told_once() -> None:
    client = Stream(5)
    events = tuple(EventView(number, 0.0, "info", "test", "", "", 1) for number in (5, 6, 6))
    client.offer(Update(6, 1, events, frozenset()))
    assert len(client.take(0, with_changed=True)[0]) == 1


def test_a_view_that_fails_is_asked_again(view: FakeView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LOOK_EVERY", 0.02)
    answers = iter([RuntimeError("not yet")])
    wait = view.wait

    def failing(seq: int, revision: int, timeout: float) -> Update:
        for error in answers:
            raise error
        return wait(seq, revision, timeout)

    view.wait = failing  # type: ignore[method-assign]
    hub = Hub(view)
    frames = hub.open(None, lambda: False)
    assert "hello" in next(frames)
    view.learn(78)
    assert "host.learned" in next(frames)
    hub.close()
    assert list(frames) == []
