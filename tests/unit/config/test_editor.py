"""What an editor says of a network file by its JSON Schema alone: nothing of right ones, and the place of a mistake."""

from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from controller.config import schema
from tests.unit.config.test_page import blocks

RIGHT = """
bridges: {s1: {dpid: 0x1}}
networks:
  blue: {vlan: 10, description: cameras}
  red: {vlan: 20}
  default:
ports:
  s1/s1-eth1: {access: blue}
  s1/s1-eth2: {trunk: [blue, red], native: blue}
  s1/s1-eth3: {qinq: red, isolated: true}
unlisted_ports: closed
apps: {l2_learning: {idle_timeout: 60}}
"""
WRONG = [
    ("vlan: 20", "vlan: 4096", "networks/red/vlan"),
    ("vlan: 20", "vlan: ten", "networks/red/vlan"),
    ("{vlan: 20}", "{}", "networks/red"),
    ("vlan: 20", "vlan: 20, vlam: 1", "networks/red"),
    ("  red: {", "  'a b': {", "networks"),
    ("s1/s1-eth1:", "s1-eth1:", "ports"),
    ("{access: blue}", "{acess: blue}", "ports/s1/s1-eth1"),
    ("{access: blue}", "{access: blue, qinq: red}", "ports/s1/s1-eth1"),
    ("{access: blue}", "{access: blue, native: blue}", "ports/s1/s1-eth1"),
    ("[blue, red]", "[]", "ports/s1/s1-eth2/trunk"),
    ("[blue, red]", "blue", "ports/s1/s1-eth2/trunk"),
    ("isolated: true", "isolated: maybe", "ports/s1/s1-eth3/isolated"),
    ("closed", "shut", "unlisted_ports"),
    ("dpid: 0x1", "dpid: 0", "bridges/s1/dpid"),
    ("apps:", "app:", ""),
    ("{l2_learning: {", "{l2_learning: 7, x: {", "apps/l2_learning"),
]


def said(text: str) -> list[str]:
    """Where an editor draws its lines."""
    return ["/".join(map(str, error.absolute_path)) for error in Draft7Validator(schema()).iter_errors(yaml.safe_load(text))]


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(schema())


@pytest.mark.parametrize("text", [RIGHT, *blocks("yaml")])
def test_right_files_are_right(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(("old", "new", "place"), WRONG, ids=[new for _, new, _ in WRONG])
def test_a_mistake_is_marked_where_it_is(old: str, new: str, place: Any) -> None:
    assert old in RIGHT
    assert place in said(RIGHT.replace(old, new, 1))
