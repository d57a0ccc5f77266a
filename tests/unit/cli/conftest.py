"""The command line as a person or a script meets it: against the real API on a Unix socket, or one that misbehaves."""

import contextlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft
from webui.app import create_app, serve


@pytest.fixture
def weft() -> Iterator[Weft]:
    """The command; no controller runs."""
    folder = Path(tempfile.mkdtemp(prefix="weft-cli-"))  # short: a socket's path has at most 107 bytes
    yield Weft(folder)
    shutil.rmtree(folder)


@pytest.fixture
def view(weft: Weft) -> Iterator[FakeView]:
    """A controller with three bridges and four hosts answers the command."""
    view = FakeView()
    server = serve(create_app(view), host="127.0.0.1", port=0, socket_path=weft.state / "weft.sock")
    server.start()
    yield view
    server.stop()


@pytest.fixture
def answers(weft: Weft) -> Iterator[Callable[[bytes], None]]:
    """A socket that answers every request with these bytes, and closes."""
    with contextlib.ExitStack() as stack:

        def start(reply: bytes) -> None:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(weft.state / "weft.sock"))
            listener.listen()
            threading.Thread(target=_answer, args=(listener, reply), daemon=True).start()
            stack.callback(listener.shutdown, socket.SHUT_RDWR)

        yield start


def _answer(listener: socket.socket, reply: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)
