"""The JSON Schema knows what the models know, and its examples are valid files."""

import json
import re

import yaml

from controller.config import parse, schema
from controller.config.schema import at


def test_it_is_json_and_the_callers_own() -> None:
    made = schema()
    assert json.loads(json.dumps(made)) == made
    made.clear()
    assert schema()["type"] == "object"


def test_every_key_is_described() -> None:
    made = schema()
    for place in (made, *made["$defs"].values()):
        for key, node in place["properties"].items():
            assert node.get("description"), key
        assert place["additionalProperties"] is False


def test_its_examples_are_valid_together() -> None:
    examples = {key: node["examples"][0] for key, node in schema()["properties"].items() if "examples" in node}
    assert examples.keys() == {"bridges", "hypervisors", "meshes", "networks", "ports", "links", "services", "apps"}
    assert parse(yaml.safe_dump(examples), "n").ports


def test_names_are_held_to_what_the_models_take() -> None:
    networks = schema()["properties"]["networks"]
    (pattern,) = networks["patternProperties"]
    assert networks["additionalProperties"] is False
    assert re.search(pattern, "blue")
    assert not re.search(pattern, "a b")
    assert not re.search(pattern, "default")
    assert networks["properties"]["default"]["required"] == []
    assert schema()["$defs"]["NetworkEntry"]["required"] == ["vlan"]


def test_one_kind_a_port() -> None:
    port = schema()["$defs"]["PortEntry"]
    assert [list(kind["required"]) for kind in port["oneOf"]] == [["access"], ["trunk"], ["qinq"]]
    assert port["dependencies"] == {"native": ["trunk"]}


def test_keys_lead_to_their_schema() -> None:
    assert at(("networks", "blue", "vlan"))["maximum"] == 4094
    assert at(("networks", "default", "vlan"))["maximum"] == 4094
    assert at(("ports", "s1/s1-eth1", "trunk", 0))["refers"] == "networks"
    assert at(("apps", "l2_learning", "anything", 3, "below")) == {}
