"""Who may ask: loopback names only, or a token where the controller listens elsewhere.

Without a token the server is bound to loopback, and the Host header must name loopback, so that no web page can reach
it by rebinding its own name (DNS rebinding). With a token a client sends `Authorization: Bearer`, or opens a one-time
address once and gets a cookie, or types the token. The Unix socket is guarded by the rights of its file.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, redirect, request
from itsdangerous import BadSignature, TimestampSigner
from werkzeug.wrappers import Response as BaseResponse

from webui.pages import STYLE_PATH, page
from webui.problem import problem

LOCAL = "weft.local_socket"  # in the WSGI environment of requests that came over the Unix socket
COOKIE = "weft_session"
SESSION_SECONDS = 12 * 3600
OPEN_PATHS = ("/session", "/api/v1/healthz", "/api/v1/readyz", "/static/", STYLE_PATH)


def is_loopback(host: str) -> bool:
    """Whether a host, as written in an address or a Host header without its port, is this machine alone."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Decides over every request before it is answered."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self._code = secrets.token_urlsafe(24)
        self._signer = TimestampSigner(token or secrets.token_hex(), salt="weft-session", digest_method=hashlib.sha256)

    def entry(self) -> str:
        """The path to open first: with a token, the one-time address."""
        return f"/session?code={self._code}" if self.token else "/"

    def check(self) -> Response | None:
        """None where the request may pass, else the refusal."""
        if request.environ.get(LOCAL):
            return None
        return self._check_host() or self._check_origin() or self._check_token()

    def _check_host(self) -> Response | None:
        host = urlsplit(f"//{request.host}").hostname or ""
        if self.token is not None or is_loopback(host):
            return None
        detail = f"This server answers to localhost and 127.0.0.1, not to {host!r}. Open it by one of those names."
        return problem(421, "Wrong host name", detail)

    def _check_origin(self) -> Response | None:
        origin = request.headers.get("Origin")
        if request.method in ("GET", "HEAD", "OPTIONS") or origin is None or urlsplit(origin).netloc == request.host:
            return None
        return problem(
            403, "Foreign origin", f"Changes are taken from this dashboard and from tools, not from pages of {origin}."
        )

    def _check_token(self) -> Response | None:
        if self.token is None or request.path.startswith(OPEN_PATHS) or self._bearer() or self._session():
            return None
        if request.path.startswith("/api/"):
            refusal = problem(
                401, "Token needed", "Send `Authorization: Bearer TOKEN`, or open the address that `weft start` printed."
            )
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        return make_response(login_page(), 401)

    def _bearer(self) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._is_token(given.strip())

    def _is_token(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def _session(self) -> bool:
        try:
            self._signer.unsign(request.cookies.get(COOKIE, ""), max_age=SESSION_SECONDS)
        except BadSignature:
            return False
        return True

    def _use_code(self, given: str) -> bool:
        fits = bool(given) and hmac.compare_digest(given.encode(), self._code.encode())
        if fits:
            self._code = secrets.token_urlsafe(24)
        return fits

    def open_session(self) -> BaseResponse:
        """Give a cookie for the one-time code or the token."""
        if self.token is None or self._use_code(request.args.get("code", "")) or self._is_token(request.form.get("token", "")):
            answer = redirect("/", 303)
            value = self._signer.sign("dashboard").decode()
            answer.set_cookie(COOKIE, value, max_age=SESSION_SECONDS, httponly=True, samesite="Strict", secure=request.is_secure)
            return answer
        return make_response(login_page("This address was used already, or the token is another one."), 401)


def login_page(fault: str = "") -> str:
    """Ask for the token."""
    return page(
        "Token needed",
        "<p>This controller is reachable from other machines and asks for its token. "
        "<code>weft start</code> printed an address that works once; the token works always.</p>"
        '<form method="post" action="/session"><label>Token <input name="token" type="password" '
        'autocomplete="current-password" required autofocus></label> <button>Open the dashboard</button></form>',
        fault,
    )


def register(app: Flask, token: str | None) -> Guard:
    """Guard every request of the application."""
    guard = Guard(token)
    app.before_request(guard.check)
    app.add_url_rule("/session", "session", guard.open_session, methods=["GET", "POST"])
    return guard
