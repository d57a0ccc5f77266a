"""What should exist: flows by slot, in one layer a bridge and one a scope, and what each bridge has not confirmed yet.

A bridge holds its own layer and those of the scopes it is a member of. A flow of a scope is stored once, whatever the
number of bridges. Where two rows want one slot the lower cookie has it, on whatever layer, in whatever order they came
(`rank`: one row may want it on several layers).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from controller.model.rows import Key
from controller.pipeline.flow import Flow
from controller.state.ledger import Ledger
from controller.state.news import News, rank
from controller.state.owner import Entry, Owner

Layer = str | Key
MOST_NEWS = 4096  # changes of scopes that are kept for ledgers that nobody looks at


class Desired:
    """All layers, their contests and the ledgers of the connected bridges."""

    def __init__(self) -> None:
        self.layers: defaultdict[Layer, dict[bytes, Entry]] = defaultdict(dict)
        self.contests: dict[tuple[Layer, bytes], list[Entry]] = {}
        self.members: defaultdict[Key, dict[str, None]] = defaultdict(dict)
        self.scopes: defaultdict[str, dict[Key, None]] = defaultdict(dict)
        self.ledgers: dict[str, Ledger] = {}  # of the connected bridges
        self.shared: dict[bytes, tuple[Key, ...]] = {}  # slots of scopes: where a second claim can hide
        self.version = 0  # grows with every change of what should exist
        self._dirty: set[str] = set()
        self._news = News()
        self._stirred: set[Key] = set()  # scopes whose members are not called dirty yet
        self._alone: dict[Key, tuple[Key]] = {}  # nearly all slots of a scope are its alone: they share what says so

    # ------------------------------------------------------------------ reading

    @property
    def dirty(self) -> set[str]:
        """Bridges that may have open changes; who has seen to one takes it out."""
        for scope in self._stirred:
            self._dirty.update(self.members.get(scope, ()))
        self._stirred.clear()
        return self._dirty

    def effective(self, bridge: str, slot: bytes) -> Entry | None:
        """Who has this slot on this bridge."""
        best = self.layers[bridge].get(slot)
        for scope in self.shared.get(slot, ()):
            if bridge in self.members.get(scope, ()):
                entry = self.layers[scope][slot]
                if best is None or rank(entry) < rank(best):
                    best = entry
        return best

    def view(self, bridge: str) -> dict[bytes, Entry]:
        """Everything that should be on this bridge, by slot."""
        scopes = self.scopes.get(bridge, {})
        view = dict(self.layers[bridge])
        for scope in scopes:
            for slot, entry in self.layers[scope].items():
                other = view.get(slot)
                if other is None or rank(entry) < rank(other):
                    view[slot] = entry
        return view

    def count(self, bridge: str) -> int:
        """How many flows, groups and meters this bridge should hold (contested slots of two layers count twice)."""
        return len(self.layers[bridge]) + sum(len(self.layers[s]) for s in self.scopes.get(bridge, ()))

    def bridges_of(self, layer: Layer) -> Iterable[str]:
        """The bridges that a layer reaches."""
        return (layer,) if isinstance(layer, str) else self.members.get(layer, ())

    # ------------------------------------------------------------------ changing

    def open(self, bridge: str) -> Ledger:
        """A bridge connects: its ledger, in which nothing is open yet."""
        ledger = self.ledgers[bridge] = Ledger(bridge, self._dirty, self._news, self.scopes[bridge], self.layers[bridge])
        return ledger

    def take(self, owner: Owner, flows: Iterable[Flow]) -> None:
        """These flows of this owner should not exist any more."""
        self.version += 1
        layers, contests, shared = self.layers, self.contests, self.shared
        for flow in flows:
            slot, layer = flow[0], flow[3]
            entries = layers[layer]  # type: ignore[index]
            if (contests and (layer, slot) in contests) or slot in shared:
                self._take_shared(owner, layer, slot)  # type: ignore[arg-type]
                continue
            old = entries.get(slot)
            if old is None or old[0] is not owner:
                continue
            ledger = self.ledgers.get(layer)  # type: ignore[arg-type]
            if ledger is not None:
                ledger.note(slot, old, None)
            del entries[slot]

    def give(self, given: Iterable[tuple[Owner, tuple[Flow, ...]]]) -> None:
        """These flows of these owners should exist."""
        self.version += 1
        layers, shared, ledgers = self.layers, self.shared, self.ledgers
        for owner, flows in given:
            for flow in flows:
                slot, layer = flow[0], flow[3]
                entries = layers[layer]  # type: ignore[index]
                if slot in entries or slot in shared:
                    self._give_shared(owner, layer, flow)  # type: ignore[arg-type]
                    continue
                entry = (owner, flow)
                if type(layer) is not str:  # in a slot that no scope had
                    shared[slot] = self._alone.setdefault(layer, (layer,))  # type: ignore[arg-type]
                    self._publish(layer, slot, None, entry)  # type: ignore[arg-type]
                else:
                    ledger = ledgers.get(layer)
                    if ledger is not None:
                        ledger.note(slot, None, entry)
                entries[slot] = entry

    def _publish(self, scope: Key, slot: bytes, old: Entry | None, new: Entry | None) -> None:
        """A scope that has a slot alone has something else there: all its members are told at once."""
        self._news.add(scope, slot, old, new)
        self._stirred.add(scope)
        if len(self._news) >= MOST_NEWS:
            self._forget_news()

    def _forget_news(self) -> None:
        """Keep only the latest: who has not taken over what was before half of them does it now."""
        until = self._news.boundary(self._news.end - MOST_NEWS // 2)
        for ledger in self.ledgers.values():
            if ledger.seen < until:
                ledger.catch_up()
        self._news.forget(until)

    def _take_shared(self, owner: Owner, layer: Layer, slot: bytes) -> None:
        present = self.layers[layer].get(slot)
        claims = self.contests.get((layer, slot)) or ([present] if present else [])
        left = [c for c in claims if c[0] is not owner]
        if len(left) == len(claims):
            return
        if len(left) > 1:
            self.contests[layer, slot] = left
        else:
            self.contests.pop((layer, slot), None)
        self._replace(layer, slot, min(left, key=rank) if left else None)

    def _give_shared(self, owner: Owner, layer: Layer, flow: Flow) -> None:
        slot, entry = flow[0], (owner, flow)
        present = self.layers[layer].get(slot)
        if present is not None:
            claims = self.contests.setdefault((layer, slot), [present])
            claims.append(entry)
            entry = min(claims, key=rank)
        self._replace(layer, slot, entry)

    def _replace(self, layer: Layer, slot: bytes, new: Entry | None) -> None:
        """The layer has `new` in this slot from now on; told to the ledgers of those bridges on which it shows."""
        old = self.layers[layer].get(slot)
        if new is old:
            return
        if not isinstance(layer, str) and all(scope == layer for scope in self.shared.get(slot, ())):
            self._publish(layer, slot, old, new)
            self._set(layer, slot, new)
            return
        ledgers = [ledger for bridge in self.bridges_of(layer) if (ledger := self.ledgers.get(bridge)) is not None]
        before = []
        for ledger in ledgers:
            ledger.catch_up()
            before.append(self.effective(ledger.bridge, slot))
        self._set(layer, slot, new)
        for ledger, was in zip(ledgers, before, strict=True):
            now = self.effective(ledger.bridge, slot)
            if now is not was:
                ledger.note(slot, was, now)

    def _set(self, layer: Layer, slot: bytes, entry: Entry | None) -> None:
        entries = self.layers[layer]
        if entry is None:
            del entries[slot]
        else:
            entries[slot] = entry
        if isinstance(layer, str):
            return
        if not entries:  # scopes may come and go with rows
            del self.layers[layer]
            self._alone.pop(layer, None)
        others = tuple([scope for scope in self.shared.get(slot, ()) if scope != layer])
        if entry is not None:
            self.shared[slot] = (*others, layer)
        elif others:
            self.shared[slot] = others
        else:
            del self.shared[slot]

    # ------------------------------------------------------------------ membership

    def join(self, scope: Key, bridge: str) -> None:
        """The bridge gets what the scope has: a difference, and no rule runs."""
        self._member(scope, bridge, joined=True)

    def leave(self, scope: Key, bridge: str) -> None:
        """The bridge loses what only the scope gave it."""
        self._member(scope, bridge, joined=False)

    def _member(self, scope: Key, bridge: str, *, joined: bool) -> None:
        self.version += 1
        ledger = self.ledgers.get(bridge)
        if ledger is not None:
            ledger.catch_up()
        slots = list(self.layers.get(scope, ())) if ledger else []
        before = [self.effective(bridge, slot) for slot in slots]
        if joined:
            self.members[scope][bridge] = self.scopes[bridge][scope] = None
        else:
            self.members[scope].pop(bridge, None)
            self.scopes[bridge].pop(scope, None)
            if not self.members[scope]:
                del self.members[scope]
        for slot, old in zip(slots, before, strict=True):
            new = self.effective(bridge, slot)
            if ledger and new is not old:
                ledger.note(slot, old, new)

    def snapshot(self) -> dict[Layer, dict[bytes, tuple[int, bytes, bytes]]]:
        """Layer -> slot -> (cookie, body, opts), for comparing two engines."""
        return {
            layer: {slot: (owner.cookie, flow.body, flow.opts) for slot, (owner, flow) in entries.items()}
            for layer, entries in self.layers.items()
            if entries
        }

    def claims(self, bridge: str, slot: bytes) -> list[Entry]:
        """Everybody who wants this slot on this bridge, the lowest cookie (who has it) first."""
        found: list[Entry] = []
        layers: list[Layer] = [bridge, *(s for s in self.shared.get(slot, ()) if bridge in self.members.get(s, ()))]
        for layer in layers:
            entry = self.layers[layer].get(slot)
            found += self.contests.get((layer, slot), [entry] if entry else [])
        return sorted(found, key=rank)

    def contested(self, bridge: str) -> set[bytes]:
        """The slots that more than one row wants on this bridge."""
        layers: set[Layer] = {bridge, *self.scopes.get(bridge, ())}
        own = self.layers[bridge]
        found = {slot for layer, slot in self.contests if layer in layers}
        for slot, scopes in self.shared.items():
            if slot in own or len(scopes) > 1:
                found.add(slot)
        return {slot for slot in found if len(self.claims(bridge, slot)) > 1}
