"""The first frames of a host on a mesh: held where they would enter a tunnel, sent on when all know their source."""

from __future__ import annotations

from struct import pack

import pytest

from apps.l2_learning import L2Learning
from apps.strangers import Strangers
from controller.app import Tx
from controller.model import Attachment, Host, Mac, PacketIn, PortRole
from controller.model.events import NETWORK_TLV
from controller.pipeline import EGRESS, FORWARD, LEARN, NEXTHOP, load, resubmit
from tests.apps.engine import Lab
from tests.apps.test_tunnel_mesh import MeshLab, T

pytestmark = pytest.mark.apps

BLUE = 10
NEW = Mac("02:00:00:00:99:01")


def mesh() -> MeshLab:
    """Two hypervisors; on port 3 of the first one somebody is new."""
    lab = MeshLab(2)
    lab.engine.enable(Strangers())
    lab.put(PortRole("hv1", 3, "edge"), Attachment("hv1", 3, "blue"))
    return lab


def frame(destination: Mac) -> bytes:
    return bytes(destination) + bytes(NEW) + b"\x88\xb5" + bytes(46)


def held(lab: Lab, table: int, destination: str, port: int = 3) -> None:
    lab.event(PacketIn("hv1", port, frame(Mac(destination)), table=table, match=pack("!II", NETWORK_TLV, BLUE)))


def test_a_frame_of_a_stranger_is_marked_after_it_was_copied_and_held_at_the_tunnel() -> None:
    lab = mesh()
    (first,) = [text for text in lab.flows("hv1", "LEARN") if "priority=1,in_port=3,reg9=0 " in text]
    assert first.endswith("set_field:0x1->reg9,resubmit(,40)")
    assert "LEARN priority=2,in_port=3,reg9=0x1 actions=set_field:0x2->reg9,goto_table:41" in lab.flows("hv1")
    assert len([text for text in lab.flows("hv1", "LEARN") if "in_port=3" in text and "resubmit(,40)" in text]) == 5
    (unicast,) = lab.flows("hv1", "NEXTHOP", "strangers")
    assert unicast.startswith("NEXTHOP priority=115,reg1=0x1000/0x1000,reg9=0x2 actions=controller(meter_id=")
    (to_all,) = lab.flows("hv1", "EGRESS", "strangers")
    assert to_all.startswith(f"EGRESS priority=115,reg2={T:#x},reg9=0x2 actions=controller(meter_id=")


def test_it_goes_on_to_its_destination_or_to_all_when_its_source_was_learned() -> None:
    lab = mesh()
    lab.put(Host("blue", NEW, "hv1", 3))
    held(lab, NEXTHOP.table, "02:00:00:01:00:01")
    assert lab.frames == [("hv1", 3, (load("network", BLUE), resubmit(FORWARD.table)), frame(Mac("02:00:00:01:00:01")))]
    lab.frames.clear()
    held(lab, EGRESS.table, "ff:ff:ff:ff:ff:ff")
    actions = (load("network", BLUE), load("out_port", T), resubmit(EGRESS.table))
    assert lab.frames == [("hv1", 3, actions, frame(Mac("ff:ff:ff:ff:ff:ff")))]


@pytest.mark.parametrize("host", [None, Host("blue", NEW, "hv2", 1), Host("red", NEW, "hv1", 3), Host("blue", NEW, "hv1", 1)])
def test_who_may_not_be_learned_there_stays_at_home(host: Host | None) -> None:
    lab = mesh()
    lab.engine.disable("l2_learning")  # it does not learn from this frame
    if host is not None:
        lab.put(host)
    held(lab, EGRESS.table, "ff:ff:ff:ff:ff:ff")
    assert lab.frames == []


def test_a_source_is_known_where_it_lives_when_all_others_have_been_told() -> None:
    lab = mesh()
    tx = Tx(lab.engine.tables)
    packet = PacketIn("hv1", 3, frame(Mac("ff:ff:ff:ff:ff:ff")), table=LEARN.table, match=pack("!II", NETWORK_TLV, BLUE))
    L2Learning().learn(packet, tx)
    lab.engine.commit(tx)
    lab.engine.run()
    assert sorted(where for where in lab.names if lab.find(where, "LEARN", str(NEW))) == ["hv1", "hv2"]
    assert not [text for text in lab.flows("hv1", "LEARN", "l2_learning") if str(NEW) in text]
    [(host, event)] = tx.waits
    assert host == Host("blue", NEW, "hv1", 3, told=False)
    lab.event(event)
    assert [text for text in lab.flows("hv1", "LEARN", "l2_learning") if str(NEW) in text]
    lab.put(Host("blue", NEW, "hv2", 1, told=False))
    lab.event(event)  # comes late: it has moved by now
    assert lab.engine.tables.get(Host, "blue", NEW) == Host("blue", NEW, "hv2", 1, told=False)


def test_bridges_without_a_mesh_do_not_mark() -> None:
    lab = mesh()
    lab.bridge("s1", 99, 1)
    lab.put(PortRole("s1", 1, "edge"))
    assert [text for text in lab.flows("s1") if "reg9" in text] == []
