"""Parameters of routes. One that a route does not have is a mistake: ignored, it would give an answer to another question."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel

from webui.problem import Fault, not_understood

_schemas: dict[type[BaseModel], dict[str, Any]] = {}


class Query(BaseModel):
    """The parameters of a route. For each request flask-openapi3 asks for their schema, which takes a millisecond to make."""

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """Made once in its usual form."""
        if args or options:
            return super().model_json_schema(*args, **options)
        return _schemas.get(cls) or _schemas.setdefault(cls, super().model_json_schema())


def refuse_unknown(api: APIBlueprint) -> None:
    """Answer requests with parameters that the OpenAPI document does not name, or that are given twice, with what is wrong."""

    @api.before_request
    def _refuse() -> Response | None:
        known = _known(api)
        faults = [Fault(name=name, detail=_wrong(name, known)) for name in request.args if name not in known]
        faults += [Fault(name=name, detail="is given twice") for name, values in request.args.lists() if len(values) > 1]
        return not_understood(faults) if faults else None


def _known(api: APIBlueprint) -> list[str]:
    path = api.paths[re.sub(r"<(\w+)>", r"{\1}", str(request.url_rule))]
    operation = getattr(path, "get" if request.method == "HEAD" else request.method.lower())
    parameters = operation.parameters if operation else None
    return [each.name for each in parameters or () if each.param_in == "query"]


def _wrong(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}"
    return f"is not known here; {hint}"
