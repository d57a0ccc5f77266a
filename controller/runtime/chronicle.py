"""What people want to know of rows that come and go: links that are up and down, hosts that were learned.

What came or went is looked at once a second, so that many at once are one event. How many others there are does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TypeVar

from controller.model import Host, Link, Port, Row
from controller.model.rows import Key
from controller.runtime.beats import beat
from controller.runtime.journal import Journal, Severity
from controller.state.engine import Engine

PERIOD = 1.0  # seconds from look to look
FEW = 5  # so many at once are told one by one


Ends = tuple[str, int, str, int]
R = TypeVar("R", bound=Row)


class Chronicle:
    """Compares links and hosts with those of the last look. What is there at the beginning is no news."""

    def __init__(self, engine: Engine, journal: Journal) -> None:
        self._tables, self._journal = engine.tables, journal
        self._links: dict[Key, Link | None] = {}  # as they were at the last look, of those that have changed since
        self._hosts: dict[Key, Host | None] = {}
        engine.watchers[Link].append(partial(_note, self._links))
        engine.watchers[Host].append(partial(_note, self._hosts))

    async def follow(self) -> None:
        """Look for ever."""
        while True:
            await beat(PERIOD)
            self.look()

    def look(self) -> None:
        """Tell what is different."""
        if self._links:
            before, now = _ends(self._links.values()), _ends(self._tables.get(Link, *key) for key in self._links)
            self._links.clear()
            self._changed("warning", "link.down", before - now)
            self._changed("info", "link.up", now - before)
        if self._hosts:
            new = [self._tables.get(Host, *key) for key, before in self._hosts.items() if before is None]
            self._hosts.clear()
            self._learned([host for host in new if host is not None])

    def _name(self, bridge: str, port: int) -> str:
        row = self._tables.get(Port, bridge, port)
        return f"{bridge}/{row.name if row else port}"

    def _changed(self, severity: Severity, kind: str, links: set[Ends]) -> None:
        state = kind.partition(".")[2]
        named = sorted((self._name(*link[:2]), self._name(*link[2:])) for link in links)
        if len(named) > FEW:
            self._journal.add(severity, kind, "links", f"{len(named)} links are {state}, {' - '.join(named[0])} among them")
            return
        for one, other in named:
            self._journal.add(severity, kind, one, f"the link {one} - {other} is {state}")

    def _learned(self, hosts: list[Host]) -> None:
        if len(hosts) > FEW:
            bridges = {host.bridge for host in hosts}
            where = f"on {len(bridges)} bridges" if len(bridges) > 1 else f"on {hosts[0].bridge}"
            self._journal.add("info", "host.learned", "hosts", f"{len(hosts)} hosts were learned {where}")
            return
        for host in sorted(hosts, key=lambda host: (host.network, host.mac)):
            who = f"{host.mac} ({', '.join(map(str, host.ips))})" if host.ips else str(host.mac)
            where = f"{self._name(host.bridge, host.port)}, in network {host.network}"
            self._journal.add("info", "host.learned", str(host.mac), f"{who} was learned on {where}")


def _note(before: dict[Key, R | None], old: R | None, new: R | None) -> None:
    """A row came, went or changed: how it was before the first change counts."""
    row = new if old is None else old
    assert row is not None
    before.setdefault(type(row).key_of(row), old)


def _ends(links: Iterable[Link | None]) -> set[Ends]:
    """Each link once: both its directions are rows."""
    ends = {(link.bridge, link.port, link.peer, link.peer_port) for link in links if link is not None}
    return {link for link in ends if link[:2] < link[2:]}
