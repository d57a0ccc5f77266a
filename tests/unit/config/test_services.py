"""Services in the network file: what it may say, every mistake where it stands, and the rows that follow."""

import pytest

from controller.config import ConfigError, parse
from controller.config.schema import at
from controller.model import Backend, HealthCheck, IPv4, IPv6, Service, ServicePort
from controller.runtime.networks import rows_of
from controller.runtime.services import TYPES

pytestmark = pytest.mark.unit

NETWORKS = 'networks: {blue: {vlan: 10, subnets: [10.0.10.0/24, "fd00::/64"]}, red: {vlan: 20}}\n'


def service(rest: str = "", **keys: str) -> str:
    """A file with one service in the fourth line; `keys` in place of what is right."""
    usual = {"network": "blue", "vip": "10.0.10.100", "ports": "[{port: 80}]", "backends": "[{address: 10.0.10.11}]"}
    said = ", ".join(f"{key}: {value}" for key, value in (usual | keys).items() if value)
    return f"{NETWORKS}services:\n  web: {{{said}}}\n{rest}"


def other(**keys: str) -> str:
    """A second service, in the line below."""
    return service(**keys).splitlines()[-1].replace("web", "api") + "\n"


BEGIN = "  web: {network: blue, vip: 10.0.10.100, ports: "
MISTAKES = {
    "missing-ports": (
        service(ports=""),
        "n:3:3 services.web: ports is missing: a list, like ports: [{port: 80, target: 8080}]",
    ),
    "ports-are-text": (
        service(ports="s1-eth1"),
        "n:3:49 services.web.ports: s1-eth1 is text; a list, like [{port: 80, target: 8080}], belongs here",
    ),
    "unknown-network": (service(network="bleu"), "n:3:18 services.web.network: there is no network bleu; did you mean blue?"),
    "no-address": (
        service(vip="10.0.10"),
        "n:3:29 services.web.vip: 10.0.10 is no address; write it as 10.0.10.11 or 2001:db8::11",
    ),
    "not-an-address": (service(vip="web"), "n:3:29 services.web.vip: web is no address; write it as 10.0.10.11 or 2001:db8::11"),
    "multicast": (
        service(vip="224.0.0.1"),
        "n:3:29 services.web.vip: 224.0.0.1 is no address that one host can have in a network",
    ),
    "outside": (
        service(vip="10.0.11.1"),
        "n:3:29 services.web.vip: 10.0.11.1 is not in 10.0.10.0/24, fd00::/64, a subnet of blue",
    ),
    "broadcast": (
        service(vip="10.0.10.255"),
        "n:3:29 services.web.vip: 10.0.10.255 is the broadcast address of 10.0.10.0/24; take one in between",
    ),
    "vip-used": (
        service(other(backends="[{address: 10.0.10.12}]")),
        "n:4:29 services.api.vip: 10.0.10.100 is the virtual address of web (line 3) in blue",
    ),
    "backend-is-a-vip": (
        service(other(vip="10.0.10.101", backends="[{address: 10.0.10.100}]")),
        "n:4:84 services.api.backends[0].address: 10.0.10.100 is the virtual address of web, and a backend is a host",
    ),
    "backend-outside": (
        service(backends="[{address: 10.0.11.11}]"),
        "n:3:84 services.web.backends[0].address: 10.0.11.11 is not in 10.0.10.0/24, fd00::/64, a subnet of blue",
    ),
    "backend-twice": (
        service(backends='[{address: "10.0.10.11"}, {address: 10.0.10.11}]'),
        "n:3:109 services.web.backends[1].address: 10.0.10.11 is listed twice; the first is in line 3",
    ),
    "families": (
        service(backends='[{address: "fd00::11"}]'),
        "n:3:84 services.web.backends[0].address: fd00::11 is IPv6 and the virtual address IPv4; both have one family",
    ),
    "no-backends": (
        service(backends="[]"),
        "n:3:63 services.web.backends: the list is empty; name at least one backend, like {address: 10.0.10.11}",
    ),
    "no-ports": (service(ports="[]"), "n:3:42 services.web.ports: the list is empty; name at least one port, like {port: 80}"),
    "weight": (
        service(backends="[{address: 10.0.10.11, weight: 65536}]"),
        "n:3:104 services.web.backends[0].weight: 65536 is not in 0..65535",
    ),
    "port-twice": (
        service(ports="[{port: 80}, {port: 80, target: 8080}, {port: 80, protocol: udp}]"),
        "n:3:69 services.web.ports[1].port: tcp port 80 is listed twice; the first is in line 3",
    ),
    "dsr-target": (
        service(mode="dsr", ports="[{port: 80, target: 8080}]"),
        "n:3:69 services.web.ports[0].target: 8080 is not 80: with mode dsr the port stays as it is; leave target out",
    ),
    "sctp-target": (
        service(ports="[{protocol: sctp, port: 9, target: 19}]"),
        "n:3:84 services.web.ports[0].target: 19 is not 9: with sctp the port stays as it is; leave target out",
    ),
    "dsr-source": (
        service(mode="dsr", health="{type: icmp}"),
        "n:3:109 services.web.health: with mode dsr checks need an address of their own; write source: ADDRESS, "
        "one that nobody has",
    ),
    "source-is-a-backend": (
        service(health="{source: 10.0.10.11}"),
        "n:3:115 services.web.health.source: 10.0.10.11 is a backend; take an address that nobody has",
    ),
    "source-family": (
        service(health='{source: "fd00::9"}'),
        "n:3:115 services.web.health.source: fd00::9 is IPv6 and the backends IPv4",
    ),
    "keys-of-http": (
        service(health="{type: tcp, path: /x}"),
        "n:3:118 services.web.health.path: path goes with type: http, and this is tcp",
    ),
    "status": (
        service(health="{type: http, status: 99}"),
        "n:3:127 services.web.health.status: 99 is no status of HTTP; write one, 200, or a range, 200-399",
    ),
    "status-backwards": (
        service(health="{type: http, status: 300-200}"),
        "n:3:127 services.web.health.status: 300-200 ends before it begins; write it as 200-300",
    ),
    "path": (
        service(health="{type: http, path: health}"),
        "n:3:125 services.web.health.path: health is no path; it begins with / and has no spaces, like /health",
    ),
    "timeout": (
        service(health="{interval: 1, timeout: 1.5}"),
        "n:3:129 services.web.health.timeout: 1.5 is more than interval, 1: one check ends before the next begins",
    ),
    "asks-no-port": (
        service(ports="[{port: 53, protocol: udp}]", health="{type: http}"),
        "n:3:113 services.web.health: the service has no tcp port that a check of type http could ask; write port: NUMBER",
    ),
    "port-of-a-ping": (
        service(health="{type: icmp, port: 80}"),
        "n:3:119 services.web.health.port: port goes with tcp, http and udp, and this is icmp",
    ),
    "affinity": (service(affinity="{seconds: 0}"), "n:3:118 services.web.affinity.seconds: 0 is not in 1..65535"),
    "scheduler": (
        service(scheduler="rr"),
        "n:3:109 services.web.scheduler: rr is not known here; did you mean wrr?",
    ),
    "name": (
        service().replace("web:", "a b:"),
        'n:3:3 services."a b": a b is no name for a service; take up to 63 letters, digits, _ . or -, '
        "the first a letter or digit",
    ),
    "subnet": (
        "networks: {blue: {vlan: 10, subnets: [10.0.10.1/24]}}",
        "n:1:39 networks.blue.subnets[0]: 10.0.10.1/24 is no subnet; write it as 10.0.10.0/24",
    ),
}


@pytest.mark.parametrize(("text", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "n")
    assert str(caught.value) == problem


RIGHT = {
    "usual": service(),
    "empty health": service(health=""),
    "two networks may have the same addresses": service(other(network="red")),
    "host on a point-to-point subnet": service().replace("10.0.10.0/24", "10.0.10.100/31, 10.0.10.0/24"),
    "network without subnets": service(network="red", vip="192.0.2.1"),
    "unknown host": service(backends="[{address: 10.0.10.200, weight: 0}]"),
    "dsr": service(mode="dsr", ports="[{port: 80, target: 80}]", health="{source: 10.0.10.9}"),
    "ping of a service of UDP": service(ports="[{port: 53, protocol: udp}]", health="{type: icmp}"),
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_is_right(text: str) -> None:
    assert parse(text, "n").services["web"]


def test_what_follows_from_it() -> None:
    text = service(
        vip='"FD00:0::100"',
        ports="[{port: 53, protocol: udp, target: 5353}, {port: 80}]",
        backends='[{address: "fd00::0011", weight: 3}]',
        affinity="{seconds: 60}",
        drain="{deadline: 9}",
        scheduler="maglev",
        health="{type: http, interval: 0.5, status: 200, body: ok}",
    )
    assert {row for row in rows_of(parse(text, "n")) if isinstance(row, TYPES)} == {
        Service("web", "blue", IPv6("fd00::100"), "maglev", 60, "nat", 9),
        ServicePort("web", "udp", 53, 5353),
        ServicePort("web", "tcp", 80, 80),
        Backend("web", IPv6("fd00::11"), 3),
        HealthCheck("web", "http", 0.5, 0.5, 2, 3, 80, "/", (200, 200), "ok", None),
    }


def test_the_address_that_asks() -> None:
    (check,) = [r for r in rows_of(parse(service(health="{source: 10.0.10.9}"), "n")) if isinstance(r, HealthCheck)]
    assert (check.source, check.timeout, check.port) == (IPv4("10.0.10.9"), 1.0, 80)


def test_the_schema_knows_the_values() -> None:
    assert at(("services", "web", "scheduler"))["enum"] == ["wrr", "least", "source", "maglev"]
    assert at(("services", "web", "network"))["refers"] == "networks"
    assert at(("services", "web", "backends", 0, "weight"))["maximum"] == 65535
