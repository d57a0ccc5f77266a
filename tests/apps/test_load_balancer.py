"""Virtual services: rows in, flows out. What these flows do to frames is in tests/ovs/test_load_balancer.py."""

from __future__ import annotations

import pytest

from apps.backend_hosts import LONGEST, BackendHost, BackendHosts
from apps.connections import Connections
from apps.load_balancer import LoadBalancer
from apps.nd_responder import NdResponder
from apps.service_tables import BACK, CHOOSE, COMMIT, REMEMBER, RETURN, SCHEDULE, SEND, SLOTS, SPARES, TAKES, ZONES
from apps.virtual_address import VirtualAddress
from controller.model import (
    Address,
    Attachment,
    Backend,
    Draining,
    Health,
    HealthCheck,
    IPv4,
    IPv6,
    Mac,
    Network,
    Number,
    Row,
    Service,
    ServicePort,
    Tuned,
    Virtual,
    Zone,
)
from controller.pipeline import Stage
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps

VIP, ONE, TWO = IPv4("10.0.10.100"), IPv4("10.0.10.11"), IPv4("10.0.10.12")
VIP6, ONE6 = IPv6("2001:db8::100"), IPv6("2001:db8::11")
APPS = ("virtual_address", "connections", "backend_hosts", "load_balancer")
WEB = (Service("web", "blue", VIP), ServicePort("web", "tcp", 80, 8080), Backend("web", ONE, 3), Backend("web", TWO))
HOSTS = (Address("blue", ONE, Mac(0x11)), Address("blue", TWO, Mac(0x12)))


def lab(*rows: Row) -> Lab:
    """Two bridges with ports of the network blue, and one without."""
    made = Lab(NdResponder(), VirtualAddress(), Connections(), BackendHosts(), LoadBalancer())
    for number, name in enumerate(("s1", "s2", "s3"), 1):
        made.bridge(name, number, 2)
    made.put(Network("blue", 10), Network("red", 20), Attachment("s1", 1, "blue"), Attachment("s2", 1, "blue"))
    made.put(Attachment("s1", 2, "blue"), Attachment("s3", 1, "red"), *rows)
    return made


def in_table(made: Lab, stage: Stage, bridge: str = "s1") -> list[str]:
    """The flows of a private stage, marks by the backend that they stand for."""
    numbers = {n.number | 1 << 31: str(n.name[1]) for n in made.rows(Number) if isinstance(n, Number) and n.space == "backend"}
    texts = [text.partition(" ")[2] for text in made.flows(bridge) if text.startswith(f"table={stage.table} ")]
    for number, name in numbers.items():
        texts = [text.replace(f"{number:#x}", name) for text in texts]
    return texts


def spread(made: Lab) -> list[str]:
    """The groups of services."""
    groups = [text for text in made.flows("s1") if text.startswith("group=")]
    return [text.replace(f"resubmit(,{COMMIT.table})", "COMMIT") for text in groups]


def marks(made: Lab) -> dict[str, str]:
    found = [n for n in made.rows(Number) if isinstance(n, Number) and n.space == "backend"]
    return {str(n.name[1]): f"{n.number | 1 << 31:#x}" for n in found}


def test_without_services_there_is_nothing() -> None:
    made = lab()
    assert [text for app in APPS for text in made.flows("s1", app=app)] == []
    made.put(*WEB, *HOSTS)
    made.drop(*WEB)
    assert [text for app in APPS for text in made.flows("s1", app=app)] == []
    assert made.rows(Zone) == []


def test_new_connections_are_given_out_by_weight() -> None:
    made = lab(*WEB, *HOSTS)
    mark = marks(made)
    (group,) = spread(made)
    assert group == (
        f"group=service/web/stream/0,type=select,bucket=weight:47,actions=set_field:{mark[str(ONE)]}->reg7,COMMIT,"
        f"bucket=actions=set_field:{mark[str(ONE)]}->reg7,COMMIT,"
        f"bucket=weight:16,actions=set_field:{mark[str(TWO)]}->reg7,COMMIT"
    )
    again = f"move:NXM_NX_CT_MARK[]->NXM_NX_REG7[],resubmit(,{COMMIT.table})"
    again = f"reg0=0xa,ct_state=+new+trk,ct_mark=0x80000000/0x80000000 actions={again}"
    assert again in str(in_table(made, CHOOSE))
    assert in_table(made, COMMIT)[0] == (
        f"priority=100,tcp,tp_dst=80,reg7={ONE} actions="
        f"ct(commit,table={SEND.table},zone=NXM_NX_REG5[0..15],nat(dst={ONE}:8080),exec(set_field:{ONE}->ct_mark))"
    )
    assert f"priority=100,ct_mark={ONE} actions=set_field:00:00:00:00:00:11->eth_dst" in str(in_table(made, SEND))


def test_datagrams_are_given_out_by_groups_of_their_own() -> None:
    made = lab(*WEB, *HOSTS, ServicePort("web", "udp", 53, 53))
    assert [text.partition(",")[0] for text in spread(made)].count("group=service/web/datagram/15") == 1
    assert len(spread(made)) == 1 + 16
    match = [text.partition(" actions=")[0] for text in in_table(made, SCHEDULE)]
    assert sorted(match) == sorted(
        [f"priority=100,tcp,nw_dst={VIP},reg0=0xa"]
        + [f"priority=100,udp,nw_dst={VIP},tp_src={n:#x}/0x1e,reg0=0xa" for n in range(0, 32, 2)]
    )


def test_frames_are_translated_where_the_client_is() -> None:
    made = lab(*WEB, *HOSTS)
    track = f"resubmit(,{ZONES.table}),ct(table={CHOOSE.table},zone=NXM_NX_REG5[0..15],nat)"
    back = f"resubmit(,{ZONES.table}),ct(table={BACK.table},zone=NXM_NX_REG5[0..15],nat)"
    service = made.flows("s1", "SERVICE", "connections")
    assert f"SERVICE priority=100,tcp,vlan_tci=0x0000/0x1fff,nw_dst={VIP},reg0=0xa actions={track}" in service
    assert f"UNSERVICE priority=100,tcp,nw_src={ONE},tp_src=8080,reg0=0xa actions={back}" in made.flows("s1", "UNSERVICE")
    (virtual,) = made.rows(Virtual)
    assert isinstance(virtual, Virtual)
    assert f"priority=100,ct_mark={ONE} actions=set_field:{virtual.mac}->eth_src" in str(in_table(made, BACK))


def test_only_bridges_with_ports_of_the_network_have_any_of_it() -> None:
    made = lab(*WEB, *HOSTS)
    assert [text for app in APPS for text in made.flows("s3", app=app)] == []
    ours = [
        [t for app in APPS for t in made.flows(b, app=app) if not t.startswith(f"table={ZONES.table} ")] for b in ("s1", "s2")
    ]
    assert ours[0] == ours[1] != []


def test_no_two_bridges_and_networks_share_a_zone() -> None:
    other = Service("api", "red", VIP)
    made = lab(*WEB, other, *[Attachment("s2", 2, "red")])
    zones = {(z.bridge, z.network): (z.zone, z.back) for z in made.rows(Zone) if isinstance(z, Zone)}
    assert zones.keys() == {("s1", "blue"), ("s2", "blue"), ("s2", "red"), ("s3", "red")}
    numbers = [number for pair in zones.values() for number in pair]
    assert len(set(numbers)) == 8
    assert all(0 < number < 65536 for number in numbers)
    here = [
        f"priority=100,reg0={n:#x} actions=set_field:{z:#x}->reg5,set_field:{b:#x}->reg6"
        for n, (z, b) in ((10, zones["s2", "blue"]), (20, zones["s2", "red"]))
    ]
    assert sorted(in_table(made, ZONES, "s2")) == sorted(here)


def test_a_backend_that_is_not_known_yet_waits() -> None:
    made = lab(*WEB, HOSTS[0])
    assert made.status(WEB[3]) == f"waits for Address blue {TWO}"
    assert str(TWO) not in str(in_table(made, COMMIT))
    assert f"set_field:{marks(made)[str(ONE)]}->reg7" in spread(made)[0]
    made.put(HOSTS[1])
    assert str(TWO) in str(in_table(made, COMMIT))
    assert f"set_field:{marks(made)[str(TWO)]}->reg7" in spread(made)[0]


def test_a_host_that_is_silent_keeps_its_place() -> None:
    made = lab(*WEB, *HOSTS)
    made.tick("remember")
    before = made.flows("s1")
    made.drop(*HOSTS)
    assert made.flows("s1") == before
    made.put(Address("blue", ONE, Mac(0x99)))
    assert "00:00:00:00:00:99->eth_dst" in str(in_table(made, SEND))


CHECKED = HealthCheck("web")
OUT = {
    "draining": (Draining("web", ONE),),
    "down": (CHECKED, Health("web", TWO, up=True), Health("web", ONE)),
    "not checked yet": (CHECKED, Health("web", TWO, up=True)),
    "weight 0": (Backend("web", ONE, 0),),
}


@pytest.mark.parametrize("rows", OUT.values(), ids=OUT)
def test_who_takes_no_new_connections_keeps_the_old_ones(rows: tuple[Row, ...]) -> None:
    made = lab(*WEB, *HOSTS)
    before = [in_table(made, stage) for stage in (COMMIT, SEND, BACK, RETURN)]
    mark = marks(made)
    made.put(*rows)
    assert [text.count(mark[str(ONE)]) for text in spread(made)] == [0]
    assert [in_table(made, stage) for stage in (COMMIT, SEND, BACK, RETURN)] == before
    made.put(Draining("web", TWO))
    assert spread(made) == []
    assert in_table(made, SCHEDULE) == [f"priority=100,ip,nw_dst={VIP},reg0=0xa actions=drop"]


def test_a_backend_that_is_removed_keeps_its_connections_for_a_day() -> None:
    made = lab(*WEB, *HOSTS)
    made.tick("remember")
    before = [in_table(made, stage) for stage in (COMMIT, SEND, BACK, RETURN)], made.flows("s1", "UNSERVICE")
    mark = marks(made)
    made.drop(WEB[2])
    assert ([in_table(made, stage) for stage in (COMMIT, SEND, BACK, RETURN)], made.flows("s1", "UNSERVICE")) == before
    assert [str(mark[str(who)]) in spread(made)[0] for who in (ONE, TWO)] == [False, True]
    made.put(BackendHost("web", ONE, Mac(0x11), gone=LONGEST))
    made.tick("forget")
    assert str(ONE) not in str([in_table(made, stage) for stage in (COMMIT, SEND, BACK, RETURN)])


def test_services_may_share_backends() -> None:
    made = lab(*WEB, *HOSTS)
    also = (
        Service("api", "blue", IPv4("10.0.10.101")),
        ServicePort("api", "tcp", 80, 8080),
        Backend("api", ONE),
        Backend("api", TWO),
    )
    made.put(*also)
    assert [made.status(row) for row in (*WEB, *also, *made.rows(Virtual))].count("installed") == 0  # no bridge is connected
    assert not [s for row in (*WEB, *also, *made.rows(Virtual)) if (s := made.status(row)).startswith(("hidden", "waits"))]
    made.drop(*WEB)
    assert f"UNSERVICE priority=100,tcp,nw_src={ONE},tp_src=8080" in str(made.flows("s1", "UNSERVICE"))


def test_the_weights_in_use_are_those_that_were_tuned() -> None:
    made = lab(Service("web", "blue", VIP, "least"), *WEB[1:], *HOSTS)
    assert "weight:16" in spread(made)[0]
    made.put(Tuned("web", ONE, 1))
    assert "weight:32" in spread(made)[0]


def test_clients_with_affinity_come_back() -> None:
    made = lab(Service("web", "blue", VIP, affinity=60), *WEB[1:], *HOSTS)
    assert in_table(made, REMEMBER) == [
        f"priority=100,ip,nw_dst={VIP},reg0=0xa actions=learn(table=192,idle_timeout=60,priority=100,limit=65536,eth_type=0x800,"
        f"NXM_NX_REG0[],NXM_OF_IP_SRC[],NXM_OF_IP_DST[],load:NXM_NX_REG7[]->NXM_NX_REG7[]),resubmit(,{COMMIT.table})"
    ]
    had = f"priority=120,ip,nw_dst={VIP},reg0=0xa,reg7={{}} actions=resubmit(,{COMMIT.table})"
    assert [text for text in in_table(made, SCHEDULE) if "priority=120" in text] == sorted(had.format(a) for a in (ONE, TWO))
    made.put(Draining("web", ONE))
    assert [text for text in in_table(made, SCHEDULE) if "priority=120" in text] == [had.format(TWO)]


@pytest.mark.parametrize(("scheduler", "fields"), [("source", "nw_src"), ("maglev", "symmetric_l3l4+udp")])
def test_a_hash_has_a_backend(scheduler: str, fields: str) -> None:
    made = lab(Service("web", "blue", VIP, scheduler), *WEB[1:], *HOSTS)
    assert in_table(made, SCHEDULE) == [
        f"priority=100,ip,nw_dst={VIP},reg0=0xa actions="
        f"multipath({fields},0,modulo_n,1021,0,NXM_NX_REG8[]),resubmit(,{SLOTS.table})"
    ]
    slots = in_table(made, SLOTS)
    assert len(slots) == 1021
    takes = f"priority=100,ip,nw_dst={VIP},reg0=0xa,reg7={{}} actions=resubmit(,{COMMIT.table})"
    assert sorted(in_table(made, TAKES)) == sorted(takes.format(address) for address in (ONE, TWO))
    assert in_table(made, SPARES) == []
    made.put(Draining("web", TWO))
    assert in_table(made, SLOTS) == slots
    assert sorted(in_table(made, TAKES)) == sorted(
        [
            takes.format(ONE),
            f"priority=90,ip,nw_dst={VIP},reg0=0xa actions=multipath({fields},1,modulo_n,251,0,NXM_NX_REG8[]),"
            f"resubmit(,{SPARES.table})",
        ]
    )
    assert [text.count(f"set_field:{ONE}->reg7") for text in in_table(made, SPARES)] == [1] * 251


def test_with_dsr_nothing_is_translated() -> None:
    made = lab(Service("web", "blue", VIP, mode="dsr"), ServicePort("web", "tcp", 80, 80), *WEB[2:], *HOSTS)
    assert in_table(made, COMMIT)[0].endswith(
        f"ct(commit,table={SEND.table},zone=NXM_NX_REG5[0..15],exec(set_field:{ONE}->ct_mark))"
    )
    assert in_table(made, RETURN) == []
    assert f"UNSERVICE priority=100,tcp,nw_src={VIP},tp_src=80" in str(made.flows("s1", "UNSERVICE"))


def test_ipv6() -> None:
    made = lab(Service("six", "blue", VIP6), ServicePort("six", "udp", 53, 5353), Backend("six", ONE6))
    made.put(Address("blue", ONE6, Mac(0x11)))
    assert f"nat(dst=[{ONE6}]:5353)" in in_table(made, COMMIT)[0]
    assert f"UNSERVICE priority=100,udp6,ipv6_src={ONE6},reg0=0xa" in str(made.flows("s1", "UNSERVICE"))
    assert f"ANSWER priority=110,icmp6,vlan_tci=0x0000/0x1fff,nw_ttl=255,icmp_type=135,icmp_code=0,nd_target={VIP6}" in str(
        made.flows("s1", "ANSWER")
    )


def test_the_virtual_address_is_learned_from_nobody() -> None:
    made = lab(*WEB)
    assert f"SERVICE priority=120,arp,vlan_tci=0x0000/0x1fff,arp_spa={VIP},reg0=0xa actions=goto_table:50" in made.flows(
        "s1", "SERVICE"
    )
    assert f"ANSWER priority=90,arp,vlan_tci=0x0000/0x1fff,arp_spa={VIP},reg0=0xa actions=drop" in made.flows("s1", "ANSWER")


def test_the_address_is_the_same_after_a_restart() -> None:
    first, second = lab(*WEB), lab(Service("other", "red", VIP), *WEB)
    assert first.rows(Virtual) == [v for v in second.rows(Virtual) if isinstance(v, Virtual) and v.service == "web"]
