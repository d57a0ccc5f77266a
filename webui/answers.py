"""The forms of answers: one thing, or a collection with the cursor of what follows, as JSON with a schema."""

from __future__ import annotations

from typing import Generic, TypeVar

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, RootModel

from webui.problem import problems

T = TypeVar("T")
READ = Tag(name="read", description="What the controller knows")
CHANGE = Tag(name="change", description="What a person may change")


class Listing(BaseModel, Generic[T]):
    """A collection, or a part of one with the cursor of the next."""

    items: tuple[T, ...]
    total: int
    next: str = ""


class One(RootModel[T], Generic[T]):
    """One thing."""


def answers(kind: type[BaseModel], *errors: int) -> ResponseDict:
    """What a route answers, beside the errors that every route has."""
    return {200: kind, **problems(*errors)}


def as_json(body: BaseModel) -> Response:
    """An answer that holds this."""
    return Response(body.model_dump_json(), mimetype="application/json")


def as_list(kind: type[Listing[T]], items: tuple[T, ...], total: int | None = None, cursor: str = "") -> Response:
    """An answer that holds these items, all of `total` where no number is given."""
    return as_json(kind.model_construct(items=items, total=len(items) if total is None else total, next=cursor))
