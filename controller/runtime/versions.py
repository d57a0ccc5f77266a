"""What the answers to readers are made of, as numbers: where these are as they were, so is the answer.

A version is read in any thread, before the question is asked: what changes meanwhile makes the answer older than it is, never
newer. What follows from the clock alone (services, tunnels, sizes) has none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import get_args

from controller.model import (
    Attachment,
    Bridge,
    FloodPorts,
    Host,
    Link,
    Mesh,
    Network,
    Port,
    PortRole,
    Row,
    StageRow,
    TunnelAt,
    Vtep,
)
from controller.query import Question
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.store import Store
from controller.runtime.tunnelwatch import TunnelWatch

LINKS = (Link, Port, FloodPorts)
NETWORKS = (*LINKS, Network, Attachment, Host)
ROWS: dict[Question, tuple[type[Row], ...]] = {
    "bridges": (Port,),
    "ports": (Port, PortRole, Attachment, Link, Host),
    "hosts": (Host, Port),
    "links": LINKS,
    "networks": NETWORKS,
    "topology": (*NETWORKS, Bridge, TunnelAt, Mesh, Vtep),
    "flows": (StageRow,),
    "apps": (),
    "events": (),
}
COUNTED = 1.0  # seconds for which packet-ins of apps may look older than they are
assert ROWS.keys() == set(get_args(Question))


class Versions:
    """Versions of answers. What is read of the event loop's things are single numbers, or copies made in one step."""

    def __init__(self, control: Control, journal: Journal, tunnels: TunnelWatch, store: Store) -> None:
        self._control, self._journal, self._tunnels, self._store = control, journal, tunnels, store
        self._counted = 0.0, 0  # when packet-ins of apps were, and how many
        self._more: dict[Question, Callable[[str], Hashable]] = {
            "bridges": lambda _: (self._work(), self._bridges("")),
            "ports": lambda bridge: (tunnels.version, self._bridges(bridge)),
            "hosts": lambda _: (tunnels.version, store.version, control.engine.desired.version, self._bridges("")),
            "topology": lambda _: (journal.revision, self._bridges("")),
            "flows": lambda bridge: (self._work(), self._bridges(bridge)),
            "apps": lambda _: (self._work(), self._bridges(""), self._apps()),
            "events": lambda _: journal.seq,
        }

    def of(self, question: Question, bridge: str) -> Hashable:
        """The version of the answer to a question, about one bridge or all."""
        changes, more = self._control.engine.tables.versions, self._more.get(question)
        return tuple([changes.get(cls, 0) for cls in ROWS[question]]), more(bridge) if more else None

    def _work(self) -> Hashable:
        """Of flows, and of what bridges have not confirmed."""
        return self._control.version, self._control.idle, self._control.engine.desired.version

    def _bridges(self, bridge: str) -> Hashable:
        """Of what bridges told: of one, or of all."""
        peers = self._control.peers
        if bridge:
            return peers[bridge].version if bridge in peers else -1
        return len(peers), sum([peer.version for peer in list(peers.values())])

    def _apps(self) -> Hashable:
        """Of apps: which there are, what went wrong in them, and how many frames came to them, counted once a second."""
        now = time.monotonic()
        if now >= self._counted[0] + COUNTED:
            self._counted = now, sum([state.packet_ins for state in list(self._control.engine.apps.values())])
        return self._journal.at("apps"), self._counted[1]
