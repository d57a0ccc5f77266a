"""What entries of the network file have in common: strict types, only keys that are known, nothing is an empty one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema, model_validator

from controller.config import names


def nothing_is_empty(value: Any) -> Any:
    """A key with nothing after it is an empty mapping."""
    return {} if value is None else value


EmptyIfNothing = BeforeValidator(nothing_is_empty)
Dpid = Annotated[
    int,
    BeforeValidator(names.dpid),
    PlainSerializer(lambda number: f"{number:#x}", return_type=str),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": names.DPID}]}),
]


class Model(BaseModel):
    """Frozen; types are not converted; descriptions stand below the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Entry(Model):
    """A mapping in the file."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        return nothing_is_empty(value)
