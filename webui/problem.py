"""Errors as problem+json (RFC 9457): a title, and a sentence that says what went wrong and what to do."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

from flask import Response, request
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from controller.query import QueryError

MIMETYPE = "application/problem+json"
log = logging.getLogger(__name__)


class Fault(BaseModel):
    """What is wrong with one parameter, or with one field of a body."""

    name: str
    detail: str


class Problem(BaseModel):
    """The body of every error. `errors`, where parameters or fields are wrong, has them one by one."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


def problem(status: int, title: str, detail: str, errors: Iterable[Fault] = ()) -> Response:
    """One error response."""
    body = Problem(type="about:blank", title=title, status=status, detail=detail, errors=list(errors))
    return Response(body.model_dump_json(exclude_defaults=True), status, mimetype=MIMETYPE)


def problems(*codes: int) -> ResponseDict:
    """What the OpenAPI document says of these errors."""
    content = {MIMETYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {code: {"description": HTTP_STATUS_CODES[code], "content": content} for code in codes}


def invalid(error: ValidationError) -> Response:
    """Parameters or a body that do not fit the schema."""
    return not_understood(
        Fault(name=".".join(map(str, item["loc"])) or "body", detail=_sentence(item)) for item in error.errors(include_url=False)
    )


def not_understood(faults: Iterable[Fault]) -> Response:
    """A request with these mistakes."""
    faults = list(faults)
    detail = "; ".join(f"{fault.name}: {fault.detail}" for fault in faults)
    return problem(422, "Request not understood", f"{detail}. The schema is at /openapi.", faults)


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
            where = "Collections are below /api/v1, as /api/v1/bridges; /openapi describes all, /openapi/openapi.json as JSON."
            return problem(404, title, f"Nothing is at {request.path}. {where}")
        if status == 405:
            return problem(405, title, f"{request.path} does not take {request.method}. What it takes is described at /openapi.")
        return problem(status, title, error.description or title)

    @app.errorhandler(Exception)
    def _failure(error: Exception) -> Response:
        log.exception("request failed", extra={"path": request.path, "method": request.method})
        detail = f"Answering {request.path} failed with {type(error).__name__}; the traceback is in the controller's log."
        return problem(500, "Internal error", detail)
