"""`weft service`, and services and backends in `weft get`."""

import pytest

from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit


def test_services_read_well(weft: Weft, view: FakeView) -> None:
    lines = weft("get", "services", "-o", "wide").lines
    assert lines[0].split()[:8] == ["NAME", "STATE", "NETWORK", "VIP", "PORTS", "SCHEDULER", "UP", "CONNECTIONS"]
    assert lines[2].split()[:9] == [
        "web",
        "degraded",
        "default",
        "10.0.0.100",
        "tcp/80>8080,",
        "tcp/443>8443",
        "wrr",
        "2/3",
        "4412",
    ]
    assert "10.0.0.2: connect to 10.0.0.2:8080 refused 3 times" in lines[2]
    assert "300s" in lines[2]


def test_backends_show_the_share_beside_what_the_weight_stands_for(weft: Weft, view: FakeView) -> None:
    up, down, _ = weft("get", "backends", "web").lines[1:]
    assert up.split()[:7] == ["web", "10.0.0.1", "up", "3", "75.0%", "75.5%", "3020"]
    assert "down (connect to 10.0.0.2:8080 refused 3 times)" in down


def test_backends_of_one_service_or_one_by_its_address(weft: Weft, view: FakeView) -> None:
    assert weft("get", "backends", "dns", "-o", "name").lines == ["dns/10.0.0.3", "dns/10.0.0.4"]
    assert weft("get", "backends", "10.0.0.3", "-o", "name").lines == ["dns/10.0.0.3", "web/10.0.0.3"]
    assert weft("get", "ba", "-b", "s3", "-o", "name").lines == ["dns/10.0.0.3", "dns/10.0.0.4", "web/10.0.0.3"]
    assert weft("get", "service", "10.0.0.53", "-o", "name").lines == ["dns"]
    assert weft("get", "backends", "ftp").code == 4


def test_a_weight_that_the_scheduler_changed_is_shown_beside_it(weft: Weft, view: FakeView) -> None:
    from dataclasses import replace

    view._backends["web", "10.0.0.1"] = replace(view._backends["web", "10.0.0.1"], tuned=2)
    assert weft("get", "backends", "web").lines[1].split()[3] == "3>2"


def test_drain_and_undrain(weft: Weft, view: FakeView) -> None:
    done = weft("service", "drain", "web", "10.0.0.1")
    assert done.lines == [
        "10.0.0.1 of web takes no new connections",
        "connections that it still has: 60; they end after 5m at the latest",
    ]
    assert {each.address: each.state for each in view.backends("web")}["10.0.0.1"] == "draining"
    assert weft("service", "drain", "web", "10.0.0.1").lines[0] == "10.0.0.1 of web is draining already: nothing to do"
    assert weft("service", "undrain", "web", "10.0.0.1").out == "10.0.0.1 of web takes new connections\n"
    assert weft("service", "undrain", "web", "10.0.0.1").out == "10.0.0.1 of web is not draining: nothing to do\n"


def test_without_a_deadline_connections_last(weft: Weft, view: FakeView) -> None:
    assert (
        weft("service", "drain", "dns", "10.0.0.4").lines[1] == "connections that it still has: 5; they last as long as they do"
    )


def test_an_order_as_json(weft: Weft, view: FakeView) -> None:
    done = weft("service", "drain", "web", "10.0.0.3", "-o", "json").json
    assert (done["changed"], done["backend"]["state"], done["backend"]["expected"]) == (True, "draining", 0.0)


def test_what_does_not_exist_is_said(weft: Weft, view: FakeView) -> None:
    unknown = weft("service", "drain", "ftp", "10.0.0.1")
    assert (unknown.code, "known: dns, web" in unknown.err) == (4, True)
    other = weft("service", "undrain", "web", "10.0.0.9")
    assert (other.code, "web has no backend 10.0.0.9; it has: 10.0.0.1, 10.0.0.2, 10.0.0.3" in other.err) == (4, True)


def test_what_is_no_address_is_wrong_usage(weft: Weft, view: FakeView) -> None:
    done = weft("service", "drain", "web", "NOADDRESS")
    assert (done.code, "'NOADDRESS' is no IP address" in done.err) == (64, True)


def test_which_order(weft: Weft) -> None:
    assert weft("service").code == 64


def test_without_services_it_says_where_they_stand(weft: Weft, view: FakeView) -> None:
    view._backends.clear()
    assert weft("get", "services").err == "No services. They stand in the network file, under services:.\n"
    assert "under services:" in weft("get", "backends").err
