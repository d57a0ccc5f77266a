"""Flows that bring the answers of backends to the controller, for each kind of check and both families."""

from __future__ import annotations

import pytest

from apps.health_check import HealthChecks
from apps.nd_responder import NdResponder
from controller.model import (
    Address,
    Backend,
    HealthCheck,
    Host,
    IPv4,
    IPv6,
    Mac,
    Member,
    Network,
    Served,
    Service,
    ServicePort,
    Virtual,
    scope_of,
)
from tests.apps.engine import Lab

MAC, OURS = Mac("02:00:00:00:00:0b"), Mac("0a:57:00:05:00:01")
V4, V6 = (IPv4("10.0.0.100"), IPv4("10.0.0.11")), (IPv6("fd00::64"), IPv6("fd00::b"))


def lab(vip: IPv4 | IPv6, backend: IPv4 | IPv6, **check: object) -> Lab:
    made = Lab(NdResponder(), HealthChecks())
    for number, name in enumerate(("s1", "s2"), 1):
        made.bridge(name, dpid=number, ports=3)
        made.put(Member(scope_of(Served("blue")), name))
    made.put(Network("blue", 5), Service("web", "blue", vip), Virtual("web", "blue", vip, OURS), Backend("web", backend))
    made.put(ServicePort("web", "tcp", 80, 8080), ServicePort("web", "udp", 53, 5353), HealthCheck("web", **check))  # type: ignore[arg-type]
    made.put(Address("blue", backend, MAC), Host("blue", MAC, "s1", 2, (backend,)))
    return made


def answers(made: Lab, bridge: str = "s1") -> list[str]:
    """What the flows for answers match, in short."""
    flows = made.flows(bridge, "SERVICE", "health_checks")
    assert all(" actions=controller(meter_id=" in flow and flow.endswith(",goto_table:31") for flow in flows)
    assert all(flow.startswith("SERVICE priority=200,") and "reg0=0x5" in flow and "in_port=2" in flow for flow in flows)
    return [
        flow.partition("200,")[2].partition(" actions")[0].replace(",reg0=0x5", "").replace("in_port=2,", "") for flow in flows
    ]


@pytest.mark.parametrize(
    ("ends", "kind", "matches"),
    [
        (V4, "tcp", ["tcp,nw_src=10.0.0.11,nw_dst=10.0.0.100,tp_src=8080,tp_dst=0xf000/0xf000"]),
        (V4, "http", ["tcp,nw_src=10.0.0.11,nw_dst=10.0.0.100,tp_src=8080,tp_dst=0xf000/0xf000"]),
        (V6, "tcp", ["tcp6,ipv6_src=fd00::b,ipv6_dst=fd00::64,tp_src=8080,tp_dst=0xf000/0xf000"]),
        (
            V4,
            "udp",
            [
                f"arp,dl_dst={OURS},arp_op=2,arp_spa=10.0.0.11",
                "icmp,nw_src=10.0.0.11,nw_dst=10.0.0.100,icmp_type=3",
                "udp,nw_src=10.0.0.11,nw_dst=10.0.0.100,tp_src=5353,tp_dst=0xf000/0xf000",
            ],
        ),
        (V4, "icmp", ["icmp,nw_src=10.0.0.11,nw_dst=10.0.0.100,icmp_type=0"]),
        (V6, "icmp", ["icmp6,ipv6_src=fd00::b,ipv6_dst=fd00::64,icmp_type=129"]),
        (V4, "neighbour", [f"arp,dl_dst={OURS},arp_op=2,arp_spa=10.0.0.11"]),
        (V6, "neighbour", [f"icmp6,dl_dst={OURS},icmp_type=136,nd_target=fd00::b"]),
    ],
)
def test_answers_come_to_the_controller(ends: tuple[IPv4 | IPv6, IPv4 | IPv6], kind: str, matches: list[str]) -> None:
    made = lab(*ends, type=kind)
    assert sorted(answers(made)) == sorted(matches)
    assert answers(made, "s2") == []
    end = f"ANSWER priority=90,dl_dst={OURS},reg0=0x5 actions=drop"
    assert all(end in made.flows(bridge, "ANSWER", "health_checks") for bridge in ("s1", "s2"))


def test_a_port_has_one_meter_whatever_is_behind_it() -> None:
    made = lab(*V4)
    made.put(Backend("web", IPv4("10.0.0.12")), Address("blue", IPv4("10.0.0.12"), MAC))
    assert [flow for flow in made.flows("s1", app="health_checks") if flow.startswith("meter")] == [
        "meter=health/s1/2 pktps burst stats bands=type=drop rate=256 burst_size=256"
    ]
    assert len(answers(made)) == 2


def test_the_meter_lets_pass_what_is_asked_for() -> None:
    made = lab(*V4, type="http", interval=0.5)
    for number in range(100):
        made.put(Backend("web", IPv4(int(V4[1]) + number)), Address("blue", IPv4(int(V4[1]) + number), MAC))
    assert any(
        "rate=4096" in flow for flow in made.flows("s1", app="health_checks")
    )  # 100 backends x 4 frames x 2 a second, and spare


def test_a_host_that_moves_is_followed() -> None:
    made = lab(*V4)
    made.put(Host("blue", MAC, "s2", 2, (V4[1],)))
    assert (len(answers(made)), len(answers(made, "s2"))) == (0, 1)


def test_only_backends_that_are_checked_are_listened_to() -> None:
    made = lab(*V4)
    made.drop(HealthCheck("web"))
    assert answers(made) == []
    assert not [flow for flow in made.flows("s1", app="health_checks") if flow.startswith("meter")]


def test_a_backend_whose_host_is_not_known_waits() -> None:
    made = lab(*V4)
    made.drop(Address("blue", V4[1], MAC))
    assert made.status(Backend("web", V4[1])) == "waits for Address blue 10.0.0.11"


@pytest.mark.parametrize(("ends", "source"), [(V4, IPv4("10.0.0.99")), (V6, IPv6("fd00::63"))])
def test_an_address_of_its_own_that_asks_is_answered_for(ends: tuple[IPv4 | IPv6, IPv4 | IPv6], source: IPv4 | IPv6) -> None:
    made = lab(*ends, source=source)
    (match,) = answers(made)
    assert f"_dst={source}" in match
    flows = [flow for flow in made.flows("s2", "ANSWER", "health_checks") if str(source) in flow]
    assert len(flows) == 1
    assert f"set_field:{OURS}->eth_src" in flows[0]
