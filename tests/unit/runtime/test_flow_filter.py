"""Filters of flows: the language of ovs.flow, and flows without a frame, which most filters that count leave out unread."""

from __future__ import annotations

import time

import pytest

from controller.query import FlowView, QueryError
from controller.runtime.flows import compile_filter


def flow(priority: int = 100, packets: int | None = 0, kind: str = "flow") -> FlowView:
    words = ("", "", "", "installed")
    return FlowView(kind, "s1", 10, "CLASSIFY", priority, "ip,nw_dst=10.0.0.5", "drop", "0x1", "fabric", *words, packets, 0, 0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "quiet", "busy"),
    [
        ("drop and n_packets>0", False, True),
        ("n_packets>0 and nw_dst~=10.0.0.5 and drop", False, True),
        ("n_packets>0 and nw_dst=10.0.0.6", False, False),
        ("n_packets>0 or priority=100", True, True),
        ("(n_packets>0 and drop) or priority=100", True, True),
        ("!n_packets>0", True, False),
        ("", True, True),
    ],
)
def test_what_a_filter_leaves(text: str, quiet: bool, busy: bool) -> None:
    matches = compile_filter(text)
    assert (matches(flow(packets=0)), matches(flow(packets=7))) == (quiet, busy)


def test_flows_that_were_never_hit_cost_next_to_nothing() -> None:
    flows = [flow(priority) for priority in range(2_000)]

    def cost(text: str) -> float:
        matches, begun = compile_filter(text), time.process_time()
        assert any(map(matches, flows)) is (text == "nw_dst=10.0.0.6 or priority=1999")
        return time.process_time() - begun

    read = cost("nw_dst=10.0.0.6 or priority=1999")  # all of them, up to the last
    assert cost("drop and n_packets>0") * 4 < read


def test_what_is_no_filter_says_how_to_write_one() -> None:
    with pytest.raises(QueryError, match="there is no field 'colour'"):
        compile_filter("colour=3")
