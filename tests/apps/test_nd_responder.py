"""What the ND responder says of a known IPv6 address: which solicitations it answers, and who hears the others."""

from struct import pack

import pytest

from apps.nd_responder import Advertised, NdResponder, solicited
from controller.model import Address, Attachment, Host, IPv4, IPv6, Mac, PacketIn
from controller.model.events import NETWORK_TLV
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps

MAC, OTHER, IP = Mac("02:00:00:00:00:05"), Mac("02:00:00:00:00:06"), IPv6("2001:db8::5")
HOST, ADDRESS = Host("default", MAC, "s1", 2, (IP,)), Address("default", IP, MAC)
SAID = Advertised("default", IP, MAC)


def lab(*rows):
    made = Lab(NdResponder())
    made.bridge("s1", 1, 2)
    made.bridge("s2", 2, 2)
    made.put(*rows)
    return made


def answers(at, bridge="s1"):
    return [text for text in at.flows(bridge, "ANSWER") if "set_field:136->icmpv6_type" in text]


def icmp6(kind, source=MAC, flags=0, target=IP, hops=255):
    body = pack("!BBHI16sBB6s", kind, 0, 0, flags << 24, target, 2, 1, source)
    header = pack("!IHBB16s16s", 6 << 28, len(body), 58, hops, IPv6("fe80::5"), IPv6("ff02::1"))
    return Mac("33:33:00:00:00:01") + source + b"\x86\xdd" + header + body


def hears(at, frame):
    at.event(PacketIn("s1", 2, frame, match=pack("!II", NETWORK_TLV, 1)))


def test_an_address_is_answered_once_its_owner_has_advertised_it() -> None:
    at = lab(HOST, ADDRESS)
    assert answers(at) == []
    assert not [text for text in at.flows("s1", "ANSWER") if "nd_target" in text]
    assert len([text for text in at.flows("s2", "ANSWER") if "icmp_type=136 actions=controller(" in text]) == 1
    hears(at, icmp6(136, flags=0x60))
    assert at.rows(Advertised) == [SAID]
    for bridge in ("s1", "s2"):
        (answer,) = answers(at, bridge)
        assert "dl_dst=33:33:ff:00:00:05" in answer
        assert "nw_ttl=255" in answer
        assert f"set_field:2->nd_options_type,set_field:{0x60000000}->nd_reserved" in answer
    (known,) = [text for text in at.flows("s1", "ANSWER") if "icmp_type=136,nd_target" in text]
    assert "priority=120" in known
    assert "in_port=2" in known
    assert not [text for text in at.flows("s2", "ANSWER") if "icmp_type=136,nd_target" in text]
    (shared,) = at.flows("s1", "table=52")
    assert shared.partition(" actions=")[2] == "move:NXM_OF_ETH_SRC[]->NXM_NX_ND_TLL[],goto_table:100"
    assert "in_port=0" in shared


def test_a_router_is_answered_for_as_one() -> None:
    at = lab(HOST, ADDRESS, SAID)
    hears(at, icmp6(134))
    assert at.rows(Advertised) == []
    assert answers(at) == []
    hears(at, icmp6(136, flags=0xE0))
    assert f"set_field:{0xE0000000}->nd_reserved" in answers(at)[0]
    hears(at, icmp6(134))
    assert at.rows(Advertised) == [Advertised("default", IP, MAC, router=True)]


def test_what_is_no_advertisement_of_the_owner_says_nothing() -> None:
    at = lab(HOST, ADDRESS)
    for frame in (icmp6(136, OTHER), icmp6(136, hops=64), icmp6(135), icmp6(136, target=IPv6("2001:db8::6")), icmp6(136)[:60]):
        hears(at, frame)
    assert at.rows(Advertised) == []


def test_what_the_owner_must_hear_goes_on() -> None:
    at = lab(HOST, ADDRESS, SAID)
    for bridge in ("s1", "s2"):
        passes = [
            text for text in at.flows(bridge, "ANSWER") if text.endswith("actions=goto_table:51") and "priority=120" in text
        ]
        for part in ("ipv6_src=::", "nd_sll=00:00:00:00:00:00", f"dl_src={MAC}"):
            assert [text for text in passes if part in text]
        assert bool([text for text in passes if "in_port=2" in text]) == (bridge == "s1")


def test_who_has_it_now_is_asked_first() -> None:
    at = lab(HOST, ADDRESS, SAID)
    at.put(Host("default", MAC, "s1", 2), Host("default", OTHER, "s2", 1, (IP,)), Address("default", IP, OTHER))
    assert answers(at) == []
    hears(at, icmp6(136, OTHER))
    assert f"set_field:{OTHER}->eth_src" in answers(at)[0]


def test_isolated_ports_are_not_told_of_each_other() -> None:
    at = lab(HOST, ADDRESS, SAID, Attachment("s1", 2, "default", isolated=True))
    assert "reg4=0" in answers(at, "s2")[0]
    at.put(Attachment("s1", 2, "default"))
    assert "reg4=0" not in answers(at, "s2")[0]


def test_no_host_no_answer_and_nothing_about_ipv4() -> None:
    ip = IPv4("10.0.0.5")
    for rows in ((ADDRESS, SAID), (HOST, SAID), (Host("default", MAC, "s1", 2), ADDRESS, SAID)):
        assert answers(lab(*rows)) == []
    at = lab(Host("default", MAC, "s1", 2, (ip,)), Address("default", ip, MAC))
    assert len(at.flows("s2", "ANSWER")) == 4


def test_a_group_for_each_address() -> None:
    assert solicited(IPv6("fe80::1:2:a0b:c0d")) == Mac("33:33:ff:0b:0c:0d")
