"""The difference between what is wanted of a hypervisor and what its database holds, as one transaction. Pure.

Rows that are not ours are never changed, and never go with one of ours: a bridge or port of ours that has come to hold what
somebody else put there stays, and it is said why. A bridge that was taken over (adopted) outlives our interest in it: then what
is ours is taken out of it, and the rest is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.ovsdb import nodes
from controller.ovsdb.intents import Bridge, Intent
from controller.ovsdb.nodes import CHILDREN, Node
from controller.ovsdb.ownership import ADOPTED, MARK, Ownership
from controller.ovsdb.rows import Atom, Columns, Delete, Insert, Mutate, Operation, Plan, Problem, Ref, Seen, Update, mapping


def reconcile(intent: Intent, seen: Seen, owner: str) -> Plan:
    """What makes the database that of the intent. Where nothing differs there are no operations."""
    return _Reconciler(intent, seen, owner).plan()


class _Reconciler:
    def __init__(self, intent: Intent, seen: Seen, owner: str) -> None:
        self.intent, self.seen, self.owner = intent, seen, owner
        self.whose = Ownership(intent, seen, owner)
        self.operations: list[Operation] = []
        self.problems: list[Problem] = []
        self.inserted = 0
        self.nothing: Columns = {}
        self.made: dict[str, Ref] = {}  # the ports of the bridge that was inserted last
        # Rows that have their place. QoS rows stand by themselves: of ours one may be in use on somebody else's port.
        self.used = {q for p, row in seen.rows("Port").items() if not self.whose.ours("Port", p) for q in seen.refs(row, "qos")}

    def plan(self) -> Plan:
        roots = list(self.seen.rows("Open_vSwitch"))
        if not roots:
            return Plan(problems=(Problem("", "its database is empty; on the hypervisor: ovs-vsctl init"),))
        refusals = {bridge.name: self.whose.refusal(bridge) for bridge in self.intent.bridges}
        self.problems += filter(None, refusals.values())
        wanted = [bridge for bridge in self.intent.bridges if refusals[bridge.name] is None]
        added = {ref for bridge in wanted if (ref := self._bridge(bridge))}
        others = self.whose.bridges.keys() - {bridge.name for bridge in wanted}
        removed = {self.whose.bridges[name] for name in sorted(others) if self._leave(name)}
        self._mutate("Open_vSwitch", roots[0], "bridges", removed, added)
        self._delete_unused()
        return Plan(tuple(self.operations), tuple(self.problems))

    def _delete_unused(self) -> None:
        """QoS rows do not go by themselves, and not while a port refers to them, even one that goes with them."""
        unused = frozenset(ref for ref in self.seen.rows("QoS") if self.whose.ours("QoS", ref) and ref not in self.used)
        for port, row in self.seen.rows("Port").items():
            self._mutate("Port", port, "qos", unused.intersection(self.seen.refs(row, "qos")), ())
        self.operations += [Delete("QoS", ref) for ref in sorted(unused)]

    # ------------------------------------------------------------------ bridges

    def _bridge(self, bridge: Bridge) -> Ref | None:
        """Make a bridge so; the row where it is a new one."""
        ports = tuple(port for port in bridge.all_ports() if self._possible(bridge.name, port.name))
        node = nodes.bridge(bridge, ports)
        found = self.whose.bridges.get(bridge.name)
        if found is None:
            ref, row = self._insert(node), self.nothing
            members: Mapping[str, Ref] = self.made
        else:
            ref, row = found, self.seen.rows("Bridge")[found]
            if not self.whose.ours("Bridge", ref):
                self._set("Bridge", ref, "external_ids", {ADOPTED: "true"})
            members = self._update(node, ref, bridge.name)
        self._mirrors(bridge, ref, row, members)
        return None if found else ref

    def _possible(self, bridge: str, port: str) -> bool:
        why = self.whose.taken(port, bridge)
        if why:
            self.problems.append(Problem(f"{bridge}/{port}", why, foreign=True))
        return not why

    def _mirrors(self, bridge: Bridge, ref: Ref, row: Columns, ports: Mapping[str, Ref]) -> None:
        made = []
        for mirror in bridge.mirrors:
            node = nodes.mirror(mirror, ports)
            if isinstance(node, str):
                self.problems.append(Problem(bridge.name, f"mirror {mirror.name} waits for port {node}"))
            else:
                made.append(node)
        self._children("Bridge", ref, row, "mirrors", made, bridge.name)

    def _leave(self, name: str) -> bool:
        """Take out of a bridge what is ours; True where the bridge itself can go."""
        ref = self.whose.bridges[name]
        row, ours, adopted = self.seen.rows("Bridge")[ref], self.whose.ours("Bridge", ref), self.whose.adopted(ref)
        if ours and not adopted:
            foreign = self.whose.foreign_in("Bridge", ref)
            if not foreign:
                return True
            self.problems.append(Problem(name, f"it is not removed: {foreign} on it is not ours", foreign=True))
        for column in CHILDREN["Bridge"]:
            self._children("Bridge", ref, row, column, (), name, keep=name)
        if ours and adopted:
            self.operations.append(Mutate("Bridge", ref, "external_ids", frozenset({MARK, ADOPTED})))
        return False

    # ------------------------------------------------------------------ rows

    def _insert(self, node: Node) -> Ref:
        """A new row with all that it holds."""
        columns = dict(node.columns)
        columns.update(node.settings)
        columns["external_ids"] = {MARK: self.owner}
        for column, children in node.children.items():
            made = {child.key: self._insert(child) for child in children}
            columns[column] = frozenset(made.values())
            if column == "ports":
                self.made = made
        self.inserted += 1
        ref = Ref(f"new{self.inserted}", new=True)
        self.operations.append(Insert(node.table, ref, columns))
        return ref

    def _update(self, node: Node, ref: Ref, subject: str) -> dict[str, Ref]:
        """Make a row so, with all that it holds. Gives the ports that a bridge has then."""
        row = self.seen.rows(node.table)[ref]
        changed = {column: value for column, value in node.columns.items() if row.get(column) != value}
        if changed:
            self.operations.append(Update(node.table, ref, changed))
        for column, settings in (*node.settings.items(), ("external_ids", {MARK: self.owner})):
            self._set(node.table, ref, column, settings)
        members: dict[str, Ref] = {}
        for column, children in node.children.items():
            found = self._children(node.table, ref, row, column, children, subject)
            members = found if column == "ports" else members
        return members

    def _set(self, table: str, ref: Ref, column: str, settings: Mapping[str, str]) -> None:
        """Make keys of a mapping so."""
        now = mapping(self.seen.rows(table)[ref], column)
        other = {key: text for key, text in settings.items() if now.get(key) != text}
        self._mutate(table, ref, column, other.keys() & now.keys(), other)

    def _children(
        self, table: str, parent: Ref, row: Columns, column: str, wanted: Iterable[Node], subject: str, keep: str | None = None
    ) -> dict[str, Ref]:
        """Make what a row holds by one column so; what is not ours stays, and what has the key `keep`. Gives what is there."""
        child = CHILDREN[table][column]
        ours: dict[str, Ref] = {}
        foreign: dict[str, Ref] = {}
        spare: list[Ref] = []
        for ref in self.seen.refs(row, column):
            if not self.whose.ours(child, ref):
                foreign[self.whose.key(child, ref)] = ref
            elif ref in self.used or ours.setdefault(self.whose.key(child, ref), ref) != ref:
                spare.append(ref)
        members, added = dict(foreign), set()
        for node in wanted:
            mine = ours.pop(node.key, None)
            inner = f"{subject}/{node.key}" if child == "Port" else subject
            if mine is not None:
                self.used.add(mine)
                self._update(node, mine, inner)
                members[node.key] = mine
            elif node.key not in foreign:
                members[node.key] = self._insert(node)
                added.add(members[node.key])
            elif not self._fits(node, foreign[node.key]):
                what = self.whose.words(child, foreign[node.key])
                self.problems.append(Problem(inner, f"{what} is there and not ours; it is left as it is", foreign=True))
        removed = {ref for key, ref in ours.items() if self._can_go(child, ref, subject, keep=key == keep)} | set(spare)
        self._mutate(table, parent, column, removed, added)
        return members

    def _can_go(self, table: str, ref: Ref, subject: str, keep: bool) -> bool:
        foreign = self.whose.foreign_in(table, ref)
        if foreign:
            text = f"{self.whose.words(table, ref)} is not removed: {foreign} in it is not ours"
            self.problems.append(Problem(subject, text, foreign=True))
        if foreign or keep:
            self.used.update(self.seen.refs(self.seen.rows(table)[ref], "qos"))
        return not (foreign or keep)

    def _fits(self, node: Node, ref: Ref) -> bool:
        """Whether somebody else's row is already what we want. Where we want nothing in particular anything is right."""
        row = self.seen.rows(node.table)[ref]
        if any(row.get(column) != value for column, value in node.columns.items() if value not in (frozenset(), {})):
            return False
        for column, children in node.children.items():
            there = {self.whose.key(child.table, r): r for child in children for r in self.seen.refs(row, column)}
            if not all(child.key in there and self._fits(child, there[child.key]) for child in children):
                return False
        return True

    def _mutate(self, table: str, ref: Ref, column: str, remove: Iterable[Atom], add: Iterable[Atom] | Mapping[str, str]) -> None:
        gone = frozenset(remove)
        new = dict(add) if isinstance(add, Mapping) else frozenset(add)
        if gone or new:
            self.operations.append(Mutate(table, ref, column, gone, new))
