"""Errors as problem+json (RFC 9457): a title, and a sentence that says what went wrong and what to do."""

from __future__ import annotations

import json
import logging
from typing import Any

from flask import Response, request
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException

from controller.query import QueryError

log = logging.getLogger(__name__)


class Problem(BaseModel):
    """The body of every error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem(status: int, title: str, detail: str, **more: Any) -> Response:
    """One error response."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(json.dumps(body), status, mimetype="application/problem+json")


def invalid(error: ValidationError) -> Response:
    """Parameters or a body that do not fit the schema."""
    found = [
        {"name": ".".join(str(part) for part in item["loc"]) or "body", "detail": _sentence(item)}
        for item in error.errors(include_url=False)
    ]
    detail = "; ".join(f"{item['name']}: {item['detail']}" for item in found)
    return problem(422, "Request not understood", f"{detail}. The schema is at /openapi.", errors=found)


def _sentence(item: Any) -> str:
    """What is wrong with a value; in the library's words where we have none."""
    words = _WORDS.get(item["type"])
    given = item["input"] if isinstance(item["input"], str) else json.dumps(item["input"], default=str)
    known = {name: str(value).removeprefix("'', ") for name, value in item.get("ctx", {}).items()}
    return words.format(given=given, **known) if words else str(item["msg"])


_WORDS = {
    "missing": "is missing",
    "model_type": "send a JSON object, with Content-Type: application/json",
    "extra_forbidden": "is not known here",
    "literal_error": "{given} is not known; it can be {expected}",
    "int_parsing": "{given} is no whole number",
    "int_type": "{given} is no whole number",
    "bool_type": "{given} is neither true nor false",
    "string_type": "{given} is no text",
    "greater_than_equal": "{given} is less than {ge}",
    "less_than_equal": "{given} is more than {le}",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "json_invalid": "this is not JSON: {error}",
}


def register(app: OpenAPI) -> None:
    """Answer every error of the application as a problem."""

    @app.errorhandler(QueryError)
    def _query(error: QueryError) -> Response:
        response = problem(error.code, error.title, error.detail)
        if error.code == 503:
            response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status, title = error.code or 500, error.name
        if status == 404:
            return problem(404, title, f"Nothing is at {request.path}. The API starts at /api/v1 and is described at /openapi.")
        if status == 405:
            return problem(405, title, f"{request.path} does not take {request.method}. What it takes is described at /openapi.")
        return problem(status, title, error.description or title)

    @app.errorhandler(Exception)
    def _failure(error: Exception) -> Response:
        log.exception("request failed", extra={"path": request.path, "method": request.method})
        detail = f"Answering {request.path} failed with {type(error).__name__}; the traceback is in the controller's log."
        return problem(500, "Internal error", detail)
