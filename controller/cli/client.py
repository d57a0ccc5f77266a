"""A client of the REST API over the Unix socket in the state directory, with the failures a person may meet in words.

The standard library's http.client does it: a general HTTP library takes longer to import than a whole command may take.
"""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from controller.cli import paths
from controller.cli.errors import ExitCode, Failure

Item = dict[str, Any]
PAGE = 1000

_REFUSALS = {
    401: ExitCode.NOT_ALLOWED,
    403: ExitCode.NOT_ALLOWED,
    404: ExitCode.NOT_FOUND,
    409: ExitCode.CONFLICT,
    412: ExitCode.CONFLICT,
    504: ExitCode.TIMED_OUT,
}


class _UnixConnection(http.client.HTTPConnection):
    """HTTP to a socket file instead of a host and port."""

    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """One controller. Each method returns decoded JSON or raises `Failure`."""

    def __init__(self, state_dir: Path | None = None, timeout: float = 10.0) -> None:
        self._path, self._chosen = paths.socket_path(state_dir), state_dir is not None
        self._timeout = timeout

    def get(self, path: str, **query: Any) -> Item:
        """GET a resource; empty parameters are left out."""
        return self._ask("GET", path + _query(query))

    def text(self, path: str, **query: Any) -> str:
        """GET a document that is not JSON."""
        return self._read("GET", path + _query(query), None, {}).decode()

    def put(self, path: str, body: Item) -> Item:
        """PUT a resource and return what it is then."""
        return self._ask("PUT", path, body)

    def post(self, path: str) -> Item:
        """POST an order that needs no body and return what became of it."""
        return self._ask("POST", path)

    def items(self, path: str, **query: Any) -> Iterator[Item]:
        """All items of a collection, page after page."""
        while True:
            page = self.get(path, **query)
            yield from page["items"]
            if not page.get("next"):
                return
            query["cursor"] = page["next"]

    def stream(self, after: int | None = None) -> Iterator[tuple[str, Item]]:
        """Server-sent events as (name, data), from the one after `after`; ends when the controller goes away."""
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        # The server sends a comment at least each 15 s: what is silent for longer is gone.
        connection, response = self._open("GET", "/events", None, headers, timeout=40.0)
        try:
            yield from _events(response)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def _ask(self, method: str, path: str, body: Item | None = None) -> Item:
        answer = self._read(method, path, body, {"Accept": "application/json"})
        try:
            return dict(json.loads(answer))
        except ValueError as error:
            raise _broken(path) from error

    def _read(self, method: str, path: str, body: Item | None, headers: dict[str, str]) -> bytes:
        connection, response = self._open(method, path, body, headers, self._timeout)
        try:
            return response.read()
        except TimeoutError as error:
            raise self._silent() from error
        except (OSError, http.client.HTTPException) as error:
            raise _broken(path) from error
        finally:
            connection.close()

    def _open(
        self, method: str, path: str, body: Item | None, headers: dict[str, str], timeout: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = _UnixConnection(self._path, timeout)
        payload = None if body is None else json.dumps(body)
        if payload is not None:
            headers = {**headers, "Content-Type": "application/json"}
        try:
            connection.request(method, f"/api/v1{path}", payload, headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._explained(error) from error
        if response.status >= 400:
            with contextlib.closing(connection):
                raise _refusal(response, asked=body is None)
        return connection, response

    def _explained(self, error: Exception) -> Failure:
        """What a connection that failed means to a person."""
        if isinstance(error, PermissionError):
            return Failure(ExitCode.NOT_ALLOWED, f"{self._path} is not yours to use", "Run the command with sudo.")
        return self._silent() if isinstance(error, TimeoutError) else self._away(error)

    def _away(self, error: Exception) -> Failure:
        title = f"no controller answers at {self._path}"
        if len(str(self._path).encode()) > paths.SOCKET_LIMIT:
            return Failure(ExitCode.UNREACHABLE, title, "The path is too long for a socket: choose a shorter --state-dir.")
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            others = "" if self._chosen else " or ".join(f"--state-dir {folder}" for folder in paths.running())
            if others:
                return Failure(ExitCode.UNREACHABLE, title, f"Emulated networks run; say which you mean: {others}")
            return Failure(
                ExitCode.UNREACHABLE, title, "Start one with 'weft start', or say where it keeps its state: --state-dir DIR."
            )
        return Failure(ExitCode.UNREACHABLE, title, f"The connection failed: {error}.")

    def _silent(self) -> Failure:
        title = f"the controller at {self._path} did not answer in {self._timeout:g} s"
        return Failure(ExitCode.TIMED_OUT, title, "Look at its log; it may be busy or stopped.")


def _broken(path: str) -> Failure:
    return Failure(ExitCode.UNREACHABLE, f"the controller's answer to {path} broke off", "Is it shutting down?")


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def _query(query: dict[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"?{urlencode(given)}" if given else ""


def _refusal(response: http.client.HTTPResponse, asked: bool) -> Failure:
    """What the controller said (problem+json), as an exit code and two lines. Words alone that it refuses are wrong usage."""
    code = ExitCode.USAGE if asked and response.status == 422 else _REFUSALS.get(response.status, ExitCode.REFUSED)
    try:
        problem = json.loads(response.read())
        return Failure(code, str(problem["title"]), str(problem.get("detail") or ""))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return Failure(code, f"the controller answered {response.status} {response.reason}")


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[str, Item]]:
    name, data = "message", ""
    while line := response.readline():
        text = line.decode().rstrip("\r\n")
        if not text and data:
            yield name, json.loads(data)
        if not text:
            name, data = "message", ""
        elif text.startswith("event:"):
            name = text[6:].strip()
        elif text.startswith("data:"):
            data += text[5:].strip()
