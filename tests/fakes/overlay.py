"""Hypervisors that were never run, and the tunnels of the mesh between them: the second is away, the third sees nobody yet."""

from __future__ import annotations

from controller.query import HypervisorView, TunnelView

AWAY = "no route to host"
LOST = "BFD: control detection time expired"
TOO_LARGE = "tap3: its MTU is 1500, and network blue takes packets of 1450 by the mesh core"


def hypervisors(count: int, since: float) -> tuple[HypervisorView, ...]:
    """So many, by name."""
    return tuple(sorted((_hypervisor(number, since) for number in range(1, count + 1)), key=lambda view: view.name))


def _hypervisor(number: int, since: float) -> HypervisorView:
    name, remote = f"hv{number}", f"tcp:192.0.2.{number}:6640"
    if number == 2:
        return HypervisorView(name, "unreachable", remote, since, "", 0, (), AWAY, ())
    problems = ("br-int/bfd-1: no device", TOO_LARGE) if number == 1 else ()
    return HypervisorView(name, "applied", remote, since, "3.1.0", 4, ("core/hv2 down",), "", problems)


def tunnels(count: int, since: float) -> tuple[TunnelView, ...]:
    """Those of a full mesh between so many, by hypervisor and peer."""
    names = sorted(range(1, count + 1), key=lambda number: f"hv{number}")
    return tuple(_tunnel(here, there, since) for here in names for there in names if here != there)


def _tunnel(here: int, there: int, since: float) -> TunnelView:
    rx, tx = (1_000 * here + there, 1_000 * there + here)
    state, cause, packets = "up", "BFD is up", (rx, rx * 98, tx, tx * 98)
    if here == 2:
        state, cause, packets = "unknown", f"hv2 is unreachable: {AWAY}", (None, None, tx, tx * 98)  # type: ignore[assignment]
    elif there == 2:
        state, cause, packets = "down", LOST, (rx, rx * 98, None, None)  # type: ignore[assignment]
    elif here == 3:
        state, cause = "idle", "no frame heard yet"
    problems = (TOO_LARGE,) if here == 1 else ()
    ends = (f"192.0.2.{here}", f"192.0.2.{there}")
    return TunnelView("core", f"hv{here}", f"hv{there}", state, cause, since, "vxlan", 1450, *ends, *packets, problems)  # type: ignore[arg-type]
