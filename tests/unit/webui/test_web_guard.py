"""Who is let in: names of loopback, tokens, one-time addresses, origins; and what headers every answer carries."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.fakes.view import FakeView
from webui.app import create_app, serve
from webui.auth import is_loopback
from webui.server import Server

TOKEN = "a-token-of-some-length"


@pytest.fixture
def guarded(view: FakeView, described: Callable[[Flask], Flask]) -> FlaskClient:
    return described(create_app(view, token=TOKEN)).test_client()


def entry(client: FlaskClient) -> str:
    return str(client.application.extensions["weft.guard"].entry())


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "127.9.9.9", "LOCALHOST:1"])
def test_loopback_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/api/v1/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example:8080", "127.0.0.1.evil.example", "192.0.2.7", "localhost.evil.example"])
def test_rebound_names_are_not(client: FlaskClient, host: str) -> None:
    answer = client.get("/api/v1/status", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json is not None
    assert "127.0.0.1" in answer.json["detail"]


def test_changes_are_not_taken_from_other_pages(client: FlaskClient) -> None:
    change = {"path": "/api/v1/apps/fabric", "json": {"enabled": True}}
    assert client.put(**change, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.put(**change, headers={"Origin": "null"}).status_code == 403
    assert client.put(**change, headers={"Origin": "http://localhost"}).status_code == 200


def test_a_token_is_asked_for(guarded: FlaskClient) -> None:
    refused = guarded.get("/api/v1/status")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    page = guarded.get("/")
    assert (page.status_code, b'name="token"' in page.data) == (401, True)
    assert guarded.get("/openapi").status_code == 401


def test_health_is_open(guarded: FlaskClient) -> None:
    assert guarded.get("/plain.css").mimetype == "text/css"
    assert guarded.get("/api/v1/healthz").status_code == 200
    assert guarded.get("/api/v1/readyz").status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        ("Bearer wrong", 401),
        ("Bearer ", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer \xfc", 401),
    ],
)
def test_bearer(guarded: FlaskClient, header: str, status: int) -> None:
    assert guarded.get("/api/v1/status", headers={"Authorization": header, "Host": "weft.example"}).status_code == status


def test_the_address_works_once(guarded: FlaskClient) -> None:
    address = entry(guarded)
    opened = guarded.get(address)
    assert (opened.status_code, opened.headers["Location"]) == (303, "/")
    cookie = opened.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    assert guarded.get("/api/v1/status").status_code == 200
    stranger = guarded.application.test_client()
    assert stranger.get(address).status_code == 401
    assert stranger.get("/api/v1/status").status_code == 401


def test_the_token_can_be_typed(guarded: FlaskClient) -> None:
    assert guarded.post("/session", data={"token": "wrong"}).status_code == 401
    assert guarded.post("/session", data={"token": TOKEN}, headers={"Origin": "http://localhost"}).status_code == 303
    assert guarded.get("/api/v1/status").status_code == 200


def test_a_cookie_of_another_token_is_worth_nothing(guarded: FlaskClient, view: FakeView) -> None:
    other = create_app(view, token="another").test_client()
    other.get(entry(other))
    cookie = other.get_cookie("weft_session")
    assert cookie is not None
    guarded.set_cookie("weft_session", cookie.value)
    assert guarded.get("/api/v1/status").status_code == 401


def test_the_socket_needs_no_token(guarded: FlaskClient) -> None:
    environ = {"weft.local_socket": True, "HTTP_HOST": "weft"}
    assert guarded.get("/api/v1/status", environ_overrides=environ).status_code == 200


def test_headers_cannot_claim_the_socket(guarded: FlaskClient) -> None:
    assert guarded.get("/api/v1/status", headers={"weft.local_socket": "1", "weft-local-socket": "1"}).status_code == 401


@pytest.mark.parametrize("path", ["/", "/api/v1/status", "/api/v1/nothing", "/session"])
def test_security_headers(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        headers = answer.headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")
    assert "Access-Control-Allow-Origin" not in headers


def test_an_open_address_needs_a_token(view: FakeView) -> None:
    with pytest.raises(ValueError, match=r"open to everyone on 0\.0\.0\.0"):
        serve(create_app(view), host="0.0.0.0", port=0, socket_path=None)


def test_loopback_is_told_from_the_rest() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.example", "")))


def test_without_the_built_dashboard(view: FakeView, tmp_path: Path) -> None:
    answer = create_app(view, static=tmp_path).test_client().get("/flows")
    assert answer.status_code == 503
    assert b"npm run build" in answer.data


def test_the_built_dashboard_is_served(view: FakeView, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>weft</title>")
    (tmp_path / "assets" / "index-1a.js").write_text("let a")
    client = create_app(view, static=tmp_path).test_client()
    for path in ("/", "/flows?bridge=s1", "/events"):
        with client.get(path) as answer:
            assert b"<title>weft" in answer.data
    with client.get("/static/assets/index-1a.js") as script:
        assert "immutable" in script.headers["Cache-Control"]
    assert client.get("/static/../app.py").status_code == 404


def running(view: FakeView, **options: object) -> Server:
    given: dict[str, object] = {"host": "127.0.0.1", "port": 0, "socket_path": None} | options
    return serve(create_app(view), **given)  # type: ignore[arg-type]


def test_a_taken_port_is_named(view: FakeView) -> None:
    first = running(view)
    port = int(first.url.rsplit(":", 1)[1].strip("/"))
    with pytest.raises(OSError, match=f"127.0.0.1:{port} is taken"):
        running(view, port=port)
    first.stop()


def test_a_socket_in_use_is_not_taken_over(view: FakeView, tmp_path: Path) -> None:
    path = tmp_path / "weft.sock"
    first = running(view, host=None, socket_path=path)
    first.start()
    with pytest.raises(OSError, match="Another controller answers"):
        running(view, host=None, socket_path=path)
    assert path.stat().st_mode & 0o777 == 0o600
    first.stop()
    assert not path.exists()


def test_a_left_over_socket_is_replaced(view: FakeView, tmp_path: Path) -> None:
    import socket

    path = tmp_path / "weft.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    server = running(view, host=None, socket_path=path)
    server.start()
    server.stop()


def test_a_long_path_is_refused(view: FakeView, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="shorter state directory"):
        running(view, host=None, socket_path=tmp_path / ("x" * 120))
