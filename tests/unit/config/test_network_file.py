"""A network file that is right: typed, with defaults, and every value knows its line."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from controller.config import ConfigError, NetworkFile, PortName, load, parse

TEXT = """\
bridges:
  s1: {}
  s2: {dpid: 0x2}
  s3: {dpid: 0000ba67b05cb041}
networks:
  blue: {vlan: 10, description: "Büro"}
  red:  {vlan: 20}
ports:
  s1/s1-eth1: {access: blue}
  s1/s1-eth2:
    trunk: [blue, red]
    native: blue
  s1/s1-eth3: {qinq: blue}
  s1/s1-eth4: &edge {access: blue, isolated: true}
  s2/eth0.100: *edge
unlisted_ports: closed
apps:
  l2_learning: {idle_timeout: 300, weights: [1, 2.5, x]}
  other:
"""


def test_everything_is_there() -> None:
    file = parse(TEXT, "n")
    assert {name: bridge.dpid for name, bridge in file.bridges.items()} == {"s1": 0, "s2": 2, "s3": 0xBA67B05CB041}
    assert {name: network.vlan for name, network in file.networks.items()} == {"blue": 10, "red": 20, "default": 1}
    assert file.networks["blue"].description == "Büro"
    assert file.ports[PortName("s1", "s1-eth1")].networks == ("blue",)
    assert file.ports[PortName("s1", "s1-eth2")].trunk == ("blue", "red")
    assert file.ports[PortName("s1", "s1-eth2")].native == "blue"
    assert file.ports[PortName("s1", "s1-eth3")].networks == ("blue",)
    assert file.ports[PortName("s2", "eth0.100")].isolated
    assert file.unlisted_ports == "closed"
    assert file.apps == {"l2_learning": {"idle_timeout": 300, "weights": [1, 2.5, "x"]}, "other": {}}


@pytest.mark.parametrize(
    "text", ["{}", "networks:\n", "networks:\nbridges:\nports:\napps:\n", "networks: {default: }", "\ufeffports: {}"]
)
def test_what_is_left_out_has_its_default(text: str) -> None:
    file = parse(text, "n")
    assert file == NetworkFile()
    assert {name: network.vlan for name, network in file.networks.items()} == {"default": 1}
    assert file.unlisted_ports == "default"


def test_the_default_network_may_have_another_number_and_its_number_another_network() -> None:
    file = parse("networks: {default: {vlan: 7}, blue: {vlan: 1}}\nports: {s1/p: {trunk: [default, blue]}}", "n")
    assert {name: network.vlan for name, network in file.networks.items()} == {"default": 7, "blue": 1}


def test_a_bridge_that_is_not_listed_is_no_mistake() -> None:
    assert parse("ports: {elsewhere/p: {access: default}}", "n").ports


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("networks.blue", 6),
        ("networks.blue.vlan", 6),
        (("networks", "blue", "vlan"), 6),
        ("ports.s1/s1-eth2", 10),
        ("ports.s1/s1-eth2.trunk[1]", 11),
        (("ports", "s1/s1-eth2", "trunk", 1), 11),
        ("ports.s1/s1-eth2.native", 12),
        ("ports.s1/s1-eth2.isolated", 10),
        ('ports."s2/eth0.100"', 15),
        (("ports", "s2/eth0.100", "isolated"), 14),  # it stands at the anchor
        ("apps.l2_learning.weights[2]", 18),
        ("networks.default", 5),
        ("nothing.of.it", 0),
        ("", 0),
    ],
)
def test_lines(path: str, line: int) -> None:
    assert parse(TEXT, "n").line_of(path) == line


def test_a_caller_tells_problems_of_its_own_in_the_same_way() -> None:
    file = parse(TEXT, "n")
    assert str(file.problem("apps.other", "there is no app other")) == "n:19:3 apps.other: there is no app other"
    assert file.problem("apps.l2_learning.idle_timeout", "too much").column == 31
    assert file.problem(("ports", "s2/eth0.100"), "?").path == 'ports."s2/eth0.100"'


def test_the_file_is_frozen_and_where_things_stand_does_not_count() -> None:
    file = parse(TEXT, "n")
    with pytest.raises(ValidationError):
        file.unlisted_ports = "default"
    assert file == parse("\n\n" + TEXT, "other name")
    assert file != parse(TEXT.replace("vlan: 20", "vlan: 21"), "n")


def test_load(tmp_path: Path) -> None:
    path = tmp_path / "network.yaml"
    path.write_text(TEXT, encoding="utf-8")
    assert load(path) == parse(TEXT, "n")
    path.write_text("networks: {blue: {vlan: 0}}")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value) == f"{path}:1:25 networks.blue.vlan: 0 is not in 1..4094"


def test_load_says_why_it_cannot(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("networks: {}\n# ä Büro\n".encode("latin-1"))
    for path, why in (
        (tmp_path / "none.yaml", "none.yaml: cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "a\0b", "cannot be read: embedded null byte"),
        (latin, "latin.yaml:2:3: this is not UTF-8; save the file in that encoding"),
        (Path("/dev/zero"), "/dev/zero: is longer than 32 MiB; is it a network file?"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value).endswith(why)
