"""Ports of hypervisors whose MTU is too large for the tunnels of their networks: what they send full size is lost there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from controller.model import Attachment, Network, Port
from controller.runtime.journal import Journal
from controller.runtime.tunnels import Evidence, mtu_of
from controller.state.tables import Tables

End = tuple[str, int]  # a bridge and its port


class Excess:
    """What is known of ports that are too large, told as it changes."""

    def __init__(self, tables: Tables, journal: Journal) -> None:
        self._tables, self._journal = tables, journal
        self.ports: dict[End, tuple[str, str]] = {}  # by port: the mesh that it is too large for, and a sentence

    def look(self, evidence: Evidence, mtus: Callable[[str], Mapping[str, int]]) -> None:
        """Compare; `mtus` gives the MTU of each interface of a hypervisor, nothing while it is away."""
        found: dict[End, tuple[str, str]] = {}
        for name, vtep in evidence.vteps.items():
            actual = mtus(name) if name in evidence.hypervisors else {}
            if actual:
                found.update(self._of_bridge(evidence, vtep.bridge, name, actual))
            elif name in evidence.hypervisors:
                found.update({end: known for end, known in self.ports.items() if end[0] == vtep.bridge})
        self._tell(found)
        self.ports = found

    def _of_bridge(
        self, evidence: Evidence, bridge: str, hypervisor: str, actual: Mapping[str, int]
    ) -> Iterator[tuple[End, tuple[str, str]]]:
        room: dict[int, tuple[int, str, str]] = {}  # of each port the smallest of its networks
        for row in self._tables.where(Attachment, bridge=bridge):
            network = self._tables.get(Network, row.network)
            mesh = evidence.meshes.get(network.mesh) if network else None
            if mesh is not None:
                fits = mtu_of(mesh, evidence.hypervisors[hypervisor]), row.network, mesh.name
                room[row.port] = min(fits, room.get(row.port, fits))
        for number, (most, of, by) in room.items():
            port = self._tables.get(Port, bridge, number)
            mtu = actual.get(port.name, 0) if port else 0
            if port is not None and mtu > most:
                text = f"its MTU is {mtu}, and network {of} takes packets of {most} by the mesh {by}"
                yield (bridge, number), (by, f"{port.name}: {text}")

    def _tell(self, found: Mapping[End, tuple[str, str]]) -> None:
        for end, (_, text) in found.items():
            if self.ports.get(end, ("", ""))[1] != text:
                advice = f"{text}; set a smaller MTU on it and in the machine behind it"
                self._journal.add("warning", "port.mtu", self._name(end, text), f"{end[0]}/{advice}", lasting=True)
        for end in self.ports.keys() - found.keys():
            name = self._name(end, self.ports[end][1])
            self._journal.add("info", "port.mtu.over", name, f"{name}: its MTU fits its mesh now, or it is gone")
        if found != self.ports:
            self._journal.changed("ports", "hypervisors", "tunnels")

    @staticmethod
    def _name(end: End, text: str) -> str:
        return f"{end[0]}/{text.partition(':')[0]}"
