"""The application over a fake network, asked without a server."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.fakes.view import FakeView
from webui.app import create_app


@pytest.fixture
def view() -> FakeView:
    return FakeView()


@pytest.fixture
def app(view: FakeView) -> Iterator[Flask]:
    app = create_app(view)
    yield app
    app.extensions["weft.hub"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
