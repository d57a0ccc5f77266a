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


def page(title: str, body: str, fault: str = "") -> str:
    """A plain page; `body` is HTML of ours, `fault` is text."""
    alert = f'<p role="alert"><strong>{escape(fault)}</strong></p>' if fault else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)} - weft</title>'
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
