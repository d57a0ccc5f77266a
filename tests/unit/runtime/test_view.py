"""What readers see is put together from rows: counts, hosts of dead hypervisors, ports that are too large for their mesh."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from controller.model import Link
from controller.runtime.store import Store
from controller.runtime.view import LiveView
from controller.state.tables import Tx
from tests.unit.runtime.test_tunnelwatch import BFD, Lab


def seen(lab: Lab, question: Callable[[LiveView], Any], tmp_path: Any) -> Any:
    """The answer that a view gives in its event loop."""

    async def ask() -> Any:
        store = Store(tmp_path)
        networks: Any = SimpleNamespace(hypervisor_count=3, hypervisors=tuple)
        catalogue: Any = SimpleNamespace(counts=lambda: (2, 0))
        view = LiveView(lab.control, lab.journal, catalogue, networks, lab.watch, store, ())
        try:
            return question(view)
        finally:
            store.close()

    return asyncio.run(ask())


def test_a_link_is_counted_once_for_both_directions(tmp_path: Any) -> None:
    lab = Lab("{}")
    tx = Tx(lab.engine.tables)
    for link in (Link("hv1", 8, "hv2", 9), Link("hv2", 9, "hv1", 8), Link("hv2", 5, "hv3", 5)):
        tx.put(link)
    lab.engine.commit(tx)
    status = seen(lab, LiveView.status, tmp_path)
    assert (status.links, status.ports, status.hosts, status.hypervisors) == (2, 3, 3, 3)


def test_hosts_of_a_dead_hypervisor_are_unreachable_and_say_why(tmp_path: Any) -> None:
    lab = Lab("{}")
    lab.disconnect("hv3")
    lab.away["hv3"] = "no answer"
    lab.look()
    hosts = {host.bridge: (host.state, host.why) for host in seen(lab, LiveView.hosts, tmp_path)}
    why = "hv3 is unreachable: no answer"
    assert hosts == {"hv1": ("reachable", ""), "hv2": ("reachable", ""), "hv3": ("unreachable", why)}


def test_a_port_says_that_its_mtu_is_too_large(tmp_path: Any) -> None:
    lab = Lab(BFD)
    lab.mtu["hv2"] = {"tap1": 9000}
    lab.look()
    problems = {port.bridge: port.problem for port in seen(lab, LiveView.ports, tmp_path)}
    text = "tap1: its MTU is 9000, and network blue takes packets of 1550 by the mesh core"
    assert problems == {"hv1": "", "hv2": text, "hv3": ""}
    assert {tunnel.hypervisor for tunnel in seen(lab, LiveView.tunnels, tmp_path) if tunnel.problems} == {"hv2"}
