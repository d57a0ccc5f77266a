"""The few pages that exist without the built dashboard, and the headers that every answer carries."""

from __future__ import annotations

from html import escape

from flask import Response, request

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), usb=()",
}

STYLE_PATH = "/plain.css"
STYLE = """
:root { color-scheme: light dark; --line: light-dark(#b9c3cd, #3b4957); --accent: light-dark(#0b6a74, #55c6d0); }
body { margin: 0; background: light-dark(#f4f6f8, #0e1318); color: light-dark(#16202b, #e3e9ef);
  font: 14px/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 12vh auto 0; padding: 1.5rem 2rem 2rem; border: 1px solid var(--line); border-radius: 10px;
  background: light-dark(#fff, #151b22); }
h1 { margin: 0 0 1rem; font-size: 1.25rem; }
a { color: var(--accent); }
pre { padding: .7rem .9rem; border: 1px solid var(--line); border-radius: 6px; }
[role=alert] { color: light-dark(#b3261e, #ff8a80); }
form { display: flex; flex-wrap: wrap; gap: .6rem; align-items: end; }
label { flex: 1; }
input { display: block; box-sizing: border-box; width: 100%; margin-top: .2rem; }
input, button { height: 2.2rem; padding: 0 .8rem; border: 1px solid var(--line); border-radius: 6px;
  background: none; color: inherit; font: inherit; }
button { border-color: var(--accent); background: var(--accent); color: light-dark(#fff, #06191c); cursor: pointer; }
"""


def style() -> Response:
    """What the plain pages look like; served by itself, because the policy takes no style from within a page."""
    return Response(STYLE, mimetype="text/css")


def page(title: str, body: str, fault: str = "") -> str:
    """A plain page; `body` is HTML of ours, `fault` is text."""
    alert = f'<p role="alert"><strong>{escape(fault)}</strong></p>' if fault else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="{STYLE_PATH}">'
        f"<title>{escape(title)} - weft</title>"
        f"<main><h1>{escape(title)}</h1>{alert}{body}</main></html>"
    )


def not_built() -> str:
    """What to do where the dashboard was not built."""
    return page(
        "The dashboard is not built",
        "<p>The controller runs, and its API answers at <a href='/api/v1/status'>/api/v1/status</a> "
        "(described at <a href='/openapi'>/openapi</a>). To build the dashboard, with Node.js 20.19 or newer:</p>"
        "<pre>cd webui/frontend\nnpm ci\nnpm run build</pre><p>or run <code>script/bootstrap</code>, then reload this page.</p>",
    )


def harden(response: Response) -> Response:
    """Put the security headers on an answer, and say how long it may be kept."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/static/assets/"):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    elif "Cache-Control" not in response.headers or request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-cache" if request.path.startswith("/static/") else "no-store"
    return response
