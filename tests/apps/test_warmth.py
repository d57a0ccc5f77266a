"""Ways between hypervisors are kept warm where no BFD does: who sends what to whom, and when."""

from __future__ import annotations

import re

import pytest

from controller.app import Tx
from controller.model import PortUp
from controller.pipeline.text import actions_text
from controller.topology.warmth import AT_FIRST, FRAME, TURNS, Cold, Warmth
from tests.apps.test_tunnel_mesh import MeshLab, T

pytestmark = pytest.mark.apps


def mesh(count: int = 3, what: str = "", address: str = "192.0.2.{}") -> MeshLab:
    lab = MeshLab(count, what, address)
    lab.engine.enable(Warmth())
    lab.put()
    return lab


def sent(lab: MeshLab) -> list[tuple[str, str]]:
    """Who sent to whom."""
    frames, lab.frames = lab.frames, []
    found = []
    for bridge, _, actions, frame in frames:
        assert frame == FRAME
        assert len(frame) == 60
        text = actions_text(b"".join(actions))
        assert text.startswith("set_field:0->tun_id,")
        assert text.count(f"output:{T}") == text.count("_dst,output:")
        found += [(bridge, way) for way in re.findall(r"set_field:([^>]*)->tun_\w*dst", text)]
    return found


def test_one_that_comes_up_sends_to_all_others_and_to_nobody_twice() -> None:
    lab = mesh()
    lab.event(Cold("hv1"))
    assert sent(lab) == [("hv1", "192.0.2.2"), ("hv1", "192.0.2.3")]


def test_it_is_asked_to_when_its_tunnel_is_up() -> None:
    lab = mesh()
    asked = []
    for port in (T, 1):
        tx = Tx(lab.engine.tables)
        Warmth().begin(PortUp("hv2", port), tx)
        asked.append(tx.timers)
    assert asked == [[(seconds, Cold("hv2")) for seconds in AT_FIRST], []]


def test_all_have_their_turn() -> None:
    lab = mesh(TURNS + 2)
    for _ in range(TURNS):
        lab.tick("keep")
    pairs = sent(lab)
    assert len(pairs) == len(set(pairs)) == (TURNS + 2) * (TURNS + 1)


def test_with_a_hub_spokes_send_to_it_alone() -> None:
    lab = mesh(3, "hub: hv2", "2001:db8::{}")
    for bridge in lab.names:
        lab.event(Cold(bridge))
    assert sent(lab) == [("hv1", "2001:db8::2"), ("hv2", "2001:db8::1"), ("hv2", "2001:db8::3"), ("hv3", "2001:db8::2")]


def test_what_is_sent_ends_at_the_other_end_and_is_nobodys_loss() -> None:
    (flow,) = mesh().flows("hv1", "CLASSIFY", "warmth")
    assert flow == f"CLASSIFY priority=100,in_port={T},tun_id=0 actions=set_field:0->reg2"


def test_where_bfd_watches_it_is_not_needed() -> None:
    lab = mesh(3, "bfd: {min_tx: 100}")
    lab.event(Cold("hv1"))
    for _ in range(TURNS):
        lab.tick("keep")
    assert sent(lab) == []
    assert lab.flows("hv1", "CLASSIFY", "warmth") == []
