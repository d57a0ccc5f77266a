"""The application over a fake network, asked without a server, and held to its OpenAPI document."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, Response, current_app, request
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.fakes.view import FakeView
from webui.app import create_app


@pytest.fixture
def view() -> FakeView:
    return FakeView()


@pytest.fixture
def described() -> Iterator[Callable[[Flask], Flask]]:
    """Whatever these applications answer has a status, media type and form that their OpenAPI document names."""
    faults = []

    def compare(answer: Response) -> Response:
        document = current_app.api_doc  # type: ignore[attr-defined]
        path = document["paths"].get(re.sub(r"<(\w+)>", r"{\1}", str(request.url_rule)), {})
        route = path.get(request.method.lower())
        if route:
            content = route["responses"].get(str(answer.status_code), {}).get("content", {})
            schema = {**content[answer.mimetype]["schema"], **document} if answer.mimetype in content else False
            faults.extend(Draft202012Validator(schema).iter_errors(answer.get_json() if answer.is_json else ""))
        return answer

    def watch(app: Flask) -> Flask:
        app.after_request(compare)
        return app

    yield watch
    assert faults == []


@pytest.fixture
def app(view: FakeView, described: Callable[[Flask], Flask]) -> Iterator[Flask]:
    app = described(create_app(view))
    yield app
    app.extensions["weft.hub"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
