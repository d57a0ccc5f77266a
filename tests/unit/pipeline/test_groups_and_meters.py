"""Groups and meters: bytes of os_ken's encoder, and sentences for what no switch takes."""

from __future__ import annotations

from typing import Any

import pytest
from os_ken.ofproto import ofproto_v1_4 as number
from os_ken.ofproto import ofproto_v1_4_parser as osken

from controller.pipeline import NEXT, bucket, controller, output
from controller.pipeline.actions import group as to_group
from controller.pipeline.flow import make_group, make_meter

KINDS = {"all": number.OFPGT_ALL, "select": number.OFPGT_SELECT, "indirect": number.OFPGT_INDIRECT, "failover": number.OFPGT_FF}


def serialized(theirs: Any) -> bytes:
    buffer = bytearray()
    theirs.serialize(buffer, 0)
    return bytes(buffer)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("all", [{}, {}]),
        ("all", []),
        ("select", [{"weight": 3}, {"weight": 5, "watch_port": 2}]),
        ("select", [{"weight": 3}, {"weight": 0}]),
        ("indirect", [{}]),
        ("failover", [{"watch_port": 1}, {"watch_port": 2}]),
    ],
)
def test_a_group(kind: str, options: list[dict[str, int]]) -> None:
    made = make_group(7, kind, [bucket(output(n), **each) for n, each in enumerate(options, 1)])
    theirs = [
        osken.OFPBucket(
            each.get("weight", 0), each.get("watch_port", number.OFPP_ANY), number.OFPG_ANY, [osken.OFPActionOutput(n, 0)]
        )
        for n, each in enumerate(options, 1)
    ]
    assert made.slot == b"\xff\0\0\0\7"
    assert made.body == bytes([KINDS[kind]]) + b"".join(map(serialized, theirs))
    assert made.use == to_group(7)


WATCH = "a bucket with watch_port= belongs in a select or failover group"


@pytest.mark.parametrize(
    ("kind", "buckets", "said"),
    [
        ("any", [], "a group is one of all, select, indirect, failover, not 'any'"),
        ("indirect", [], "an indirect group has one bucket, not 0"),
        ("indirect", [bucket(), bucket()], "an indirect group has one bucket, not 2"),
        (
            "failover",
            [bucket(watch_port=1), bucket()],
            "each bucket of a failover group watches a port: bucket(..., watch_port=3)",
        ),
        ("all", [bucket(weight=2)], "a bucket with weight= belongs in a select group, not in one of kind 'all'"),
        (
            "all",
            [bucket(watch_port=2)],
            "a bucket with watch_port= belongs in a select or failover group, not in one of kind 'all'",
        ),
    ],
)
def test_a_group_that_no_switch_takes(kind: str, buckets: list[bytes], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        make_group(7, kind, buckets)
    assert str(error.value) == said


def test_a_select_group_shares_equally_where_no_weight_is_said() -> None:
    one, two = bucket(output(1)), bucket(output(2))
    equal = make_group(7, "select", [bucket(output(1), weight=1), bucket(output(2), weight=1)])
    assert make_group(7, "select", [one, two]) == equal
    assert make_group(7, "select", [one, bucket(output(2), weight=4)]).body != equal.body


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ({"pps": 100}, number.OFPMF_PKTPS),
        ({"kbps": 100}, number.OFPMF_KBPS),
        ({"pps": 100, "burst": 9}, number.OFPMF_PKTPS | number.OFPMF_BURST),
    ],
)
def test_a_meter(said: dict[str, int], flags: int) -> None:
    made = make_meter(3, **said)  # type: ignore[arg-type]
    band = bytearray()
    osken.OFPMeterBandDrop(rate=100, burst_size=said.get("burst", 0)).serialize(band, 0)
    assert made.slot == b"\xfe\0\0\0\3"
    assert made.body == (flags | number.OFPMF_STATS).to_bytes(2, "big") + bytes(band)
    assert made.number == 3
    assert made.use == serialized(osken.OFPInstructionMeter(3))


@pytest.mark.parametrize("said", [{}, {"kbps": 1, "pps": 1}])
def test_a_meter_has_one_unit(said: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"a meter has either kbps= or pps="):
        make_meter(3, **said)  # type: ignore[arg-type]


def test_they_are_placed_like_flows() -> None:
    meter = make_meter(3, pps=1, why="few")
    assert (meter.on("s1").where, meter.on("s1").why, type(meter.on("s1"))) == ("s1", "few", type(meter))
    assert meter.on("s1").slot == meter.slot


@pytest.mark.parametrize("wrong", [NEXT, make_meter(3, pps=1).use, "output:3", 3])
def test_what_has_no_place_in_a_bucket(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"has no place in a bucket; write actions and to\(STAGE\)"):
        bucket(wrong)


def test_a_copy_without_a_meter_is_plain_output() -> None:
    assert controller(100) == serialized(osken.OFPActionOutput(number.OFPP_CONTROLLER, 100))
