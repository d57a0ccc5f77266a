"""Learning: frames in, hosts and flows out."""

from struct import pack

import pytest

from apps.l2_learning import L2Learning
from apps.vlan_isolation import VlanIsolation
from controller.app import Tx
from controller.model import (
    Address,
    Attachment,
    BridgeUp,
    FlowExpired,
    Host,
    IPv4,
    IPv6,
    Mac,
    MovedLongAgo,
    Moves,
    Network,
    PacketIn,
    Port,
    PortConfig,
    PortDown,
    PortRole,
    Thawed,
)
from controller.model.events import NETWORK_TLV
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps

A, B = Mac("02:00:00:00:00:0a"), Mac("02:00:00:00:00:0b")
BROADCAST = b"\xff" * 6
IP1, IP2 = IPv4("10.0.0.1"), IPv4("10.0.0.2")


def lab(**settings):
    """Two bridges, s1 and s2, with edge ports 1 to 3."""
    made = Lab(L2Learning(**settings), VlanIsolation())
    for dpid, bridge in enumerate(("s1", "s2"), 1):
        made.bridge(bridge, dpid, 3)
        made.put(*[PortRole(bridge, port, "edge") for port in (1, 2, 3)])
    return made


def arp(source, ip, op=1):
    return BROADCAST + source + b"\x08\x06" + pack("!HHBBH6sI6sI", 1, 0x0800, 6, 4, op, source, ip, bytes(6), IPv4("10.0.0.99"))


def plain(source):
    return BROADCAST + source + b"\x88\xb5" + bytes(46)


def sees(at, frame, bridge="s1", port=1, network=1):
    at.event(PacketIn(bridge, port, frame, match=pack("!II", NETWORK_TLV, network)))


def hosts(at):
    return {host.mac: host for host in at.rows(Host)}


def test_a_source_becomes_a_host() -> None:
    at = lab()
    sees(at, plain(A), port=2)
    assert at.rows(Host) == [Host("default", A, "s1", 2)]
    assert "FORWARD" in " ".join(at.flows("s2", app="l2_learning"))


def test_the_same_address_in_two_networks_is_two_hosts() -> None:
    at = lab()
    at.put(Network("blue", 10), Attachment("s1", 2, "blue"))
    sees(at, arp(A, IP1))
    sees(at, arp(A, IP1), port=2, network=10)
    assert [(h.network, h.port, h.ips) for h in at.rows(Host)] == [("blue", 2, (IP1,)), ("default", 1, (IP1,))]


def test_a_frame_that_comes_late_from_a_port_that_has_left_the_network_is_not_learned() -> None:
    at = lab()
    at.put(Network("blue", 10), PortConfig("s1", "s1-eth1", access="blue"))
    sees(at, arp(A, IP1))
    assert at.rows(Host) == []
    assert at.rows(Address) == []
    sees(at, arp(A, IP1), network=10)
    assert [(h.network, h.ips) for h in at.rows(Host)] == [("blue", (IP1,))]


def test_a_port_that_changes_networks_brings_no_ip_addresses_along() -> None:
    at = lab()
    at.put(Network("blue", 10))
    sees(at, arp(A, IP1))
    sees(at, arp(B, IP1), port=2)
    at.put(Network("blue", 10), PortConfig("s1", "s1-eth2", access="blue"))
    at.drop(Host("default", B, "s1", 2))  # as the controller does when a file is applied
    sees(at, plain(B), port=2, network=10)
    assert [(h.network, h.ips) for h in at.rows(Host)] == [("blue", ()), ("default", ())]
    sees(at, arp(B, IP2), port=2, network=10)
    assert [(h.network, h.ips) for h in at.rows(Host)] == [("blue", (IP2,)), ("default", ())]


@pytest.mark.parametrize("role", ["held", "link", "shared"])
def test_only_edge_ports_learn(role) -> None:
    at = lab()
    at.put(PortRole("s1", 1, role))
    sees(at, plain(A))
    sees(at, plain(Mac("03:00:00:00:00:01")), port=2)
    sees(at, plain(A), port=2, network=77)
    assert at.rows(Host) == []


def test_ip_addresses_are_kept_beside_each_other_and_once() -> None:
    at = lab()
    for ip in (IP1, IP2, IP1):
        sees(at, arp(A, ip))
    sees(at, plain(A))
    assert hosts(at)[A].ips == (IP1, IP2)
    known = [text for text in at.flows("s1", "LEARN") if "is here" in text or "arp_spa" in text]
    assert len(known) == 2


@pytest.mark.parametrize(("settings", "kept"), [({}, 16), ({"max_ips_per_host": 3}, 3), ({"max_ips_per_host": 0}, 29)])
def test_so_many_ip_addresses_of_a_host_at_the_most(settings: dict[str, int], kept: int) -> None:
    at = lab(**settings)
    for last in range(1, 30):
        sees(at, arp(A, IPv4(f"10.0.0.{last}")))
    assert hosts(at)[A].ips == tuple(IPv4(f"10.0.0.{last}") for last in range(1, kept + 1))
    assert len(at.rows(Address)) == kept


def test_an_address_outside_unicast_space_is_none() -> None:
    at = lab()
    for ip in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"):
        sees(at, arp(A, IPv4(ip)))
    assert hosts(at)[A].ips == ()


def test_an_ip_address_goes_to_who_claims_it_last() -> None:
    at = lab()
    sees(at, arp(A, IP1))
    sees(at, arp(B, IP1), port=2)
    assert (hosts(at)[A].ips, hosts(at)[B].ips) == ((), (IP1,))
    assert at.rows(Address) == [Address("default", IP1, B)]


def test_a_host_that_comes_back_to_an_address_of_its_own_has_not_taken_it_from_anybody() -> None:
    at = lab()
    at.put(Host("default", A, "s1", 1), Address("default", IP1, A))
    tx = Tx(at.engine.tables)
    L2Learning().claim(tx, Address("default", IP1, A))
    assert tx.notes == []


def test_ipv6_addresses_are_exempt_in_both_frames_that_say_them() -> None:
    at = lab()
    at.put(Host("default", A, "s1", 1, (IPv6("2001:db8::1"),)))
    texts = " ".join(at.flows("s1"))
    assert "ipv6_src=2001:db8::1" in texts
    assert "nd_target=2001:db8::1" in texts


@pytest.mark.parametrize("end", ["port", "age", "bridge"])
def test_a_host_goes_with_its_addresses(end) -> None:
    at = lab()
    sees(at, arp(A, IP1))
    if end == "port":
        at.event(PortDown("s1", 1))
    elif end == "age":
        at.event(FlowExpired("s1", at.rows(Host)[0]))
    else:
        at.drop(Port("s1", 1))
        at.event(BridgeUp("s1"))
    assert at.rows(Host) == []
    assert at.rows(Address) == []


def test_a_full_port_learns_no_more() -> None:
    at = lab(max_hosts_per_port=1)
    sees(at, plain(A))
    sees(at, plain(B))
    sees(at, arp(A, IP1))
    assert list(hosts(at)) == [A]
    assert hosts(at)[A].ips == (IP1,)


def moves(at, times):
    """The host sends from another port so many times; the port on which it is known then."""
    for turn in range(times):
        sees(at, plain(A), port=1 + turn % 2)
    return hosts(at)[A].port


def test_who_moves_too_often_stays_where_it_is() -> None:
    at = lab(max_moves=3)
    assert moves(at, 4) == 2
    assert moves(at, 3) == 2
    (row,) = at.rows(Moves)
    assert (row.count, row.frozen) == (3, True)
    assert [text for text in at.flows("s2", "LEARN") if "priority=50" in text]
    at.event(Thawed("default", A))
    at.event(MovedLongAgo("default", A))
    assert not [text for text in at.flows("s2", "LEARN") if "priority=50" in text]
    assert moves(at, 1) == 1


def test_moves_are_forgotten() -> None:
    at = lab(max_moves=3)
    for _ in range(10):
        moves(at, 2)
        for _ in at.rows(Moves):
            at.event(MovedLongAgo("default", A))
            at.event(MovedLongAgo("default", A))
    assert at.rows(Moves) == []


def test_moves_without_a_limit() -> None:
    at = lab(max_moves=0)
    assert moves(at, 40) == 2


def test_a_frozen_host_says_so_once_and_asks_to_be_thawed() -> None:
    at, app = lab(max_moves=1, freeze_time=7), L2Learning(max_moves=1, freeze_time=7)
    moves(at, 2)
    for kinds, delays in ((["host.flapping"], [7]), ([], [])):
        tx = Tx(at.engine.tables)
        app.learn(PacketIn("s1", 1, plain(A), match=pack("!II", NETWORK_TLV, 1)), tx)
        assert [note[1] for note in tx.notes] == kinds
        assert [seconds for seconds, _ in tx.timers] == delays
        at.put(*[row for (row,) in tx.changes.values()])
