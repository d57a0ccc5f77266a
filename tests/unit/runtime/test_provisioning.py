"""Hypervisors of the network file: the bridge and the tunnel ports of each, and where its bridge finds weft."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from controller.config import ConfigError, NetworkFile, parse
from controller.config.overlay import HypervisorEntry
from controller.ovsdb.intents import Bfd, Bridge, Controller, Intent, Ipfix, Mirror, NetFlow, Port, SFlow
from controller.ovsdb.provision import HypervisorState
from controller.runtime.channel import ListenError
from controller.runtime.hypervisors import Place
from controller.runtime.overlay import dpid_of, peer_port
from controller.runtime.provisioning import Provisioning, controller_of, kept_owner

pytestmark = pytest.mark.unit
LISTEN = ("tcp:0.0.0.0:6653",)
FILE = """
hypervisors:
  hv1: {ovsdb: "tcp:127.0.0.1:17641", vtep: 192.0.2.1, dpid: 0x1, datapath: netdev, adopt: true}
  hv2: {listen: "ptcp:6640:127.0.0.1", system_id: two, vtep: 192.0.2.2, controller: "tcp:192.0.2.100:6653"}
  hv3: {vtep: 192.0.2.3}
meshes:
  core: {bfd: {min_tx: 50, min_rx: 60}, dst_port: 4790}
  plain: {type: gre, members: [hv2, hv3]}
"""


class Recorder:
    """In place of `Hypervisors`."""

    def __init__(self, refusal: str = "") -> None:
        self.wanted: dict[str, tuple[Place, Intent]] = {}
        self.refusal = refusal

    def apply(self, wanted: dict[str, tuple[Place, Intent]], others: Collection[str] = ()) -> None:
        if self.refusal:
            raise ListenError(self.refusal)
        self.wanted, self.others = wanted, set(others)

    def states(self) -> tuple[HypervisorState, ...]:
        return ()


def wanted(text: str, listen: tuple[str, ...] = LISTEN) -> dict[str, tuple[Place, Intent]]:
    recorder = Recorder()
    Provisioning(recorder, listen).apply(parse(text, "n"))  # type: ignore[arg-type]
    return recorder.wanted


def test_a_bridge_with_the_ports_of_its_meshes() -> None:
    found = wanted(FILE)
    assert found.keys() == {"hv1", "hv2"}  # the third is made by others
    data = {"dst_port": "4790", "local_ip": "192.0.2.1"}
    watch = Bfd(50, 60)
    assert found["hv1"] == (
        Place("tcp:127.0.0.1:17641"),
        Intent(
            (
                Bridge(
                    "br-int",
                    (
                        Port("weft-core", "vxlan", {**data, "remote_ip": "flow", "key": "flow"}),
                        Port(peer_port("core", "hv2"), "vxlan", {**data, "remote_ip": "192.0.2.2", "key": "0"}, watch),
                        Port(peer_port("core", "hv3"), "vxlan", {**data, "remote_ip": "192.0.2.3", "key": "0"}, watch),
                    ),
                    (Controller("tcp:127.0.0.1:6653"),),
                    "netdev",
                    1,
                    adopt=True,
                ),
            )
        ),
    )
    place, intent = found["hv2"]
    assert place == Place(listen="ptcp:6640:127.0.0.1", system_id="two")
    (bridge,) = intent.bridges
    assert (bridge.datapath_type, bridge.datapath_id, bridge.adopt) == ("", dpid_of("hv2"), False)
    assert bridge.controllers == (Controller("tcp:192.0.2.100:6653"),)
    assert [port.name for port in bridge.ports if port.type == "gre"] == ["weft-plain"]  # no BFD, so no port for each peer


MORE = """
hypervisors:
  hv1:
    ovsdb: "unix:/db"
    ports:
      eth1: {max_rate: 100000000, bfd: {min_tx: 50}, options: {n_rxq: "2"}}
      tap0: {type: internal, mtu: 1450, number: 10}
      p1: {type: patch, peer: p2}
    bridges: {br-ex: {ports: {p2: {type: patch, peer: p1}, eth0: {}}, other_config: {mac-aging-time: "60"}, adopt: true}}
    mirrors: {watch: {output: tap0, sources: [eth1], everything: true}}
    netflow: {targets: ["192.0.2.9:2055"], active_timeout: 60}
    sflow: {targets: ["192.0.2.9:6343", "[2001:db8::9]:6343"], agent: eth0}
    ipfix: {targets: ["192.0.2.9:4739"], domain: 7}
    other_config: {mac-table-size: "4096"}
"""


def test_what_else_is_set_up() -> None:
    bridge, plain = wanted(MORE)["hv1"][1].bridges
    assert bridge.ports == (
        Port("eth1", "", {"n_rxq": "2"}, Bfd(50, 100), max_rate=100_000_000),
        Port("tap0", "internal", mtu=1450, number=10),
        Port("p1", "patch", {"peer": "p2"}),
    )
    assert bridge.mirrors == (Mirror("watch", "tap0", ("eth1",), everything=True),)
    assert bridge.netflow == NetFlow(("192.0.2.9:2055",), 60)
    assert bridge.sflow == SFlow(("192.0.2.9:6343", "[2001:db8::9]:6343"), "eth0")
    assert bridge.ipfix == Ipfix(("192.0.2.9:4739",), domain=7)
    assert bridge.other_config == {"mac-table-size": "4096"}
    ports = Port("p2", "patch", {"peer": "p1"}), Port("eth0")
    assert plain == Bridge("br-ex", ports, fail_mode="standalone", other_config={"mac-aging-time": "60"}, adopt=True)


def test_an_internal_port_has_the_mtu_that_its_networks_have_room_for() -> None:
    text = """
hypervisors:
  hv1:
    ovsdb: "tcp:127.0.0.1:17641"
    vtep: 192.0.2.1
    ports: {a: {type: internal}, b: {type: internal, mtu: 1400}, c: {}, d: {type: internal}}
meshes: {core: {underlay_mtu: 1600}, old: {type: gre}}
networks: {blue: {vlan: 10, vni: 1, mesh: core}, red: {vlan: 20, vni: 1, mesh: old}, green: {vlan: 30}}
ports: {hv1/a: {trunk: [blue, red, green]}, hv1/b: {access: blue}, hv1/c: {access: blue}, hv1/d: {access: green}}
"""
    (bridge,) = wanted(text)["hv1"][1].bridges
    assert {port.name: port.mtu for port in bridge.ports if len(port.name) == 1} == {"a": 1458, "b": 1400, "c": None, "d": None}


def test_with_a_hub_only_it_is_watched() -> None:
    found = wanted(FILE.replace("core: {", "core: {hub: hv3, "))
    names = [port.name for port in found["hv1"][1].bridges[0].ports]
    assert names == ["weft-core", peer_port("core", "hv3")]


def test_ipsec_is_for_each_peer() -> None:
    found = wanted(FILE.replace("bfd: {min_tx: 50, min_rx: 60}", "ipsec: {certificates: true}"))
    port = found["hv1"][1].bridges[0].ports[1]
    assert (port.options["remote_name"], port.bfd) == ("hv2", None)


@pytest.mark.parametrize(
    ("entry", "listen", "target"),
    [
        ({"ovsdb": "unix:/db"}, ("tcp:127.0.0.1:6653", "unix:/weft"), "unix:/weft"),
        ({"ovsdb": "unix:/db"}, ("tcp:0.0.0.0:6653",), "tcp:127.0.0.1:6653"),
        ({"ovsdb": "tcp:127.0.0.1:6640"}, ("tcp:127.0.0.1:6653",), "tcp:127.0.0.1:6653"),
        ({"ovsdb": "ssl:127.0.0.1:6640"}, ("tcp:0.0.0.0:6653", "ssl:0.0.0.0:6654"), "ssl:127.0.0.1:6654"),
        ({"ovsdb": "tcp:[::1]:6640"}, ("tcp:[::]:6653",), "tcp:[::1]:6653"),
        ({"listen": "ptcp:6640", "controller": "tcp:192.0.2.1:6653"}, ("tcp:0.0.0.0:6653",), "tcp:192.0.2.1:6653"),
    ],
)
def test_where_a_bridge_finds_weft(entry: dict[str, str], listen: tuple[str, ...], target: str) -> None:
    assert controller_of(HypervisorEntry.model_validate(entry), listen) == target


def test_where_it_would_not_it_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"n:1:15 hypervisors.hv1: it is not known where its bridge finds weft"):
        wanted("hypervisors: {hv1: {listen: 'ptcp:6640'}}")
    with pytest.raises(ConfigError, match=r"hypervisors: cannot listen"):
        Provisioning(Recorder("cannot listen"), LISTEN).apply(parse(FILE, "n"))  # type: ignore[arg-type]
    entry = "hypervisors: {hv1: {ovsdb: 'tcp:127.0.0.1:1', bridge: weft-core, vtep: 192.0.2.1}}\nmeshes: {core: {}}"
    with pytest.raises(ConfigError, match="its local port cannot be vxlan"):
        wanted(entry)


def test_those_that_others_make_are_left_alone() -> None:
    recorder = Recorder()
    Provisioning(recorder, LISTEN).apply(parse(FILE, "n"))  # type: ignore[arg-type]
    assert (sorted(recorder.wanted), recorder.others) == (["hv1", "hv2"], {"hv3"})


def test_no_hypervisors() -> None:
    assert wanted("networks: {}") == {}
    assert NetworkFile().hypervisors == {}


def test_the_name_of_the_owner_is_kept(tmp_path: Path) -> None:
    owner = kept_owner(tmp_path)
    assert owner
    assert kept_owner(tmp_path) == owner
