"""The REST API under /api/v1: the views of `controller.query` as JSON, described by OpenAPI 3.1 at /openapi."""

from __future__ import annotations

from typing import Literal

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, ConfigDict, Field

from controller.query import (
    Applied,
    AppView,
    BridgeView,
    EventView,
    Export,
    FlowView,
    HostView,
    HypervisorView,
    LinkView,
    NetworkView,
    PathView,
    PortView,
    QueryError,
    Status,
    TunnelView,
    View,
)
from webui.answers import CHANGE, READ, Listing, One, answers
from webui.answers import as_json as _json
from webui.answers import as_list as _list
from webui.parameters import Query, refuse_unknown
from webui.problem import problems
from webui.services import add_services
from webui.stream import Hub

LIVE = Tag(name="live", description="Server-sent events")
DOCUMENTS: dict[Export, tuple[str, dict[str, str]]] = {  # media types of the topology, and what is in them
    "node-link": ("application/json", {"type": "object", "description": "`networkx.node_link_graph(data, edges='edges')`"}),
    "dot": ("text/vnd.graphviz", {"type": "string"}),
    "graphml": ("application/graphml+xml", {"type": "string"}),
}


class BridgePath(BaseModel):
    name: str = Field(description="name of the bridge, or its datapath id in 16 hex digits")


class PortQuery(Query):
    bridge: str = Field("", description="only the ports of this bridge")


class TunnelQuery(Query):
    hypervisor: str = Field("", description="only those that this hypervisor sees")
    mesh: str = Field("", description="only those of this mesh")


class AppPath(BaseModel):
    name: str = Field(description="name of the app")


class AppChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    enabled: bool = Field(description="whether the app shall run", strict=True)
    force: bool = Field(False, description="disable it although there is no network without it", strict=True)


class NetworkText(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = Field(description="a network file, YAML", strict=True)
    name: str = Field("network.yaml", description="what problems call it", max_length=4096, strict=True)


class PathQuery(Query):
    source: str = Field(description="a bridge, or a host by MAC or IP address or as `network/mac`", min_length=1, max_length=200)
    target: str = Field(description="where the path leads, likewise", min_length=1, max_length=200)


class TopologyQuery(Query):
    format: Export = Field("node-link", description="JSON of networkx, the DOT language of Graphviz, or GraphML")


class FlowQuery(Query):
    bridge: str = Field("", description="only this bridge")
    table: int | None = Field(None, ge=0, le=254, description="only this table")
    app: str = Field("", description="only what this app wants")
    filter: str = Field("", description="ovs.flow filter, as `nw_dst~=10.0.0.5 and n_packets>0`", max_length=2000)
    search: str = Field("", description="text in match, actions, app, rule, row or why", max_length=500)
    sort: str = Field("", description="a field of a flow, with `-` before it for the largest first")
    limit: int = Field(100, ge=1, le=1000)
    cursor: str = Field("", description="`next` of the page before")


class EventQuery(Query):
    after: int = Field(0, ge=0, description="only events with a higher number")
    limit: int = Field(200, ge=1, le=10_000)
    kind: str = ""
    severity: Literal["", "info", "warning", "error"] = ""


class State(BaseModel):
    """Whether the process lives, or is ready."""

    status: str


def register(app: OpenAPI, view: View, hub: Hub) -> None:
    """Add the API to the application."""
    probes = APIBlueprint("probes", __name__, url_prefix="/api/v1", abp_responses=problems(421, 422, 500))
    _add_probes(probes, view)
    api = APIBlueprint("api", __name__, url_prefix="/api/v1", abp_responses=problems(401, 421, 422, 500, 503))
    _add_state(api, view)
    _add_collections(api, view)
    _add_topology(api, view)
    add_services(api, view)
    _add_flows(api, view)
    _add_apps(api, view)
    _add_config(api, view)
    _add_events(api, view, hub)
    for each in (probes, api):
        refuse_unknown(each)
        app.register_api(each)
    for path in ("/openapi", "/openapi/openapi.json"):
        app.add_url_rule(path, path, lambda: app.api_doc)


def _add_state(api: APIBlueprint, view: View) -> None:
    @api.get("/status", tags=[READ], responses={200: One[Status]}, summary="The controller itself, and how much there is")
    def status() -> Response:
        return _json(One[Status](view.status()))


def _add_probes(api: APIBlueprint, view: View) -> None:
    @api.get("/healthz", tags=[READ], responses={200: State}, summary="The process lives")
    def healthz() -> Response:
        return _json(State(status="ok"))

    @api.get("/readyz", tags=[READ], responses=answers(State, 503), summary="It listens, and its apps are loaded")
    def readyz() -> Response:
        state = view.status().state
        if state != "ready":
            raise QueryError(503, "Not ready", f"The controller is {state}; ask again in a second.")
        return _json(State(status=state))


def _add_collections(api: APIBlueprint, view: View) -> None:
    @api.get("/bridges", tags=[READ], responses={200: Listing[BridgeView]}, summary="All bridges, the disconnected too")
    def bridges() -> Response:
        return _list(Listing[BridgeView], view.bridges())

    @api.get("/bridges/<name>", tags=[READ], responses=answers(One[BridgeView], 404), summary="One bridge")
    def bridge(path: BridgePath) -> Response:
        known = view.bridges()
        for found in known:
            if path.name in (found.name, found.dpid):
                return _json(One[BridgeView](found))
        names = ", ".join(found.name for found in known) or "none"
        raise QueryError(404, "No such bridge", f"No bridge is called {path.name!r}; known: {names}.")

    @api.get("/ports", tags=[READ], responses=answers(Listing[PortView], 404), summary="Ports with their counters")
    def ports(query: PortQuery) -> Response:
        return _list(Listing[PortView], view.ports(query.bridge))

    @api.get("/hosts", tags=[READ], responses={200: Listing[HostView]}, summary="Learned hosts")
    def hosts() -> Response:
        return _list(Listing[HostView], view.hosts())

    @api.get("/links", tags=[READ], responses={200: Listing[LinkView]}, summary="Links, each direction by itself")
    def links() -> Response:
        return _list(Listing[LinkView], view.links())

    @api.get("/networks", tags=[READ], responses={200: Listing[NetworkView]}, summary="Virtual networks and their flood trees")
    def networks() -> Response:
        return _list(Listing[NetworkView], view.networks())

    summary = "Hypervisors whose Open vSwitch weft sets up"

    @api.get("/hypervisors", tags=[READ], responses={200: Listing[HypervisorView]}, summary=summary)
    def hypervisors() -> Response:
        return _list(Listing[HypervisorView], view.hypervisors())

    @api.get("/tunnels", tags=[READ], responses={200: Listing[TunnelView]}, summary="Tunnels, as each end sees them")
    def tunnels(query: TunnelQuery) -> Response:
        wanted = (query.hypervisor, query.mesh)
        found = (t for t in view.tunnels() if wanted[0] in ("", t.hypervisor) and wanted[1] in ("", t.mesh))
        return _list(Listing[TunnelView], tuple(found))


def _add_topology(api: APIBlueprint, view: View) -> None:
    @api.get(
        "/paths",
        tags=[READ],
        responses=answers(Listing[PathView], 404, 409),
        summary="The cheapest paths between two bridges or hosts",
    )
    def paths(query: PathQuery) -> Response:
        return _list(Listing[PathView], view.paths(query.source, query.target))

    documents = {"description": "The graph", "content": {kind: {"schema": schema} for kind, schema in DOCUMENTS.values()}}
    summary = "Bridges, hosts and links as one graph, each direction an edge"

    @api.get("/topology", tags=[READ], responses={200: documents}, summary=summary)
    def graph(query: TopologyQuery) -> Response:
        return Response(view.topology(query.format), mimetype=DOCUMENTS[query.format][0])


def _add_flows(api: APIBlueprint, view: View) -> None:
    @api.get(
        "/flows", tags=[READ], responses=answers(Listing[FlowView], 404), summary="Flows, groups and meters, each with its reason"
    )
    def flows(query: FlowQuery) -> Response:
        page = view.flows(query.bridge, query.table, query.app, query.filter, query.search, query.sort, query.limit, query.cursor)
        return _list(Listing[FlowView], page.items, page.total, page.next)


def _add_apps(api: APIBlueprint, view: View) -> None:
    @api.get("/apps", tags=[READ], responses={200: Listing[AppView]}, summary="Apps, with the traceback of a failed one")
    def apps() -> Response:
        return _list(Listing[AppView], view.apps())

    @api.put(
        "/apps/<name>",
        tags=[CHANGE],
        responses=answers(One[AppView], 403, 404, 409),
        summary="Enable or disable an app while traffic flows",
    )
    def change(path: AppPath, body: AppChange) -> Response:
        return _json(One[AppView](view.set_app(path.name, body.enabled, body.force)))


def _add_config(api: APIBlueprint, view: View) -> None:
    @api.put("/config", tags=[CHANGE], responses=answers(One[Applied], 403), summary="Make the network what a network file says")
    def apply(body: NetworkText) -> Response:
        return _json(One[Applied](view.apply(body.text, body.name)))


def _add_events(api: APIBlueprint, view: View, hub: Hub) -> None:
    @api.get("/events/history", tags=[READ], responses={200: Listing[EventView]}, summary="What happened, newest last")
    def history(query: EventQuery) -> Response:
        return _list(Listing[EventView], view.events(query.after, query.limit, query.kind, query.severity))

    frames: ResponseDict = {200: {"description": "The stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}}}

    @api.get("/events", tags=[LIVE], responses=frames, summary="Live: hello, event, changed, reset; a comment every 15 s")
    def events() -> Response:
        last = request.headers.get("Last-Event-ID", "")
        gone = request.environ.get("waitress.client_disconnected", lambda: False)
        frames = hub.open(int(last) if last.isdecimal() else None, gone)
        return Response(frames, mimetype="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
