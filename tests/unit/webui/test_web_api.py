"""Every endpoint of the REST API, and every way to ask it wrongly."""

import dataclasses
import re
from pathlib import Path

import networkx
import pydot
import pytest
from flask.testing import FlaskClient

from controller import query
from tests.fakes.view import FakeView

TYPES = Path(__file__).parents[3] / "webui" / "frontend" / "src" / "types.ts"


def test_status(client: FlaskClient) -> None:
    body = client.get("/api/v1/status").json
    assert body is not None
    assert (body["bridges"], body["connected"], body["listen"]) == (3, 3, ["tcp:127.0.0.1:6653"])


def test_health_and_readiness(client: FlaskClient, view: FakeView) -> None:
    assert client.get("/api/v1/healthz").json == {"status": "ok"}
    assert client.get("/api/v1/readyz").json == {"status": "ready"}
    ready = view.status()
    view.status = lambda: dataclasses.replace(ready, state="starting")  # type: ignore[method-assign]
    answer = client.get("/api/v1/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize(
    ("path", "total", "names"),
    [
        ("/bridges", 3, {"name", "dpid", "state"}),
        ("/ports", 8, {"bridge", "port", "rx_bytes"}),
        ("/ports?bridge=s2", 3, {"peer"}),
        ("/hosts", 4, {"mac", "ips"}),
        ("/links", 4, {"peer", "peer_port", "cost", "networks"}),
        ("/networks", 2, {"name", "vlan", "isolated", "tree"}),
        ("/hypervisors", 2, {"name", "state", "reason", "problems"}),
        ("/tunnels", 2, {"mesh", "hypervisor", "peer", "state", "cause", "mtu", "rx_bytes"}),
        ("/tunnels?hypervisor=hv1&mesh=core", 1, {"local", "remote"}),
        ("/paths?source=s2&target=10.0.0.4", 1, {"cost", "hops"}),
        ("/apps", 6, {"state", "error", "config"}),
        ("/flows", 59, {"kind", "why", "status"}),
        ("/events/history", 10, {"seq", "severity"}),
    ],
)
def test_collections(client: FlaskClient, path: str, total: int, names: set[str]) -> None:
    body = client.get(f"/api/v1{path}").json
    assert body is not None
    assert (body["total"], body["next"], len(body["items"])) == (total, "", total)
    assert names <= set(body["items"][0])


@pytest.mark.parametrize("name", ["s1", "0000000000000001"])
def test_one_bridge(client: FlaskClient, name: str) -> None:
    body = client.get(f"/api/v1/bridges/{name}").json
    assert body is not None
    assert body["name"] == "s1"


def test_topology_is_a_networkx_graph(client: FlaskClient) -> None:
    graph = networkx.node_link_graph(client.get("/api/v1/topology").get_json(), edges="edges")
    assert networkx.is_tree(networkx.Graph(graph))
    assert graph.nodes["s1"]["kind"] == "bridge"
    assert graph.nodes["s1"]["state"] == "connected"
    assert sorted(graph.neighbors("s2")) == ["default/00:00:00:00:00:01", "default/00:00:00:00:00:02", "s1"]
    assert {(edge["cost"], edge["trees"]) for _, _, edge in graph.edges(data=True)} == {(2_000, "default"), (0, "")}


@pytest.mark.parametrize(
    ("form", "kind"), [("dot", "text/vnd.graphviz"), ("graphml", "application/graphml+xml"), ("node-link", "application/json")]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, which pydot uses by its old names
def test_the_topology_has_the_format_that_is_asked_for(client: FlaskClient, form: str, kind: str) -> None:
    answer = client.get(f"/api/v1/topology?format={form}")
    assert answer.mimetype == kind
    readers = {
        "dot": lambda: sum(len(each.get_edges()) for each in pydot.graph_from_dot_data(answer.text) or []),
        "graphml": lambda: networkx.parse_graphml(answer.text).number_of_edges(),
        "node-link": lambda: len(answer.get_json()["edges"]),
    }
    assert readers[form]() == 2 * 6


def test_the_formats_of_the_topology_are_documented(client: FlaskClient) -> None:
    document = client.get("/openapi").get_json()["paths"]["/api/v1/topology"]["get"]
    assert document["responses"]["200"]["content"].keys() == {"application/json", "text/vnd.graphviz", "application/graphml+xml"}
    (parameter,) = document["parameters"]
    assert parameter["schema"]["enum"] == ["node-link", "dot", "graphml"]
    assert not parameter["required"]


def test_a_network_has_members_and_a_tree(client: FlaskClient) -> None:
    default, guests = client.get("/api/v1/networks").get_json()["items"]
    assert (guests["vlan"], guests["description"], guests["ports"], guests["isolated"]) == (30, "visitors, first floor", 2, 1)
    assert (default["hosts"], default["bridges"]) == (4, ["s2", "s3"])
    assert default["tree"] == ["s1/s1-eth1>s2/s2-eth3", "s1/s1-eth2>s3/s3-eth3"]


def test_a_path_goes_bridge_by_bridge(client: FlaskClient) -> None:
    (path,) = client.get("/api/v1/paths?source=00:00:00:00:00:01&target=default/00:00:00:00:00:04").get_json()["items"]
    assert (path["source"], path["cost"]) == ("default/00:00:00:00:00:01", 4_000)
    assert [tuple(hop.values()) for hop in path["hops"]] == [
        ("s2", 1, "s2-eth1", 3, "s2-eth3"),
        ("s1", 1, "s1-eth1", 2, "s1-eth2"),
        ("s3", 3, "s3-eth3", 2, "s3-eth2"),
    ]


def test_flows_are_narrowed(client: FlaskClient) -> None:
    def total(query: str) -> int:
        body = client.get(f"/api/v1/flows?{query}").json
        assert body is not None
        return int(body["total"])

    assert total("bridge=s2&table=40&app=l2_learning") == 4
    assert total("search=00:00:00:00:00:01") == 6
    assert total("filter=dl_src=00:00:00:00:00:01") == 3


def test_flows_come_in_pages(client: FlaskClient) -> None:
    seen, cursor = [], ""
    for _page in range(10):
        body = client.get(f"/api/v1/flows?limit=25&sort=-packets&cursor={cursor}").json
        assert body is not None
        seen += [flow["packets"] for flow in body["items"]]
        cursor = body["next"]
        if not cursor:
            break
    assert len(seen) == 59
    assert seen == sorted(seen, reverse=True)


def test_events_are_narrowed(client: FlaskClient) -> None:
    for query_string, numbers in (("severity=error", [9]), ("after=8", [9, 10]), ("kind=flow&limit=1", [10])):
        body = client.get(f"/api/v1/events/history?{query_string}").json
        assert body is not None
        assert [event["seq"] for event in body["items"]] == numbers


def test_an_app_is_switched(client: FlaskClient, view: FakeView) -> None:
    answer = client.put("/api/v1/apps/fabric", json={"enabled": False})
    assert answer.json is not None
    assert answer.json["state"] == "disabled"
    assert {app.name: app.state for app in view.apps()}["fabric"] == "disabled"


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/v1/bridges/s9", 404, "known: s1, s2, s3"),
        ("/api/v1/ports?bridge=s9", 404, "No bridge is called 's9'"),
        ("/api/v1/topology?format=png", 422, "format: png is not known; it can be 'node-link', 'dot' or 'graphml'"),
        ("/api/v1/paths?source=s1", 422, "target: is missing"),
        ("/api/v1/paths?source=s1&target=s9", 404, "no bridge or host 's9'"),
        ("/api/v1/flows?filter=((", 422, "write for example"),
        ("/api/v1/flows?filter=nw_dst=foo", 422, "'foo' at character 8 is no value of nw_dst: write an IP address"),
        ("/api/v1/flows?sort=colour", 422, "no field 'colour'"),
        ("/api/v1/flows?limit=5000", 422, "limit: 5000 is more than 1000"),
        ("/api/v1/flows?table=x", 422, "table: x is no whole number"),
        ("/api/v1/events/history?severity=loud", 422, "severity: loud is not known; it can be 'info', 'warning' or 'error'"),
        ("/api/v1/flows?brige=s1", 422, "brige: is not known here; did you mean bridge?"),
        ("/api/v1/hosts?x=1&y=2", 422, "x: is not known here; known: none; y: is not known here"),
        ("/api/v1/bridges/s1?full=1", 422, "full: is not known here"),
        ("/api/v1/healthz?deep=1", 422, "deep: is not known here"),
        ("/api/v1/events?after=3", 422, "after: is not known here"),
        ("/api/v1/ports?bridge=s1&bridge=s2", 422, "bridge: is given twice"),
        ("/api/v1/nothing", 404, "/openapi describes all"),
        ("/elsewhere", 404, "/openapi describes all"),
    ],
)
def test_refusals_are_problems(client: FlaskClient, path: str, status: int, says: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json is not None
    assert (answer.json["status"], answer.json["type"]) == (status, "about:blank")
    assert says in answer.json["detail"]


@pytest.mark.parametrize(
    ("name", "body", "status", "says"),
    [
        ("nobody", {"enabled": True}, 404, "No app is called 'nobody'"),
        ("discovery", {"enabled": False}, 409, "disable fabric first"),
        ("fabric", {"enabled": "yes"}, 422, "enabled: yes is neither true nor false"),
        ("fabric", {}, 422, "enabled: is missing"),
        ("fabric", {"enabled": True, "now": 1}, 422, "now: is not known here"),
    ],
)
def test_refused_changes(client: FlaskClient, name: str, body: object, status: int, says: str) -> None:
    answer = client.put(f"/api/v1/apps/{name}", json=body)
    assert answer.json is not None
    assert (answer.status_code, says in answer.json["detail"]) == (status, True)


@pytest.mark.parametrize("body", ["", "{", "[]", "null"])
def test_bodies_that_are_not_json_objects(client: FlaskClient, body: str) -> None:
    answer = client.put("/api/v1/apps/fabric", data=body, content_type="application/json")
    assert "body: send a JSON object, with Content-Type: application/json" in answer.get_json()["detail"]
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"


def test_a_change_takes_no_parameters(client: FlaskClient, view: FakeView) -> None:
    answer = client.put("/api/v1/apps/fabric?force=true", json={"enabled": False})
    assert (answer.status_code, answer.get_json()["errors"]) == (
        422,
        [{"name": "force", "detail": "is not known here; known: none"}],
    )
    assert {app.name: app.state for app in view.apps()}["fabric"] == "running"


def test_wrong_method(client: FlaskClient) -> None:
    answer = client.delete("/api/v1/hosts")
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")


def test_a_fault_of_ours_is_a_problem_too(client: FlaskClient, view: FakeView, caplog: pytest.LogCaptureFixture) -> None:
    view.hosts = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    answer = client.get("/api/v1/hosts")
    assert answer.json is not None
    assert (answer.status_code, "ZeroDivisionError" in answer.json["detail"]) == (500, True)
    assert "division by zero" in caplog.text


def test_openapi_describes_every_path(client: FlaskClient) -> None:
    spec = client.get("/openapi").json
    assert spec == client.get("/openapi/openapi.json").json
    assert spec is not None
    assert spec["openapi"].startswith("3.1")
    served = {re.sub(r"<(\w+)>", r"{\1}", rule.rule) for rule in client.application.url_map.iter_rules()}
    assert {path for path in served if path.startswith("/api/")} == set(spec["paths"])
    answers = spec["paths"]["/api/v1/apps/{name}"]["put"]["responses"]
    assert answers.keys() == {"200", "401", "403", "404", "409", "421", "422", "500", "503"}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert all(answer["content"] == problem for code, answer in answers.items() if code != "200")
    assert "FlowView" in str(spec["components"]["schemas"])


@pytest.mark.parametrize(
    "name", ["Status", "BridgeView", "PortView", "HostView", "LinkView", "NetworkView", "AppView", "FlowView", "EventView"]
)
def test_the_dashboard_knows_the_same_fields(name: str) -> None:
    found = re.search(rf"export interface {name} {{(.*?)\n}}", TYPES.read_text(), re.DOTALL)
    assert found
    fields = [field.name for field in dataclasses.fields(getattr(query, name))]
    assert re.findall(r"^  (\w+):", found[1], re.MULTILINE) == fields
