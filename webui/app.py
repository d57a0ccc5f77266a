"""The web server: a Flask application over a view, and waitress to serve it on TCP and on a Unix socket."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, make_response, send_from_directory
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from controller.query import View
from webui import api, auth, kept, pages, problem
from webui.server import Server
from webui.stream import Hub

STATIC = Path(__file__).parent / "static"
VIEWS = ("", "bridges", "ports", "hosts", "networks", "hypervisors", "services", "flows", "apps", "events")


def create_app(view: View, *, token: str | None = None, static: Path = STATIC) -> Flask:
    """The application. With a token it may be served beyond loopback, and asks everyone for it."""
    app = OpenAPI(
        __name__,
        info=Info(title="weft", version=view.status().version, description="Virtual networks on Open vSwitch bridges"),
        doc_ui=False,
        static_folder=str(static),
        static_url_path="/static",
        validation_error_model=problem.Problem,
        validation_error_callback=problem.invalid,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    hub = Hub(view)
    app.extensions["weft.hub"] = hub
    app.extensions["weft.guard"] = auth.register(app, token)
    app.extensions["weft.kept"] = kept.register(app, view)
    problem.register(app)
    api.register(app, view, hub)
    app.after_request(pages.harden)
    _add_dashboard(app, static)
    return app


def _add_dashboard(app: Flask, static: Path) -> None:
    def dashboard() -> Response:
        if not (static / "index.html").is_file():
            return make_response(pages.not_built(), 503)
        return send_from_directory(static, "index.html")

    app.add_url_rule(pages.STYLE_PATH, "style", pages.style)
    for name in VIEWS:
        app.add_url_rule(f"/{name}", f"dashboard.{name or 'overview'}", dashboard)


def serve(app: Flask, *, host: str | None, port: int, socket_path: Path | str | None) -> Server:
    """Bind at once, so that a taken port is known before anything runs; `start()` begins to answer.

    No host means no TCP; no path means no Unix socket; port 0 takes a free one.
    """
    guard: auth.Guard = app.extensions["weft.guard"]
    if host and guard.token is None and not auth.is_loopback(host):
        raise ValueError(
            f"The dashboard would be open to everyone on {host}: listen on 127.0.0.1, or give a token, "
            "which every client then has to show."
        )
    return Server(
        app, app.extensions["weft.hub"], app.extensions["weft.kept"], guard, host=host, port=port, socket_path=socket_path
    )
