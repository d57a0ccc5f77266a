"""A headless chromium, and dashboards to open: of a fake network that tests can change, in this very process."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.view import FakeView
from webui.app import STATIC, create_app, serve
from webui.server import Server

AXE = Path(__file__).parents[2] / "webui" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# without these chromium calls home, which fails slowly behind a closed network
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The distribution's chromium; as root it runs only without its sandbox."""
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.fail("no chromium was found: apt-get install chromium")
    return {"executable_path": program, "args": [*sandbox, "--disable-dev-shm-usage", "--disable-gpu", *QUIET]}


@pytest.fixture(scope="session")
def base_url() -> None:
    """Addresses are given whole; the plugin's own fixture is of a kind that pytest warns of."""


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The dashboard has to be built."""
    if not (STATIC / "index.html").is_file():
        pytest.fail("the dashboard is not built: cd webui/frontend && npm ci && npm run build")


@pytest.fixture
def serve_view() -> Iterator[Callable[[FakeView], Server]]:
    """Serve a view on loopback until the test ends."""
    started: list[Server] = []

    def start(view: FakeView) -> Server:
        server = serve(create_app(view), host="127.0.0.1", port=0, socket_path=None)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def view() -> FakeView:
    return FakeView()


@pytest.fixture
def server(view: FakeView, serve_view: Callable[[FakeView], Server]) -> Server:
    return serve_view(view)


@pytest.fixture
def dashboard_url(server: Server) -> str:
    """Where the dashboard is. A test that asks for no more than this runs against any network."""
    return server.url.rstrip("/")


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, from the packages that the dashboard is built with."""
    if not AXE.is_file():
        pytest.fail("axe-core is missing: cd webui/frontend && npm ci")
    return AXE.read_text()
