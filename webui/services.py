"""Virtual services in the API: what they are, how their backends do, and orders to drain those."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from controller.query import BackendView, Drained, QueryError, ServiceView, View
from webui.answers import CHANGE, READ, Listing, One, answers, as_json, as_list


class ServicePath(BaseModel):
    name: str = Field(description="name of the service")


class BackendPath(ServicePath):
    address: str = Field(description="IP address of the backend, as it is written in any form")


def add_services(api: APIBlueprint, view: View) -> None:
    """Add what is about services to the API."""
    _add_reading(api, view)
    _add_orders(api, view)


def _add_reading(api: APIBlueprint, view: View) -> None:
    @api.get("/services", tags=[READ], responses={200: Listing[ServiceView]}, summary="Virtual services with their counters")
    def services() -> Response:
        return as_list(Listing[ServiceView], view.services())

    @api.get("/services/<name>", tags=[READ], responses=answers(One[ServiceView], 404), summary="One service")
    def service(path: ServicePath) -> Response:
        known = view.services()
        found = next((each for each in known if each.name == path.name), None)
        if found is None:
            names = ", ".join(each.name for each in known) or "none"
            raise QueryError(404, "No such service", f"No service is called {path.name!r}; known: {names}.")
        return as_json(One[ServiceView](found))

    summary = "Backends of all services"

    @api.get("/backends", tags=[READ], responses={200: Listing[BackendView]}, summary=summary)
    def every_backend() -> Response:
        return as_list(Listing[BackendView], view.backends())

    summary = "Backends of a service: state, weight, and the share of new connections that each gets"

    @api.get("/services/<name>/backends", tags=[READ], responses=answers(Listing[BackendView], 404), summary=summary)
    def backends(path: ServicePath) -> Response:
        return as_list(Listing[BackendView], view.backends(path.name))


def _add_orders(api: APIBlueprint, view: View) -> None:
    place = "/services/<name>/backends/<address>"
    ordered = answers(One[Drained], 403, 404)
    summary = "Give a backend no new connections; the old ones finish"

    @api.post(f"{place}/drain", tags=[CHANGE], responses=ordered, summary=summary)
    def drain(path: BackendPath) -> Response:
        return as_json(One[Drained](view.drain(path.name, path.address, True)))

    summary = "Give a backend new connections again"

    @api.post(f"{place}/undrain", tags=[CHANGE], responses=ordered, summary=summary)
    def undrain(path: BackendPath) -> Response:
        return as_json(One[Drained](view.drain(path.name, path.address, False)))
