"""The network as a networkx graph, for people and their programs: shortest paths, flood trees, node-link JSON, DOT and GraphML.

A node is a bridge by its name, a host as `network/mac`, or a mesh of tunnels as `mesh/name`, by which each of its bridges
reaches every other. An edge is one direction of a link, of a tunnel, or of the way between a host and its port; its key is
(port, peer port), 0 for the own one of a host or a mesh. It is made from rows when somebody asks; forwarding has trees of
its own (`controller.topology.trees`), kept up to date at less cost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import networkx as nx

from controller.model import Bridge, Host, Link, Port

Graph: TypeAlias = "nx.MultiDiGraph[str]"
Edge = tuple[str, str, tuple[int, int]]  # from, to, (port there, port here)
End = tuple[str, int]  # a bridge and its port

HOST_PORT = 0  # in place of a port on the side of a host or a mesh; OpenFlow ports begin at 1
TUNNEL = 1  # the cost of a way into or out of a mesh: there is no choice between tunnels, only a first and a last one


class Tunnel(NamedTuple):
    """The port by which a bridge is on a mesh of tunnels. `hub`: by which bridge and port all frames go, if by one."""

    bridge: str
    port: int
    mesh: str
    hub: End | None = None
    networks: str = ""


def build(
    bridges: Iterable[Bridge],
    ports: Iterable[Port],
    links: Iterable[Link],
    hosts: Iterable[Host],
    *,
    tunnels: Iterable[Tunnel] = (),
    states: Mapping[str, str] | None = None,
    trees: Mapping[str, Collection[End]] | None = None,
) -> Graph:
    """The graph that the rows describe; equal rows give an equal graph in any order.

    states: of bridges, connected or not. trees: of each network, both ends of each link of its broadcast tree.
    Links and hosts of bridges that are not in `bridges` are left out, as are hosts seen on a link: they live elsewhere.
    """
    graph: Graph = nx.MultiDiGraph()
    by_end = {(port.bridge, port.port): port for port in ports}
    for bridge in sorted(bridges, key=Bridge.key_of):
        graph.add_node(bridge.bridge, kind="bridge", dpid=f"{bridge.dpid:016x}", state=(states or {}).get(bridge.bridge, ""))
    on_tree = _networks(trees or {})
    on_link: set[End] = set()
    for link in sorted(links, key=Link.key_of):
        ends = (link.bridge, link.port), (link.peer, link.peer_port)
        on_link.update(ends)
        if link.bridge in graph and link.peer in graph:
            networks = on_tree.get(ends[0], set()) & on_tree.get(ends[1], set())
            _add_link(graph, link, by_end, " ".join(sorted(networks)))
    for host in sorted(hosts, key=Host.key_of):
        if host.bridge in graph and (host.bridge, host.port) not in on_link:
            _add_host(graph, host, by_end.get((host.bridge, host.port)))
    for tunnel in sorted(tunnels, key=lambda tunnel: tunnel[:3]):
        if tunnel.bridge in graph and (tunnel.hub is None or tunnel.hub[0] in graph):
            _add_tunnel(graph, tunnel, by_end)
    return graph


def _networks(trees: Mapping[str, Collection[End]]) -> dict[End, set[str]]:
    """The networks whose broadcast tree a port is in."""
    found: dict[End, set[str]] = {}
    for network, ends in trees.items():
        for end in ends:
            found.setdefault(end, set()).add(network)
    return found


def _add_link(graph: Graph, link: Link, ports: Mapping[End, Port], trees: str) -> None:
    here, there = ports.get((link.bridge, link.port)), ports.get((link.peer, link.peer_port))
    graph.add_edge(
        link.bridge,
        link.peer,
        key=(link.port, link.peer_port),
        kind="link",
        port=link.port,
        port_name=here.name if here else "",
        peer_port=link.peer_port,
        peer_port_name=there.name if there else "",
        cost=link.cost,
        speed=here.speed if here else 0,
        up=all(port is None or port.up for port in (here, there)),
        trees=trees,
    )


def _add_host(graph: Graph, host: Host, port: Port | None) -> None:
    name = node_of(host)
    graph.add_node(name, kind="host", network=host.network, mac=str(host.mac), ips=" ".join(map(str, host.ips)))
    both = {"kind": "host", "cost": 0, "speed": port.speed if port else 0, "up": port is None or port.up, "trees": ""}
    port_name = port.name if port else ""
    there = {"port": host.port, "port_name": port_name, "peer_port": HOST_PORT, "peer_port_name": ""}
    here = {"port": HOST_PORT, "port_name": "", "peer_port": host.port, "peer_port_name": port_name}
    graph.add_edge(host.bridge, name, key=(host.port, HOST_PORT), **both, **there)
    graph.add_edge(name, host.bridge, key=(HOST_PORT, host.port), **both, **here)


def _add_tunnel(graph: Graph, tunnel: Tunnel, ports: Mapping[End, Port]) -> None:
    """To the hub, or to the node that stands for all tunnels between the bridges of the mesh."""
    here, there = (tunnel.bridge, tunnel.port), tunnel.hub or (f"mesh/{tunnel.mesh}", HOST_PORT)
    if here == there:
        return
    if tunnel.hub is None:
        graph.add_node(there[0], kind="mesh", networks=tunnel.networks)
    names = {end: ports[end].name if end in ports else "" for end in (here, there)}
    up = all(ports[end].up for end in (here, there) if end in ports)
    both = {"kind": "tunnel", "cost": TUNNEL, "speed": 0, "up": up, "trees": tunnel.networks}
    for one, other in ((here, there), (there, here)):
        at = {"port": one[1], "port_name": names[one], "peer_port": other[1], "peer_port_name": names[other]}
        graph.add_edge(one[0], other[0], key=(one[1], other[1]), **both, **at)


def node_of(host: Host) -> str:
    """The node of a host. One address in two networks is two hosts."""
    return f"{host.network}/{host.mac}"


# Paths


def distances(graph: Graph, target: str) -> dict[str, int]:
    """The cost of the cheapest path to `target` from each node that has one. Ports that are down and other hosts are no way.

    Raises ValueError where there is no such node.
    """
    if target not in graph:
        raise ValueError(f"there is no bridge or host {target!r}; a host is written as network/mac")

    def backwards(to: str, _: str, edges: Mapping[Any, Mapping[str, Any]]) -> int | None:
        if to != target and graph.nodes[to]["kind"] == "host":
            return None
        return min((edge["cost"] for edge in edges.values() if edge["up"]), default=None)

    found = nx.single_source_dijkstra_path_length(graph.reverse(copy=False), target, weight=backwards)
    return {node: int(cost) for node, cost in found.items()}


def shortest_paths(graph: Graph, source: str, target: str, limit: int = 16) -> list[list[Edge]]:
    """The cheapest paths between two bridges or hosts, as edges, each parallel link its own, `limit` of them at the most.

    No path: an empty list. From a node to itself there is one path without edges.
    """
    dist = distances(graph, target)
    if source not in graph:
        raise ValueError(f"there is no bridge or host {source!r}; a host is written as network/mac")
    return list(islice(_paths(graph, dist, source, target), limit)) if source in dist else []


def _paths(graph: Graph, dist: Mapping[str, int], source: str, target: str) -> Iterator[list[Edge]]:
    """Depth first; every step leads nearer, so every path arrives."""
    paths: list[list[Edge]] = [[]]
    while paths:
        path = paths.pop()
        at = path[-1][1] if path else source
        if at == target:
            yield path
        else:
            paths += [[*path, edge] for edge in reversed(_steps(graph, dist, at, target))]


def _steps(graph: Graph, dist: Mapping[str, int], node: str, target: str) -> list[Edge]:
    """The edges of a node on which a cheapest path begins, in the order of the names and ports."""
    return sorted(
        (node, peer, key)
        for _, peer, key, edge in graph.out_edges(node, keys=True, data=True)
        if edge["up"]
        and node != target
        and (peer == target or graph.nodes[peer]["kind"] != "host")
        and peer in dist
        and dist[peer] + edge["cost"] == dist[node]
    )


# Exports


def node_link(graph: Graph) -> dict[str, Any]:
    """The graph as JSON has it: `nodes` and `edges`, which `networkx.node_link_graph(data, edges="edges")` reads back."""
    data: dict[str, Any] = nx.node_link_data(plain(graph), edges="edges")
    return data


def graphml(graph: Graph) -> str:
    """The graph as GraphML (graphml.graphdrawing.org), which Gephi, yEd, igraph and `networkx.parse_graphml` read."""
    return '<?xml version="1.0" encoding="utf-8"?>\n' + "\n".join(nx.generate_graphml(plain(graph))) + "\n"


def dot(graph: Graph) -> str:
    """The graph in the DOT language of Graphviz, two edges a link, the ports written at their ends."""
    flat = plain(graph)
    lines = [f"  {_quoted(node)} {_attributes(_drawn(node, data))};" for node, data in flat.nodes(data=True)]
    for node, peer, key, data in flat.edges(keys=True, data=True):
        labels = {"taillabel": data["port_name"] or data["port"], "headlabel": data["peer_port_name"] or data["peer_port"]}
        ends = {name: label for name, label in labels.items() if label != HOST_PORT}
        lines.append(f"  {_quoted(node)} -> {_quoted(peer)} {_attributes({'id': key, **ends, **data})};")
    return "\n".join(["digraph weft {", f"  graph {_attributes(flat.graph)};", *lines, "}"]) + "\n"


def plain(graph: Graph) -> Graph:
    """A copy that any format can hold: text, numbers and truth values only, and keys that no two edges share.

    A key is `bridge:port-peer:port`. What cannot be printed, which a name from a bridge may hold, becomes U+FFFD.
    """
    flat: Graph = nx.MultiDiGraph(**graph.graph)
    for node, data in graph.nodes(data=True):
        flat.add_node(_printable(node), **{name: _printable(value) for name, value in data.items()})
    for node, peer, (port, peer_port), data in graph.edges(keys=True, data=True):
        key = _printable(f"{node}:{port}-{peer}:{peer_port}")
        flat.add_edge(_printable(node), _printable(peer), key=key, **{name: _printable(value) for name, value in data.items()})
    return flat


def _printable(value: Any) -> Any:
    if isinstance(value, str) and not value.isprintable():
        return "".join(char if char.isprintable() else "\ufffd" for char in value)
    return value


def _drawn(node: str, data: Mapping[str, Any]) -> dict[str, Any]:
    label = data["ips"] or data["mac"] if data["kind"] == "host" else node
    return {"label": label, "shape": {"bridge": "box", "mesh": "hexagon"}.get(data["kind"], "ellipse"), **data}


def _attributes(data: Mapping[str, Any]) -> str:
    return "[" + ", ".join(f"{name}={_quoted(value)}" for name, value in data.items()) + "]"


def _quoted(value: Any) -> str:
    """Quoted text of DOT. A backslash is doubled: Graphviz would take it for the beginning of an escape."""
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
