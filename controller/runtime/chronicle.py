"""What people want to know of rows that come and go: links that are up and down, hosts that were learned.

Rows are looked at once a second, and only when some have changed, so that learning a host or finding a link costs no more for it.
Many at once are one event.
"""

from __future__ import annotations

from controller.model import Host, Link, Port
from controller.runtime.beats import beat
from controller.runtime.journal import Journal, Severity
from controller.state.tables import Tables

PERIOD = 1.0  # seconds from look to look
FEW = 5  # so many at once are told one by one


Ends = tuple[str, int, str, int]


class Chronicle:
    """Compares links and hosts with those of the last look. What is there at the beginning is no news."""

    def __init__(self, tables: Tables, journal: Journal) -> None:
        self._tables, self._journal = tables, journal
        self._revision = journal.revision
        self._links = self._links_now()
        self._hosts = set(tables.rows[Host])

    async def follow(self) -> None:
        """Look for ever."""
        while True:
            await beat(PERIOD)
            self.look()

    def look(self) -> None:
        """Tell what is different."""
        update = self._journal.wait(self._journal.seq, self._revision, 0)
        self._revision = update.revision
        if "links" in update.changed:
            before, self._links = self._links, self._links_now()
            self._changed("warning", "link.down", before - self._links)
            self._changed("info", "link.up", self._links - before)
        if "hosts" in update.changed:
            rows = self._tables.rows[Host]
            new = rows.keys() - self._hosts
            self._hosts = set(rows)
            self._learned([host for key in new if (host := self._tables.get(Host, *key)) is not None])

    def _links_now(self) -> set[Ends]:
        """Each link once: both its directions are rows."""
        rows = self._tables.rows[Link].values()
        ends = {(link.bridge, link.port, link.peer, link.peer_port) for link in rows if isinstance(link, Link)}
        return {link for link in ends if link[:2] < link[2:]}

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
