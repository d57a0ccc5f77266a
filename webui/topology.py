"""The network as a node-link graph, in the form that `networkx.node_link_graph` reads."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from controller.query import View


class Node(BaseModel):
    """A bridge or a host."""

    id: str
    kind: Literal["bridge", "host"]
    name: str
    state: str


class Edge(BaseModel):
    """A link between bridges, or the port that a host is on (then `target_port` is empty)."""

    key: int = 0
    source: str
    target: str
    kind: Literal["link", "host"]
    source_port: str
    target_port: str


class Graph(BaseModel):
    """An undirected multigraph; `graph` holds the revision that it shows."""

    directed: bool = False
    multigraph: bool = True
    graph: dict[str, Any]
    nodes: list[Node]
    edges: list[Edge]


def graph(view: View) -> Graph:
    """What the view knows now, each cable once."""
    revision = view.status().revision
    bridges = [Node(id=bridge.name, kind="bridge", name=bridge.name, state=bridge.state) for bridge in view.bridges()]
    known = {node.id for node in bridges}
    hosts = [host for host in view.hosts() if host.bridge in known]
    nodes = [Node(id=host.mac, kind="host", name=host.ips[0] if host.ips else host.mac, state="learned") for host in hosts]
    edges = [Edge(source=host.mac, target=host.bridge, kind="host", source_port="", target_port=host.port_name) for host in hosts]
    return Graph(graph={"revision": revision}, nodes=bridges + nodes, edges=_cables(view, known) + edges)


def _cables(view: View, known: set[str]) -> list[Edge]:
    cables: dict[tuple[tuple[str, int], ...], Edge] = {}
    parallel: dict[frozenset[str], int] = {}
    for link in view.links():
        ends = tuple(sorted(((link.bridge, link.port), (link.peer, link.peer_port))))
        if ends in cables or not {link.bridge, link.peer} <= known:
            continue
        pair = frozenset((link.bridge, link.peer))
        key = parallel[pair] = parallel.get(pair, -1) + 1
        names = {"source_port": link.port_name, "target_port": link.peer_port_name}
        cables[ends] = Edge(key=key, source=link.bridge, target=link.peer, kind="link", **names)
    return list(cables.values())
