"""Random files: those that are right come back as they went in, those that are not raise ConfigError and nothing else."""

import random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.config import ConfigError, NetworkFile, parse

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True)
WORDS = st.from_regex(r"[^/\s\x00-\x1f\x7f-\xa0]{1,8}", fullmatch=True).filter(lambda text: all(c.isprintable() for c in text))
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@st.composite
def _ports(draw: st.DrawFn, networks: list[str]) -> dict[str, object]:
    port: dict[str, object] = {}
    kind = draw(st.sampled_from(["access", "trunk", "qinq"]))
    if kind == "trunk":
        trunk = draw(st.lists(st.sampled_from(networks), min_size=1, unique=True))
        port["trunk"] = trunk
        if draw(st.booleans()):
            port["native"] = draw(st.sampled_from(trunk))
    else:
        port[kind] = draw(st.sampled_from(networks))
    if draw(st.booleans()):
        port["isolated"] = draw(st.booleans())
    return port


@st.composite
def files(draw: st.DrawFn) -> dict[str, object]:
    """The data of a valid network file."""
    names = draw(st.lists(NAMES, max_size=5, unique=True))
    vlans = draw(st.lists(st.integers(2, 4094), min_size=5, max_size=5, unique=True))
    networks = {name: {"vlan": vlan, "description": draw(TEXTS)} for name, vlan in zip(names, vlans, strict=False)}
    ports = st.dictionaries(st.builds("{}/{}".format, WORDS, WORDS), _ports([*names, "default"]), max_size=4)
    dpids = draw(st.lists(st.integers(1, 2**64 - 1), max_size=3, unique=True))
    return {
        "networks": networks,
        "ports": draw(ports),
        "bridges": {f"s{n}": {"dpid": f"{dpid:#x}"} for n, dpid in enumerate(dpids)},
        "unlisted_ports": draw(st.sampled_from(["default", "closed"])),
        "apps": draw(st.dictionaries(NAMES, st.dictionaries(TEXTS, VALUES, max_size=3), max_size=2)),
    }


def quoted(data: object, flow: bool | None = False) -> str:
    """YAML in which all texts stand in quotes: PyYAML leaves them out where YAML 1.1 does not need them."""
    return yaml.dump(data, Dumper=Quoting, allow_unicode=True, sort_keys=False, default_flow_style=flow)


class Quoting(yaml.SafeDumper):
    """Quotes around every text, no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@settings(max_examples=60, deadline=None)
@given(files(), st.sampled_from([True, False, None]))
def test_a_valid_file_comes_back(data: dict[str, object], flow: bool | None) -> None:
    file = parse(quoted(data, flow), "n")
    assert file.apps == data["apps"]
    assert {f"{name}": port.networks for name, port in file.ports.items()} == {
        name: tuple(port.get("trunk") or [port.get("access") or port["qinq"]])
        for name, port in data["ports"].items()  # type: ignore[attr-defined]
    }
    again = parse(quoted(file.model_dump(mode="json", exclude_defaults=True)), "n")
    assert again == file
    assert NetworkFile.model_validate(file.model_dump(mode="json", exclude_defaults=True)) == file


PIECES = [
    *(
        "\t",
        "\n",
        " ",
        "  ",
        ":",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "#",
        "|",
        ">",
        "%",
        "@",
        "`",
        "\0",
        "\u2028",
        "\x85",
        "\r",
    ),
    *(
        "&a",
        "*a",
        "!",
        "!!str ",
        "---\n",
        "...\n",
        "<<: ",
        "? ",
        "on",
        "010",
        "1e3",
        "1:30",
        "null",
        "é",
        "😀",
        "networks",
        "trunk: []",
    ),
]


def mutated(text: str, seed: int) -> str:
    """A text with some random edits: characters and lines dropped, put in, moved."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 0, 1, 1, 2, 10]))
        piece = chance.choice([chance.choice(PIECES), "", text[end : end + 15]])
        text = text[:start] + piece + text[end:]
        if chance.random() < 0.2:
            lines = text.split("\n")
            chance.shuffle(lines)
            text = "\n".join(lines)
    return text


def check(text: str) -> None:
    """A text is a network file, or it is refused as it should be: problems in order, each on a line that the file has."""
    try:
        parse(text, "n")
    except ConfigError as error:
        problems, message = error.problems, str(error)
    else:
        return
    lines = max(len(text.splitlines()), 1)
    assert problems
    assert [p.line for p in problems] == sorted(p.line for p in problems)
    assert all(1 <= p.line <= lines and p.column >= 1 and p.text for p in problems)
    assert len(message.splitlines()) == len(problems)


@settings(max_examples=150, deadline=None)
@given(files(), st.sampled_from([True, False, None]), st.integers(0, 2**32))
def test_a_damaged_file_raises_nothing_but_config_error(data: dict[str, object], flow: bool | None, seed: int) -> None:
    check(mutated(quoted(data, flow), seed))


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("abc:{}[],&*!|>'\"%@# \n\t-?01\u2028😀"), max_size=40))
def test_noise_raises_nothing_but_config_error(text: str) -> None:
    check(text)


@settings(max_examples=100, deadline=None)
@given(VALUES, st.sampled_from(["networks", "ports", "bridges", "apps", "unlisted_ports"]), st.integers(0, 2))
def test_any_value_anywhere_raises_nothing_but_config_error(value: object, section: str, depth: int) -> None:
    for key in ("vlan", "blue")[:depth]:
        value = {key: value}
    check(quoted({section: value}))


@pytest.mark.parametrize("seed", range(200))
def test_a_damaged_example_raises_nothing_but_config_error(seed: int) -> None:
    text = (
        "bridges:\n  s1: {dpid: 0x1}\nnetworks:\n  blue: {vlan: 10}\n  red: {vlan: 20}\nports:\n"
        "  s1/a: {access: blue}\n  s1/b: {trunk: [blue, red], native: blue}\n  s1/c: &x {qinq: red, isolated: true}\n  s2/d: *x\n"
        "unlisted_ports: closed\napps:\n  l2_learning: {idle_timeout: 300}\n"
    )
    check(mutated(text, seed))
