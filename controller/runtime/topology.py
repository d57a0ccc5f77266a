"""The rows of the topology at one moment, and what readers ask of them: links, networks, paths, exports.

The rows are copied in the event loop; what is made of them is made in the asking thread.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from controller.model import EVERY_BRIDGE, Attachment, Bridge, FloodPorts, Host, Link, Mesh, Network, Port, TunnelAt, Vtep
from controller.query import Export, HopView, LinkView, NetworkView, PathView, QueryError

if TYPE_CHECKING:
    from controller.topology.graph import Edge, Graph, Tunnel

End = tuple[str, int]  # a bridge and its port

MOST_PATHS = 64  # are shown; a fat tree of 8 ports a switch has 16 between two pods


@dataclass(frozen=True)
class Topology:
    """Rows, each kind in the order of its keys; `states` of bridges by name."""

    bridges: Sequence[Bridge]
    ports: Sequence[Port]
    links: Sequence[Link]
    hosts: Sequence[Host]
    networks: Sequence[Network]
    attachments: Sequence[Attachment] = ()
    flood_ports: Sequence[FloodPorts] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    revision: int = 0
    tunnels: Sequence[TunnelAt] = ()
    meshes: Sequence[Mesh] = ()
    vteps: Sequence[Vtep] = ()

    @cached_property
    def _names(self) -> dict[End, str]:
        return {(port.bridge, port.port): port.name for port in self.ports}

    def _port(self, end: End) -> str:
        return self._names.get(end, str(end[1]))

    @cached_property
    def _trees(self) -> dict[str, set[End]]:
        """Of each network, the ports of its flood tree."""
        trees: defaultdict[str, set[End]] = defaultdict(set)
        for row in self.flood_ports:
            if row.network != EVERY_BRIDGE:
                trees[row.network].update((row.bridge, port) for port in row.ports)
        return trees

    # ------------------------------------------------------------------ links and networks

    def link_views(self) -> tuple[LinkView, ...]:
        """Links, each direction by itself."""
        flooded: defaultdict[End, set[str]] = defaultdict(set)
        for network, ends in self._trees.items():
            for end in ends:
                flooded[end].add(network)
        return tuple(
            LinkView(
                bridge=link.bridge,
                port=link.port,
                port_name=self._port((link.bridge, link.port)),
                peer=link.peer,
                peer_port=link.peer_port,
                peer_port_name=self._port((link.peer, link.peer_port)),
                cost=link.cost,
                networks=tuple(sorted(flooded[link.bridge, link.port] & flooded[link.peer, link.peer_port])),
                state="up",
            )
            for link in self.links
        )

    def network_views(self) -> tuple[NetworkView, ...]:
        """Virtual networks by name."""
        hosts = Counter(host.network for host in self.hosts)
        members: defaultdict[str, list[Attachment]] = defaultdict(list)
        for row in self.attachments:
            members[row.network].append(row)
        trees: defaultdict[str, list[str]] = defaultdict(list)
        for link in self.link_views():
            if (link.bridge, link.port) < (link.peer, link.peer_port):
                for network in link.networks:
                    trees[network].append(f"{link.bridge}/{link.port_name}>{link.peer}/{link.peer_port_name}")
        return tuple(
            NetworkView(
                name=network.name,
                vlan=network.number,
                vni=network.vni or None,
                mesh=network.mesh,
                description=network.description,
                ports=len(members[network.name]),
                isolated=sum(row.isolated for row in members[network.name]),
                hosts=hosts[network.name],
                bridges=tuple(sorted({row.bridge for row in members[network.name]})),
                tree=tuple(trees[network.name]),
            )
            for network in self.networks
        )

    # ------------------------------------------------------------------ the graph

    def _graph(self, hosts: Iterable[Host], network: str = "") -> Graph:
        """With these hosts, and all tunnels or those of a network."""
        from controller.topology.graph import build  # with networkx, 20 MB: not before somebody asks

        tunnels = [tunnel for tunnel in self._tunnels() if not network or network in tunnel.networks.split()]
        graph = build(self.bridges, self.ports, self.links, hosts, tunnels=tunnels, states=self.states, trees=self._trees)
        graph.graph["revision"] = self.revision
        return graph

    def _tunnels(self) -> Iterator[Tunnel]:
        from controller.topology.graph import Tunnel

        places = {vtep.hypervisor: vtep.bridge for vtep in self.vteps}
        hubs = {mesh.name: places.get(mesh.hub) for mesh in self.meshes if mesh.hub}
        ends = {mesh: (at.bridge, at.port) for at in self.tunnels for mesh in [at.mesh] if at.bridge == hubs.get(mesh)}
        for at in self.tunnels:
            networks = " ".join(sorted(network.name for network in self.networks if network.mesh == at.mesh))
            if at.mesh not in hubs or at.mesh in ends:
                yield Tunnel(at.bridge, at.port, at.mesh, ends.get(at.mesh), networks)

    def export(self, form: Export) -> str:
        """Bridges, hosts, links and tunnels as a document."""
        from controller.topology.graph import dot, graphml, node_link

        graph = self._graph(self.hosts)
        if form == "dot":
            return dot(graph)
        return graphml(graph) if form == "graphml" else json.dumps(node_link(graph))

    def paths(self, source: str, target: str) -> tuple[PathView, ...]:
        """The cheapest paths. Raises QueryError: 404 there is no such end, 409 it is not clear which, or they never meet."""
        from controller.topology.graph import shortest_paths

        starts, ends = self._called(source), self._called(target)
        start, end = _clear((source, starts), (target, ends))
        hosts = [host for host in (starts.get(start), ends.get(end)) if host is not None]
        graph = self._graph(hosts, hosts[0].network if hosts else "")
        found = shortest_paths(graph, start, end, MOST_PATHS)
        return tuple(self._path(graph, number, start, end, path) for number, path in enumerate(found, 1))

    def _path(self, graph: Graph, number: int, start: str, end: str, path: list[Edge]) -> PathView:
        nodes = [start, *(peer for _, peer, _ in path)]
        ports_in, ports_out = [0, *(key[1] for *_, key in path)], [*(key[0] for *_, key in path), 0]
        hops = [
            HopView(node, came, self._port((node, came)) if came else "", goes, self._port((node, goes)) if goes else "")
            for node, came, goes in zip(nodes, ports_in, ports_out, strict=True)
            if graph.nodes[node]["kind"] == "bridge"
        ]
        return PathView(number, start, end, sum(graph.edges[edge]["cost"] for edge in path), tuple(hops))

    def _called(self, name: str) -> dict[str, Host | None]:
        """The nodes that a person may call so: a bridge, or hosts that live on an edge port. Raises QueryError 404."""
        from controller.topology.graph import node_of

        known = {bridge.bridge for bridge in self.bridges}
        if name in known:
            return {name: None}
        between = {(link.bridge, link.port) for link in self.links}
        nodes = {node_of(host): host for host in self.hosts if host.bridge in known and (host.bridge, host.port) not in between}
        name = name if name in nodes else name.lower()
        found: dict[str, Host | None] = {
            node: host for node, host in nodes.items() if name in (node, str(host.mac), *map(str, host.ips))
        }
        if not found:
            how = "give a bridge, or a host by its MAC or IP address or as NETWORK/MAC; 'weft get hosts' lists them"
            raise QueryError(404, "No such bridge or host", f"there is no bridge or host {name!r}; {how}")
        return found


def _clear(one: tuple[str, Mapping[str, Host | None]], other: tuple[str, Mapping[str, Host | None]]) -> tuple[str, str]:
    """The two ends that are meant. Hosts of two networks never meet; between networks an address may not be clear."""
    (source, starts), (target, ends) = one, other
    pairs = [(a, b) for a, here in starts.items() for b, there in ends.items() if _meet(here, there)]
    if not pairs:
        here, there = (", ".join(sorted({host.network for host in found.values() if host})) for found in (starts, ends))
        raise QueryError(409, "Networks apart", f"{source} is in {here} and {target} in {there}: nothing passes between networks")
    if len(pairs) > 1:
        known = ", ".join(sorted({node for pair in pairs for node in pair if starts.get(node) or ends.get(node)}))
        raise QueryError(409, "Several hosts", f"{source} and {target} may mean {known}: write NETWORK/MAC")
    return pairs[0]


def _meet(one: Host | None, other: Host | None) -> bool:
    return one is None or other is None or one.network == other.network
