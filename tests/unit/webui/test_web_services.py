"""Virtual services in the REST API."""

import dataclasses
import re

import pytest
from flask.testing import FlaskClient

from controller import query
from tests.fakes.view import FakeView
from tests.unit.webui.test_web_api import TYPES
from webui.app import create_app

DRAIN = "/api/v1/services/web/backends/10.0.0.1/drain"


@pytest.mark.parametrize(
    ("path", "total", "names"),
    [
        ("/services", 2, {"name", "vip", "ports", "state", "problems"}),
        ("/backends", 5, {"service", "address", "share"}),
        ("/services/web/backends", 3, {"weight", "expected", "share", "reason", "connections", "active"}),
    ],
)
def test_collections(client: FlaskClient, path: str, total: int, names: set[str]) -> None:
    body = client.get(f"/api/v1{path}").get_json()
    assert (body["total"], body["next"], len(body["items"])) == (total, "", total)
    assert names <= set(body["items"][0])


def test_one_service(client: FlaskClient) -> None:
    body = client.get("/api/v1/services/web").get_json()
    assert (body["name"], body["state"], body["up"], body["backends"]) == ("web", "degraded", 2, 3)


def test_a_backend_is_drained_and_used_again(client: FlaskClient, view: FakeView) -> None:
    first, second = client.post(DRAIN).get_json(), client.post(DRAIN).get_json()
    assert (first["changed"], first["backend"]["state"], second["changed"]) == (True, "draining", False)
    assert view.backends("web")[0].state == "draining"
    again = client.post(DRAIN.replace("drain", "undrain")).get_json()
    assert (again["changed"], again["backend"]["state"]) == (True, "up")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/services/ftp/backends/10.0.0.1/drain", "No service is called 'ftp'; known: dns, web."),
        ("/services/web/backends/10.0.0.9/undrain", "web has no backend 10.0.0.9"),
    ],
)
def test_orders_that_cannot_be(client: FlaskClient, path: str, says: str) -> None:
    answer = client.post(f"/api/v1{path}")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert says in answer.get_json()["detail"]


@pytest.mark.parametrize("path", ["/services/ftp", "/services/ftp/backends"])
def test_services_that_are_not_there(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/api/v1{path}")
    assert (answer.status_code, "known: dns, web" in answer.get_json()["detail"]) == (404, True)


def test_an_order_is_guarded_like_every_change(client: FlaskClient, view: FakeView) -> None:
    foreign = client.post(DRAIN, headers={"Origin": "https://elsewhere.example"})
    assert (foreign.status_code, foreign.mimetype) == (403, "application/problem+json")
    app = create_app(view, token="secret-token")
    assert app.test_client().post(DRAIN).status_code == 401
    assert view.backends("web")[0].state == "up"
    assert app.test_client().post(DRAIN, headers={"Authorization": "Bearer secret-token"}).status_code == 200
    app.extensions["weft.hub"].close()
    assert client.get(DRAIN).status_code == 405


@pytest.mark.parametrize("name", ["ServiceView", "BackendView", "Drained"])
def test_the_dashboard_knows_the_same_fields(name: str) -> None:
    found = re.search(rf"export interface {name} {{(.*?)\n}}", TYPES.read_text(), re.DOTALL)
    assert found
    assert re.findall(r"^  (\w+):", found[1], re.MULTILINE) == [field.name for field in dataclasses.fields(getattr(query, name))]
