"""Mistakes in what weft shall set up on hypervisors, as sentences."""

from __future__ import annotations

import pytest

from controller.config import ConfigError, parse

pytestmark = pytest.mark.unit

MISTAKES = {
    "listen: 'tcp:0.0.0.0:6640'": "tcp:0.0.0.0:6640 is no place to dial in; write ptcp:PORT:ADDRESS or pssl:PORT:ADDRESS",
    "listen: 'ptcp:6640', ovsdb: 'unix:/db'": "listen does not go together with ovsdb: either weft dials or the database does",
    "ovsdb: 'tcp:hv1.example:6640'": "hv1.example is a name; write the address: databases are found without DNS",
    "controller: localhost": "localhost is no controller; write tcp:ADDRESS:PORT, ssl:ADDRESS:PORT or unix:/PATH",
    "ports: {tap0: {}}": "ports needs the database of hv1: write ovsdb or listen",
    "ovsdb: 'unix:/db', ports: {p1: {type: patch}}": "a patch has a peer, and nothing else has one: type: patch, peer: NAME",
    "ovsdb: 'unix:/db', ports: {p1: {peer: p2}}": "a patch has a peer, and nothing else has one: type: patch, peer: NAME",
    "ovsdb: 'unix:/db', bridges: {b: {ports: {p1: {peer: p2}}}}": "a patch has a peer, and nothing else has one: type: patch",
    "bridges: {br-ex: {}}": "bridges needs the database of hv1: write ovsdb or listen",
    "ovsdb: 'unix:/db', ports: {eth1: {bfd: {min_tx: 5}}}": "5 is not in 10..60000",
    "ovsdb: 'unix:/db', netflow: {targets: [here]}": "here is no collector; write ADDRESS:PORT, like 192.0.2.9:2055",
    "ovsdb: 'unix:/db', sflow: {targets: []}": "the list is empty; name at least one collector",
    "ovsdb: 'unix:/db', ipfix: {}": "targets is missing",
    "ovsdb: 'unix:/db', mirrors: {m1: {}}": "output is missing",
    "ovsdb: 'unix:/db', mirrors: {m1: {output: tap0}}": "m1: nothing is copied; write sources: [PORT], destinations: [PORT]",
    "ovsdb: 'unix:/db', sflow: {targets: ['1.2.3.4:99999']}": "the port in 1..65535",
    "ovsdb: 'unix:/db', ports: {eth1: {max_rate: 1}}": "1 is not in 1000..",
    "ovsdb: 'unix:/db', ports: {eth1: {mtu: 70000}}": "70000 is not in 68..65535",
    "ovsdb: 'unix:/db', ports: {a: {number: 5}, b: {number: 5}}": "ports.b.number: 5 is the number of a (line 1)",
    "ovsdb: 'unix:/db', bridges: {br-int: {}}": "br-int is the bridge of the hypervisor; a name is there once on a hypervisor",
    "ovsdb: 'unix:/db', bridge: x, ports: {x: {}}": "ports.x: x is the bridge of the hypervisor",
    "ovsdb: 'unix:/db', ports: {e: {}}, bridges: {b: {ports: {e: {}}}}": "bridges.b.ports.e: e is a port (line 1); a name is",
    "ovsdb: 'unix:/db', bridges: {b: {}}, ports: {b: {}}": "ports.b: b is a bridge (line 1); a name is there once",
    "datapath: kernel": "kernel is not known here; there are system, netdev",
}


@pytest.mark.parametrize(("entry", "sentence"), MISTAKES.items())
def test_a_mistake_is_told(entry: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"hypervisors: {{hv1: {{{entry}}}}}", "n")
    assert len(caught.value.problems) == 1
    assert sentence in str(caught.value)


def test_two_at_one_place_are_told_apart() -> None:
    text = "hypervisors:\n  hv1: {listen: 'ptcp:6640', system_id: a}\n  hv2: {listen: 'ptcp:6640', system_id: b}"
    assert parse(text, "n").hypervisors["hv2"].system_id == "b"
    with pytest.raises(ConfigError, match=r"n:3:17 hypervisors.hv2.listen: hv1 \(line 2\) dials in at ptcp:6640 too"):
        parse(text.replace("b}", "a}"), "n")


def test_a_bridge_is_that_of_one_hypervisor() -> None:
    text = "hypervisors:\n  hv1: {ovsdb: 'unix:/db'}\n  hv2: {ovsdb: 'unix:/db'%s}"
    with pytest.raises(ConfigError, match=r"n:3:16 .*: the bridge br-int in unix:/db is that of hv1 \(line 2\); a bridge is one"):
        parse(text % "", "n")
    assert parse(text % ", bridge: br-two", "n").hypervisors["hv2"].bridge == "br-two"
