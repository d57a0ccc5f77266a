"""`weft get`: formats, filters, names."""

import dataclasses

import pytest
import yaml

from controller.cli.kinds import LOCAL
from controller.runtime.flows import SORTS
from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit

KINDS = (
    "bridges",
    "ports",
    "links",
    "hosts",
    "networks",
    "hypervisors",
    "tunnels",
    "services",
    "backends",
    "apps",
    "flows",
    "events",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_has_a_heading_and_a_line_an_item_and_wide_has_more_columns(weft: Weft, view: FakeView, kind: str) -> None:
    table, wide, items = weft("get", kind), weft("get", kind, "-o", "wide"), weft("get", kind, "-o", "json").json
    headings, more = table.lines[0].split(), wide.lines[0].split()
    assert table.lines[0].isupper()
    assert len(table.lines) == len(wide.lines) == 1 + len(items)
    assert [heading for heading in more if heading in headings] == headings
    assert len(more) > len(headings)


def test_bridges_read_well(weft: Weft, view: FakeView) -> None:
    view.bridge_down("s3")
    lines = weft("get", "bridges").lines
    assert lines[0].split() == ["NAME", "DPID", "STATE", "PORTS", "FLOWS", "PENDING", "REJECTED", "SINCE"]
    assert lines[1].split()[:4] == ["s1", "0000000000000001", "connected", "2"]
    assert "disconnected (no answer to an echo for 8 s)" in lines[3]
    assert lines[1].split()[-1] in ("1h59m", "2h")


def test_json_is_the_fields_of_the_api(weft: Weft, view: FakeView) -> None:
    host = weft("get", "hosts", "-o", "json").json[0]
    assert host["mac"] == "00:00:00:00:00:01"
    assert host["ips"] == ["10.0.0.1"]
    assert set(host) == {"mac", "ips", "network", "bridge", "port", "port_name", "first_seen", "last_seen", "state", "why"}


def test_yaml_says_what_json_says(weft: Weft, view: FakeView) -> None:
    assert yaml.safe_load(weft("get", "links", "-o", "yaml").out) == weft("get", "links", "-o", "json").json


def test_names_are_for_shell_loops(weft: Weft, view: FakeView) -> None:
    assert weft("get", "bridges", "-o", "name").lines == ["s1", "s2", "s3"]
    assert weft("get", "ports", "-b", "s1", "-o", "name").lines == ["s1/s1-eth1", "s1/s1-eth2"]


def test_singular_and_short_kinds(weft: Weft, view: FakeView) -> None:
    assert weft("get", "host", "-o", "name").out == weft("get", "ho", "-o", "name").out == weft("get", "hosts", "-o", "name").out


def test_an_item_is_found_by_any_of_its_names(weft: Weft, view: FakeView) -> None:
    assert [host["mac"] for host in weft("get", "hosts", "10.0.0.3", "-o", "json").json] == ["00:00:00:00:00:03"]
    assert [bridge["name"] for bridge in weft("get", "bridges", "0000000000000002", "-o", "json").json] == ["s2"]


def test_a_name_that_nothing_has_is_not_found(weft: Weft, view: FakeView) -> None:
    done = weft("get", "bridges", "s1", "s9")
    assert done.code == 4
    assert done.err.startswith("weft: no bridge is called s9\n")
    assert done.out == ""


def test_no_headers(weft: Weft, view: FakeView) -> None:
    assert [line.split()[0] for line in weft("get", "bridges", "--no-headers").lines] == ["s1", "s2", "s3"]


def test_ports_of_a_bridge(weft: Weft, view: FakeView) -> None:
    assert {port["bridge"] for port in weft("get", "ports", "--bridge", "s2", "-o", "json").json} == {"s2"}
    assert weft("get", "ports", "--bridge", "s9").code == 4
    assert weft("get", "hosts", "--bridge", "s1").err == "No hosts match.\n"


@pytest.mark.parametrize("kind", ["ports", "links", "hosts", "networks", "backends", "flows", "tunnels"])
def test_a_bridge_stands_for_whatever_is_on_it(weft: Weft, view: FakeView, kind: str) -> None:
    bridge = weft("get", kind, "-o", "json").json[0]
    bridge = bridge["bridges"][0] if kind == "networks" else bridge["hypervisor" if kind == "tunnels" else "bridge"]
    found = weft("get", kind, "-b", bridge, "-o", "name")
    assert found.code == 0
    assert found.lines
    assert set(found.lines) <= set(weft("get", kind, bridge, "-o", "name").lines)


def test_the_ports_of_a_bridge_and_the_one_that_has_its_name(weft: Weft, view: FakeView, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = view.ports()
    local = dataclasses.replace(ports[0], bridge="s1", port=LOCAL, name="s1")
    monkeypatch.setattr(view, "ports", lambda *_: (*ports, local))
    assert weft("get", "ports", "s1", "-o", "name").lines == ["s1/s1-eth1", "s1/s1-eth2", "s1/s1"]
    assert weft("get", "ports", "s1/s1", "-o", "name").lines == ["s1/s1"]


def test_a_name_that_nothing_has_is_told_with_one_that_there_is(weft: Weft, view: FakeView) -> None:
    known = weft("get", "hypervisors", "-o", "name").lines
    hint = weft("get", "hypervisors", f"{known[0]}x").err.splitlines()[1]
    assert hint.removeprefix("Did you mean ").removesuffix("?") in known
    assert "h1 is known to the emulation alone" in weft("get", "hosts", "h1").err
    assert weft("get", "apps", "zzz").err.splitlines()[1] == "'weft get apps -o name' lists the names."


def test_flows_are_filtered_by_the_controller(weft: Weft, view: FakeView) -> None:
    flows = weft("get", "flows", "-b", "s1", "-a", "l2_learning", "-t", "70", "-f", "n_packets>0", "-o", "json").json
    assert flows
    assert all((flow["bridge"], flow["app"], flow["table"]) == ("s1", "l2_learning", 70) for flow in flows)


def test_all_pages_of_flows_are_shown_unless_limited(weft: Weft, view: FakeView) -> None:
    view._fill(2500)
    assert len(weft("get", "flows", "-o", "json").json) == len(view._flows) > 2400
    assert len(weft("get", "flows", "-n", "1200", "-o", "json").json) == 1200


def test_flows_by_their_counter(weft: Weft, view: FakeView) -> None:
    packets = [flow["packets"] for flow in weft("get", "flows", "--sort", "-packets", "-o", "json").json]
    assert packets == sorted(packets, reverse=True)


def test_a_question_that_cannot_be_answered_is_refused_with_the_reason(weft: Weft, view: FakeView) -> None:
    done = weft("get", "flows", "--sort", "colour")
    assert done.code == 64
    assert "no field 'colour'" in done.err
    assert weft("get", "flows", "-f", "nw_dst~=(").code == 64
    assert weft("get", "events", "--severity", "grave").code == 64


def test_a_filter_that_would_be_ignored_is_a_mistake(weft: Weft, view: FakeView) -> None:
    done = weft("get", "hosts", "--app", "l2_learning")
    assert done.code == 64
    assert "--app narrows flows, not hosts." in done.err


def test_events_by_severity_newest_last(weft: Weft, view: FakeView) -> None:
    events = weft("get", "events", "--severity", "error", "-o", "json").json
    assert [event["kind"] for event in events] == ["app.failed"]
    assert "(x2)" in weft("get", "events", "--kind", "flow.foreign").out


def test_a_failed_app_shows_what_it_failed_of(weft: Weft, view: FakeView) -> None:
    assert "failed: rate_limiter.py:31: KeyError: 'limit'  POLICY" in weft("get", "apps", "rate_limiter").out


def test_a_long_error_of_an_app_is_short_beside_its_state_and_whole_in_wide(weft: Weft, view: FakeView) -> None:
    error = "limit.py:7: ValueError: " + "this is no limit " * 9 + "at all"
    view._apps["rate_limiter"] = dataclasses.replace(view._apps["rate_limiter"], error=f"Traceback:\n{error}\n")
    (line,) = weft("get", "apps", "rate_limiter", "--no-headers").lines
    assert "  failed: limit.py:7: ValueError: this is no limit this...  POLICY" in line
    assert weft("get", "apps", "rate_limiter", "-o", "wide").lines[1].endswith(f"  {error}")


def test_networks_read_well(weft: Weft, view: FakeView) -> None:
    heading, default, guests = weft("get", "networks").lines
    assert heading.split() == ["NAME", "VLAN", "PORTS", "ISOLATED", "HOSTS", "BRIDGES", "DESCRIPTION"]
    assert default.split() == ["default", "1", "4", "0", "4", "s2,", "s3", "-"]
    assert guests.endswith("30    2      1         0      s2, s3   visitors, first floor")
    assert "s1/s1-eth1>s2/s2-eth3, s1/s1-eth2>s3/s3-eth3" in weft("get", "networks", "default", "-o", "wide").out
    assert weft("get", "ne", "30", "-o", "name").out == "guests\n"
    assert weft("get", "networks", "-b", "s1").code == 0
    assert weft("get", "networks", "-b", "s1").err == "No networks match.\n"


def test_hypervisors_read_well(weft: Weft, view: FakeView) -> None:
    heading, one, two = weft("get", "hv").lines
    assert heading.split() == ["NAME", "STATE", "PORTS", "SINCE", "DATABASE", "PROBLEMS"]
    assert one.split()[:3] == ["hv1", "applied", "4"]
    assert "br-int/bfd-1: no device" in one
    assert two.startswith("hv2   unreachable (no route to host)")
    wide = weft("get", "hv", "-o", "wide").out
    assert "core/hv2 down" in wide
    assert wide.splitlines()[0].split()[-1] == "OPEN-VSWITCH"


def test_tunnels_read_well(weft: Weft, view: FakeView) -> None:
    heading, one, two = weft("get", "tunnels").lines
    assert heading.split() == ["MESH", "HYPERVISOR", "PEER", "STATE", "SINCE", "CAUSE", "MTU", "RX", "TX", "PROBLEMS"]
    assert one.split()[:4] == ["core", "hv1", "hv2", "down"]
    assert one.split("  BFD: control detection time expired")[1].split()[:3] == ["1450", "98.2kB", "-"]
    assert "tap3: its MTU is 1500" in one
    assert two.split()[:4] == ["core", "hv2", "hv1", "unknown"]
    assert weft("get", "tu", "hv2>hv1", "-o", "name").code == 4
    assert weft("get", "tunnels", "core/hv2>hv1", "-o", "name").out == "core/hv2>hv1\n"
    assert "192.0.2.1  192.0.2.2" in weft("get", "tunnels", "-o", "wide").out


def test_a_host_that_cannot_be_reached_says_why(weft: Weft, view: FakeView) -> None:
    view.lose("00:00:00:00:00:02", "hv1 is unreachable: no answer")
    lines = weft("get", "hosts").lines
    assert "reachable" in lines[1]
    assert "unreachable (hv1 is unreachable: no answer)" in lines[2]


def test_links_show_what_they_cost(weft: Weft, view: FakeView) -> None:
    assert weft("get", "links").lines[0].split() == ["BRIDGE", "PORT", "PEER", "PEER-PORT", "COST", "STATE"]
    assert {link["cost"] for link in weft("get", "links", "-o", "json").json} == {2_000}


def test_paths_show_bridges_and_ports(weft: Weft, view: FakeView) -> None:
    heading, path = weft("get", "paths", "10.0.0.1", "10.0.0.4").lines
    assert heading.split() == ["PATH", "COST", "HOPS"]
    assert path.split(maxsplit=2) == ["1", "4000", "s2 (s2-eth1 > s2-eth3), s1 (s1-eth1 > s1-eth2), s3 (s3-eth3 > s3-eth2)"]
    assert weft("get", "paths", "s2", "s3", "-o", "name").out == "s2/s2-eth3 s1/s1-eth2 s3\n"
    assert weft("get", "paths", "s2", "s3").lines[1].endswith("s2 (> s2-eth3), s1 (s1-eth1 > s1-eth2), s3 (s3-eth3 >)")
    assert weft("get", "paths", "s2", "s2").lines[1].split() == ["1", "0", "s2"]


@pytest.mark.parametrize(
    ("ends", "code", "says"),
    [
        ((), 64, "weft get paths SRC DST"),
        (("s1",), 64, "weft get paths SRC DST"),
        (("s1", "10.9.9.9"), 4, "there is no bridge or host '10.9.9.9'"),
    ],
)
def test_paths_have_two_ends(weft: Weft, view: FakeView, ends: tuple[str, ...], code: int, says: str) -> None:
    done = weft("get", "paths", *ends)
    assert (done.code, done.out) == (code, "")
    assert says in done.err


@pytest.mark.parametrize(("form", "begins"), [("dot", "digraph weft {\n"), ("graphml", "<?xml"), ("node-link", "{\n")])
def test_the_topology_as_a_graph(weft: Weft, view: FakeView, form: str, begins: str) -> None:
    graph = weft("get", "links", "-o", form).out
    assert graph.startswith(begins)
    assert graph.endswith("\n")
    assert graph.count("default/00:00:00:00:00:04") >= 3


@pytest.mark.parametrize("more", [("hosts",), ("links", "-w"), ("links", "-b", "s1"), ("links", "s1/s1-eth1"), ("status",)])
def test_a_graph_is_of_the_whole_topology(weft: Weft, view: FakeView, more: tuple[str, ...]) -> None:
    done = weft("get", *more, "-o", "dot")
    assert (done.code, done.out) == (64, "")
    assert "graph" in done.err or "the whole topology" in done.err


def test_status(weft: Weft, view: FakeView) -> None:
    text = weft("get", "status").out
    assert "weft        0.1.0, ready for 2h1m" in text
    assert "bridges     3, 3 connected" in text
    assert weft("get", "status", "-o", "json").json["connected"] == 3


def test_nothing_there_says_what_to_do_and_prints_no_table(weft: Weft, view: FakeView) -> None:
    view.__init__(empty=True)  # type: ignore[misc]
    done = weft("get", "bridges")
    assert (done.code, done.out) == (0, "")
    assert "ovs-vsctl set-controller" in done.err
    assert weft("get", "bridges", "-o", "json").json == []


def test_help_says_how_to_narrow_and_order(weft: Weft) -> None:
    said = " ".join(weft("get", "--help").out.split())
    sorts = said.partition("--sort takes ")[2].partition(";")[0]
    assert tuple(sorts.replace(" or ", ", ").split(", ")) == SORTS
    rules = said.partition("--filter compares")[2].partition("--sort takes")[0]
    assert all(word in rules for word in ("!=", "~=", ">", "<", "and, or, not and brackets"))


def test_unknown_kind(weft: Weft) -> None:
    done = weft("get", "switches")
    assert done.code == 64
    assert "Known: bridges, ports" in done.err
