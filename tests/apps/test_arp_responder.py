"""ARP answers: which flows follow from which addresses, and what they do to a frame."""

import pytest

from apps.arp_responder import ArpResponder, reply
from controller.model import Address, Attachment, Host, IPv4, Mac, Network
from controller.pipeline.text import actions_text
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps

MAC, IP = Mac("02:00:00:00:00:05"), IPv4("10.0.0.5")
HOST, ADDRESS = Host("default", MAC, "s1", 2, (IP,)), Address("default", IP, MAC)


def lab(*rows):
    made = Lab(ArpResponder())
    made.bridge("s1", 1, 2)
    made.bridge("s2", 2, 2)
    made.put(*rows)
    return made


def asked(at, bridge):
    return [text.partition(" actions=") for text in at.flows(bridge, "ANSWER") if "arp_tpa" in text]


def test_every_bridge_answers_for_a_host() -> None:
    at = lab(HOST, ADDRESS)
    for bridge in ("s1", "s2"):
        (answer,) = [match for match, _, actions in asked(at, bridge) if "goto_table:51" not in actions]
        for part in ("dl_dst=ff:ff:ff:ff:ff:ff", "arp_op=1", "arp_tpa=10.0.0.5", "reg0=0x1"):
            assert part in answer


def test_what_the_owner_must_hear_goes_on() -> None:
    at = lab(HOST, ADDRESS)
    passes = {bridge: [match for match, _, to in asked(at, bridge) if to == "goto_table:51"] for bridge in ("s1", "s2")}
    for matches in passes.values():
        assert [m for m in matches if "arp_spa=10.0.0.5" in m]
        assert [m for m in matches if f"dl_src={MAC}" in m]
        assert all("priority=120" in m for m in matches)
    assert [bridge for bridge, matches in passes.items() if any("in_port=2" in m for m in matches)] == ["s1"]
    for bridge in passes:
        assert [text for text in at.flows(bridge, "ANSWER") if "arp_spa=0.0.0.0" in text]


def test_a_reply_is_a_request_turned_round() -> None:
    assert actions_text(b"".join(reply(MAC, IP)[:-1])).split(",") == [
        "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
        "set_field:02:00:00:00:00:05->eth_src",
        "set_field:2->arp_op",
        "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]",
        "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]",
        "set_field:02:00:00:00:00:05->arp_sha",
        "set_field:10.0.0.5->arp_spa",
        "move:OXM_OF_IN_PORT[]->NXM_NX_REG2[]",
        "move:NXM_NX_REG1[]->OXM_OF_IN_PORT[]",
        "set_field:0->reg4",
    ]


def test_each_network_has_its_own_answer() -> None:
    other = Mac("02:00:00:00:00:06")
    at = lab(Network("blue", 10), HOST, ADDRESS, Host("blue", other, "s1", 1, (IP,)), Address("blue", IP, other))
    answers = {"reg0=0x1": str(MAC), "reg0=0xa": str(other)}
    for network, mac in answers.items():
        (actions,) = [actions for match, _, actions in asked(at, "s2") if network in match and "goto_table:51" not in actions]
        assert f"{mac}->arp_sha" in actions


def test_no_host_no_answer() -> None:
    for rows in ((ADDRESS,), (HOST,), (Host("default", MAC, "s1", 2), ADDRESS), (Host("blue", MAC, "s1", 2, (IP,)),)):
        assert asked(lab(*rows), "s1") == []
    at = lab(HOST, ADDRESS)
    at.drop(HOST)
    assert asked(at, "s1") == []


def test_isolated_ports_are_not_told_of_each_other() -> None:
    at = lab(HOST, ADDRESS, Attachment("s1", 2, "default", isolated=True))
    for bridge in ("s1", "s2"):
        (match,) = [match for match, _, actions in asked(at, bridge) if "goto_table:51" not in actions]
        assert "reg4=0" in match
    at.put(Attachment("s1", 2, "default"))
    assert not [match for match, _, actions in asked(at, "s1") if "reg4" in match]
