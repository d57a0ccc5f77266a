"""Fields of apps in a network file: what the apps of this catalogue do not take. Only a controller knows its apps."""

from __future__ import annotations

from collections.abc import Mapping

from controller.config import Found, Node
from controller.runtime.catalogue import Catalogue
from controller.runtime.loader import FieldError, LoadError


def mistakes(catalogue: Catalogue, root: Node) -> Found:
    """What apps do not take, in a file that may have other mistakes; those are told already."""
    apps = root.get("apps")
    for app, (_, given) in (apps.entries() if apps else {}).items():
        fields = given.entries()
        if not given.bad and not any(field.value.bad for field in fields.values()):
            yield from mistakes_of(catalogue, app, {name: field.value.plain() for name, field in fields.items()})


def mistakes_of(catalogue: Catalogue, app: str, fields: Mapping[str, object]) -> Found:
    """What one app does not take of its fields."""
    try:
        catalogue.check(app, fields)
    except FieldError as error:
        for name, text, about_key in error.fields:
            yield ("apps", app, *name.split(".")), about_key, text
    except LoadError as error:
        yield ("apps", app), False, str(error)
