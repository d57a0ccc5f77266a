"""Whose the rows of a database are, which of ours may go, and which names are free.

A row is ours where its external_ids say `weft=OWNER`. A bridge that was taken over also says `weft-adopted=true`.
"""

from __future__ import annotations

from controller.ovsdb.intents import Bridge, Intent
from controller.ovsdb.nodes import CHILDREN, KEYS
from controller.ovsdb.rows import Columns, Problem, Ref, Seen, mapping

MARK, ADOPTED = "weft", "weft-adopted"


def owner_of(columns: Columns) -> str:
    """Whose a row is; empty where no controller has marked it."""
    return mapping(columns, "external_ids").get(MARK, "")


class Ownership:
    """Questions about the rows of one database."""

    def __init__(self, intent: Intent, seen: Seen, owner: str) -> None:
        self.seen, self.owner = seen, owner
        self._wanted = {bridge.name for bridge in intent.bridges}
        self.bridges = {str(row["name"]): ref for ref, row in seen.rows("Bridge").items()}
        self._bridge_of = {port: name for name, ref in self.bridges.items() for port in self._inner("Bridge", ref, "ports")}
        self._port_of = {iface: ref for ref in seen.rows("Port") for iface in self._inner("Port", ref, "interfaces")}
        self._ports = {str(row["name"]): ref for ref, row in seen.rows("Port").items()}
        self._interfaces = {str(row["name"]): ref for ref, row in seen.rows("Interface").items()}

    def _inner(self, table: str, ref: Ref, column: str) -> list[Ref]:
        return self.seen.refs(self.seen.rows(table)[ref], column)

    def ours(self, table: str, ref: Ref) -> bool:
        """Whether we have marked a row."""
        return owner_of(self.seen.rows(table)[ref]) == self.owner

    def adopted(self, bridge: Ref) -> bool:
        """Whether a bridge was there before us."""
        return ADOPTED in mapping(self.seen.rows("Bridge")[bridge], "external_ids")

    def key(self, table: str, ref: Ref) -> str:
        """What tells a row from its siblings."""
        return str(self.seen.rows(table)[ref][KEYS[table]]) if table in KEYS else ""

    def words(self, table: str, ref: Ref) -> str:
        """A row in words: "port eth0", "NetFlow"."""
        return f"{table.lower()} {self.key(table, ref)}" if table in KEYS else table

    def foreign_in(self, table: str, ref: Ref) -> str:
        """What a row holds, at any depth, that is not ours and would go with it, in words; empty for nothing."""
        for column, child in CHILDREN.get(table, {}).items():
            if child == "QoS":
                continue  # a root row: it stays when its port goes
            for inner in self._inner(table, ref, column):
                found = self.foreign_in(child, inner) if self.ours(child, inner) else self.words(child, inner)
                if found:
                    return found
        return ""

    def refusal(self, bridge: Bridge) -> Problem | None:
        """Why a bridge that is wanted is not ours to make; None where it is."""
        ref = self.bridges.get(bridge.name)
        if ref is None:
            taken = self.taken(bridge.name, bridge.name)
            return Problem(bridge.name, taken, foreign=True) if taken else None
        owner, adopted = owner_of(self.seen.rows("Bridge")[ref]), self.adopted(ref)
        if owner not in ("", self.owner):
            return Problem(bridge.name, f"it belongs to another controller ({owner}), and is left as it is", foreign=True)
        if bridge.adopt or (owner and not adopted):
            return None
        return Problem(bridge.name, "it is there and not ours, and is left as it is; adopt: true takes it over", foreign=True)

    def taken(self, name: str, bridge: str) -> str:
        """Why a port of this name cannot be made on a bridge that does not have it: somebody else has the name."""
        interface = self._interfaces.get(name)
        port = self._ports.get(name) or (self._port_of.get(interface) if interface else None)
        if port is None:
            return ""
        there = self._bridge_of.get(port, "")
        if there == bridge and self._ports.get(name) == port:
            return ""
        if self.ours("Port", port) and not self.foreign_in("Port", port) and self._leaves(name, there):
            return ""
        return f"{there or 'a port'} has {self.words('Port', port)} already"

    def _leaves(self, name: str, bridge: str) -> bool:
        """Whether a port of ours goes from the bridge where it is, because it is wanted elsewhere. Local ports go with theirs."""
        if name != bridge:
            return True
        ref = self.bridges[bridge]
        return (
            bridge not in self._wanted
            and self.ours("Bridge", ref)
            and not self.adopted(ref)
            and not self.foreign_in("Bridge", ref)
        )
