"""Hypervisors, meshes and networks that go by them: what the file may say, and every mistake where it stands."""

import pytest
import yaml

from controller.config import ConfigError, parse
from controller.config.mtu import carried
from controller.config.schema import at

pytestmark = pytest.mark.unit

TWO = "hypervisors:\n  hv1: {vtep: 192.0.2.1}\n  hv2: {vtep: 192.0.2.2}\n"
CORE = TWO + "meshes: {core: {}}\n"

SHAPE = {
    "vni-zero": (
        CORE + "networks: {blue: {vlan: 10, vni: 0, mesh: core}}",
        "n:5:34 networks.blue.vni: VNI 0 is reserved, BFD has it; take one in 1..16777215",
    ),
    "vni-too-large": (
        CORE + "networks: {blue: {vlan: 10, vni: 16777216, mesh: core}}",
        "n:5:34 networks.blue.vni: 16777216 is not in 1..16777215",
    ),
    "type": (TWO + "meshes: {core: {type: vlxan}}", "n:4:23 meshes.core.type: vlxan is not known here; did you mean vxlan?"),
    "members-is-one": (
        TWO + "meshes: {core: {members: hv1}}",
        "n:4:26 meshes.core.members: hv1 is text; a list belongs here: [hv1]",
    ),
    "members-is-empty": (
        TWO + "meshes: {core: {members: []}}",
        "n:4:17 meshes.core.members: the list is empty; name at least one hypervisor, or write all",
    ),
    "bfd-range": (
        TWO + "meshes: {core: {bfd: {min_tx: 1}}}",
        "n:4:31 meshes.core.bfd.min_tx: 1 is not in 10..60000",
    ),
    "bfd-key": (
        TWO + "meshes: {core: {bfd: {min_rtx: 100}}}",
        "n:4:23 meshes.core.bfd.min_rtx: there is no key min_rtx here; did you mean min_tx?",
    ),
    "bfd-switch": (
        TWO + "meshes: {core: {bfd: true}}",
        "n:4:22 meshes.core.bfd: true is true or false; a mapping, like {key: value}, belongs here",
    ),
    "tos": (TWO + "meshes: {core: {tos: high}}", "n:4:22 meshes.core.tos: high is neither a number in 0..255 nor inherit"),
    "vtep": (
        "hypervisors: {hv1: {vtep: 192.0.2}}",
        "n:1:27 hypervisors.hv1.vtep: 192.0.2 is no address; write it as 192.0.2.1 or 2001:db8::1",
    ),
    "vtep-of-many": (
        "hypervisors: {hv1: {vtep: 224.0.0.1}}",
        "n:1:27 hypervisors.hv1.vtep: 224.0.0.1 is no address at which one hypervisor can be reached",
    ),
    "ovsdb": (
        "hypervisors: {hv1: {ovsdb: 'localhost:6640'}}",
        "n:1:28 hypervisors.hv1.ovsdb: localhost:6640 is no database; write tcp:HOST:PORT, ssl:HOST:PORT or unix:/PATH",
    ),
    "mesh-name": (
        TWO + "meshes: {a b: {}}",
        'n:4:10 meshes."a b": a b is no name for a mesh; take up to 63 letters, digits, _ . or -, the first a letter or digit',
    ),
    "underlay-mtu": (
        TWO + "meshes: {core: {underlay_mtu: 576}}",
        "n:4:31 meshes.core.underlay_mtu: 576 is not in 1280..65535",
    ),
}

TOGETHER = {
    "unknown-member": (
        TWO + "meshes: {core: {members: [hv1, hv3]}}",
        "n:4:32 meshes.core.members[1]: there is no hypervisor hv3; did you mean hv2?",
    ),
    "unknown-mesh": (
        CORE + "networks: {blue: {vlan: 10, vni: 1, mesh: croe}}",
        "n:5:43 networks.blue.mesh: there is no mesh croe; did you mean core?",
    ),
    "unknown-hub": (TWO + "meshes: {core: {hub: hv3}}", "n:4:22 meshes.core.hub: there is no hypervisor hv3; did you mean hv2?"),
    "hub-is-no-member": (
        TWO + "meshes: {core: {members: [hv1], hub: hv2}}",
        "n:4:38 meshes.core.hub: hv2 is no member of core; the hub is one of hv1",
    ),
    "member-twice": (
        TWO + "meshes: {core: {members: [hv1, hv1]}}",
        "n:4:32 meshes.core.members[1]: hv1 is listed twice",
    ),
    "vni-twice": (
        CORE + "networks:\n  blue: {vlan: 10, vni: 7, mesh: core}\n  red: {vlan: 20, vni: 7, mesh: core}\n",
        "n:7:24 networks.red.vni: 7 is the VNI of blue (line 6) in the mesh core",
    ),
    "vni-alone": (
        CORE + "networks: {blue: {vlan: 10, vni: 7}, red: {vlan: 11, mesh: core}}",
        "n:5:29 networks.blue.vni: vni does not go alone; write mesh: MESH too",
        "n:5:54 networks.red.mesh: mesh does not go alone; write vni: NUMBER too",
    ),
    "vtep-twice": (
        "hypervisors:\n  hv1: {vtep: 2001:db8::1}\n  hv2: {vtep: 2001:db8:0::1}\n",
        "n:3:15 hypervisors.hv2.vtep: 2001:db8::1 is the VTEP of hv1 (line 2)",
    ),
    "no-vtep": (
        "hypervisors:\n  hv1: {vtep: 192.0.2.1}\n  hv2:\nmeshes: {core: {}}\n",
        "n:3:3 hypervisors.hv2: hv2 is in the mesh core and has no vtep; write vtep: ADDRESS",
    ),
    "families": (
        "hypervisors:\n  hv1: {vtep: 192.0.2.1}\n  hv2: {vtep: 2001:db8::2}\nmeshes: {core: {}}\n",
        "n:3:15 hypervisors.hv2.vtep: 2001:db8::2 is IPv6, and hv1 (line 2), of the mesh core too, has the other family",
    ),
    "two-meshes-alike": (
        TWO + "meshes:\n  a: {members: [hv1]}\n  b: {}\n  c: {type: geneve}\n  d: {dst_port: 4790}\n",
        "n:6:3 meshes.b: a (line 5) is vxlan on port 4789 too, and hv1 is in both; give one another dst_port",
    ),
    "gre-has-no-port": (
        TWO + "meshes: {core: {type: gre, dst_port: 1}}",
        "n:4:28 meshes.core.dst_port: gre goes without UDP and has no port; leave dst_port out",
    ),
    "ipsec-both": (
        TWO + "meshes: {core: {ipsec: {psk: x, certificates: true}}}",
        "n:4:17 meshes.core.ipsec: write one of psk: SECRET and certificates: true",
    ),
    "ipsec-neither": (
        TWO + "meshes: {core: {ipsec: }}",
        "n:4:17 meshes.core.ipsec: write one of psk: SECRET and certificates: true",
    ),
    "name-of-a-bridge": (
        "bridges: {hv1: {dpid: 0x1}}\nhypervisors: {hv1: {vtep: 192.0.2.1}}",
        "n:2:15 hypervisors.hv1: hv1 is the name of a bridge (line 1); give the hypervisor another one",
    ),
    "dpid-of-a-bridge": (
        "bridges: {s1: {dpid: 0x1}}\nhypervisors: {hv1: {dpid: 1}}",
        "n:2:27 hypervisors.hv1.dpid: 1 is the datapath id of s1 (line 1)",
    ),
    "isolated": (
        CORE + "networks: {blue: {vlan: 10, vni: 7, mesh: core}}\nports: {hv1/vm: {access: blue, isolated: true}}",
        "n:6:32 ports.hv1/vm.isolated: blue goes by the mesh core, and what is isolated on one hypervisor is not on the next",
    ),
    "mtu-of-a-port": (
        "hypervisors: {hv1: {ovsdb: 'unix:/x', vtep: 192.0.2.1, ports: {tap0: {mtu: 1451}, tap1: {mtu: 1450}}}}\n"
        "meshes: {core: {}}\nnetworks: {blue: {vlan: 10, vni: 7, mesh: core}}\n"
        "ports: {hv1/tap0: {access: blue}, hv1/tap1: {access: blue}, hv1/tap2: {access: blue}}",
        "n:1:76 hypervisors.hv1.ports.tap0.mtu: 1451 is too much: blue goes by the mesh core, which carries 1450",
    ),
    "port-outside-of-the-mesh": (
        TWO + "meshes: {core: {members: [hv1]}}\nnetworks: {blue: {vlan: 10, vni: 7, mesh: core}}\n"
        "ports: {hv2/vm: {access: blue}, hv1/vm: {trunk: [blue]}, s1/x: {access: blue}}",
        "n:6:9 ports.hv2/vm: hv2 is no member of the mesh core, by which blue goes",
    ),
}


@pytest.mark.parametrize(("text", "problems"), [(t, p) for t, *p in (SHAPE | TOGETHER).values()], ids=[*SHAPE, *TOGETHER])
def test_a_mistake_is_told(text: str, problems: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "n")
    assert str(caught.value).splitlines() == problems


def test_what_is_left_out_has_a_default() -> None:
    file = parse(CORE, "n")
    mesh, hypervisor = file.meshes["core"], file.hypervisors["hv1"]
    assert (mesh.type, mesh.members, mesh.hub, mesh.bfd, mesh.ipsec, mesh.underlay_mtu) == ("vxlan", (), "", None, None, 1500)
    with pytest.raises(ConfigError, match=r"dst_port: 0 is not in 1\.\.65535"):
        parse(TWO + "meshes: {core: {dst_port: 0}}", "n")
    assert (mesh.dst_port, mesh.csum, mesh.tos, mesh.df_default) == (0, False, 0, True)
    assert (hypervisor.bridge, hypervisor.dpid, hypervisor.ovsdb) == ("br-int", 0, "")


def test_a_file_comes_back() -> None:
    text = TWO + (
        "meshes:\n  core: {type: geneve, members: all, bfd: , tos: inherit, dst_port: 7000, ipsec: {psk: secret}}\n"
        "  side: {type: gre, members: [hv2, hv1], hub: hv1, tos: 184, csum: true, df_default: false, underlay_mtu: 9000}\n"
        "networks: {blue: {vlan: 10, vni: 16777215, mesh: core}}\n"
    )
    file = parse(text, "n")
    assert file.meshes["core"].bfd is not None
    assert file.meshes["core"].bfd.min_tx == 100
    assert file.meshes["side"].members == ("hv2", "hv1")
    assert parse(yaml.safe_dump(file.model_dump(mode="json", exclude_defaults=True)), "n") == file


@pytest.mark.parametrize(
    ("kind", "version", "more", "octets"),
    [
        ("vxlan", 4, {}, 1550),
        ("vxlan", 6, {"csum": True}, 1530),
        ("geneve", 6, {}, 1530),
        ("gre", 4, {}, 1558),
        ("gre", 6, {"csum": True}, 1534),
        ("vxlan", 4, {"ipsec": True}, 1477),
    ],
)
def test_what_an_underlay_of_1600_octets_carries(kind: str, version: int, more: dict[str, bool], octets: int) -> None:
    assert carried(kind, 1600, version, **more) == octets


def test_the_schema_knows_names_and_ranges() -> None:
    assert at(("meshes", "core", "members", 0))["refers"] == "hypervisors"
    assert at(("meshes", "core", "bfd", "min_tx"))["maximum"] == 60_000
    assert at(("networks", "blue", "vni"))["minimum"] == 1
    assert at(("networks", "default", "mesh"))["refers"] == "meshes"
