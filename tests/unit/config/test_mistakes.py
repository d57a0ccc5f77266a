"""Every mistake in a network file is told, where it stands, in words that help: a text, and the lines that it gives."""

import pytest

from controller.config import ConfigError, parse

BLUE_AND_RED = "networks: {blue: {vlan: 10}, red: {vlan: 20}}\n"
OF_DEFAULT = "1 is the VLAN id of default, which is always there (give it another one, or take another one here)"
NO_DPID = "write it as 0x1, or as 16 hexadecimal digits in quotes"

SHAPE = {
    "vlan-range": (
        "networks:\n  blue:\n    vlan: 4096\n",
        "n:3:11 networks.blue.vlan: 4096 is not in 1..4094",
    ),
    "vlan-zero": ("networks: {blue: {vlan: 0}}", "n:1:25 networks.blue.vlan: 0 is not in 1..4094"),
    "vlan-text": ("networks: {blue: {vlan: ten}}", "n:1:25 networks.blue.vlan: ten is text; a whole number belongs here"),
    "vlan-quoted": (
        'networks: {blue: {vlan: "10"}}',
        "n:1:25 networks.blue.vlan: 10 is text; a whole number belongs here: leave out the quotes",
    ),
    "vlan-bool": (
        "networks: {blue: {vlan: true}}",
        "n:1:25 networks.blue.vlan: true is true or false; a whole number belongs here",
    ),
    "vlan-fraction": (
        "networks: {blue: {vlan: 10.0}}",
        "n:1:25 networks.blue.vlan: 10.0 is a number with a fraction; a whole number belongs here",
    ),
    "vlan-nothing": (
        "networks: {blue: {vlan: }}",
        "n:1:19 networks.blue.vlan: nothing stands here; a whole number belongs here",
    ),
    "vlan-missing": (
        "networks:\n  blue: {}\n",
        "n:2:3 networks.blue: vlan is missing: a number in 1..4094, like vlan: 10",
    ),
    "key-at-the-top": ("network: {}", "n:1:1 network: there is no key network here; did you mean networks?"),
    "key-like-nothing": (
        "x: {}",
        "n:1:1 x: there is no key x here; there are bridges, hypervisors, meshes, networks, ports, unlisted_ports, "
        "links, services, apps",
    ),
    "link-cost": (
        "links: {s1/p: {cost: 0}, s2/p: {cost: 200000001}, s3/p: {}, s4: {cost: fast}}",
        "n:1:22 links.s1/p.cost: 0 is not in 1..200000000",
        "n:1:39 links.s2/p.cost: 200000001 is not in 1..200000000",
        "n:1:51 links.s3/p: cost is missing: a number in 1..200000000, like cost: 100",
        "n:1:61 links.s4: s4 is no port; write it as BRIDGE/INTERFACE, like s1/s1-eth1",
        "n:1:72 links.s4.cost: fast is text; a whole number belongs here",
    ),
    "key-below": (
        "networks: {blue: {vlan: 1O, vlna: 10}}",
        "n:1:25 networks.blue.vlan: 1O is text; a whole number belongs here",
        "n:1:29 networks.blue.vlna: there is no key vlna here; did you mean vlan?",
    ),
    "section-is-a-list": (
        "networks:\n- blue\nports: {s1/p: {access: blue}}",
        "n:1:1 networks: this is a list; a mapping, like {blue: {description: cameras, vlan: 10}, red: {vlan: 20}}, belongs here",
    ),
    "file-is-a-list": ("- networks", "n:1:1: this is a list; a mapping, like {key: value}, belongs here"),
    "no-space-after-the-colon": (
        "networks:{}",
        "n:1:1: networks:{} is text; a mapping belongs here: is a space missing after the colon?",
    ),
    "no-space-in-braces": (
        BLUE_AND_RED + "ports: {s1/p: {access:blue}}",
        "n:2:16 ports.s1/p.access:blue: there is no key access:blue here; is a space missing after the colon?",
    ),
    "default-is-a-number": (
        "networks: {default: 0}",
        "n:1:21 networks.default: 0 is a whole number; a mapping, like {key: value}, belongs here",
    ),
    "unlisted": ("unlisted_ports: close", "n:1:17 unlisted_ports: close is not known here; did you mean closed?"),
    "unlisted-list": ("unlisted_ports: [x]", "n:1:1 unlisted_ports: this is a list; one of default, closed belongs here"),
    "network-name": (
        "networks: {a b: {vlan: 2}}",
        'n:1:12 networks."a b": a b is no name for a network; '
        "take up to 63 letters, digits, _ . or -, the first a letter or digit",
    ),
    "bridge-name": ("bridges: {a/b: }", "n:1:11 bridges.a/b: a/b is no name of a bridge; it has no slash and no space"),
    "port-name": (
        BLUE_AND_RED + "ports: {s1-eth1: {access: blue}}",
        "n:2:9 ports.s1-eth1: s1-eth1 is no port; write it as BRIDGE/INTERFACE, like s1/s1-eth1",
    ),
    "trunk-is-one": (
        BLUE_AND_RED + "ports: {s1/p: {trunk: blue}}",
        "n:2:23 ports.s1/p.trunk: blue is text; a list belongs here: [blue]",
    ),
    "trunk-is-empty": (
        BLUE_AND_RED + "ports: {s1/p: {trunk: []}}",
        "n:2:16 ports.s1/p.trunk: the list is empty; name at least one network",
    ),
    "isolated-is-a-number": (
        BLUE_AND_RED + "ports: {s1/p: {access: blue, isolated: 1}}",
        "n:2:40 ports.s1/p.isolated: 1 is a whole number; true or false belongs here",
    ),
    "description-is-a-number": (
        "networks: {blue: {vlan: 2, description: 7}}",
        'n:1:41 networks.blue.description: 7 is a whole number; text belongs here: "7" in quotes is text',
    ),
    "network-by-number": (
        BLUE_AND_RED + "ports: {s1/p: {access: 10}}",
        'n:2:24 ports.s1/p.access: 10 is a number; networks go by their name ("10" in quotes if that is it)',
    ),
}

TOGETHER = {
    "unknown-network": (
        BLUE_AND_RED + "ports: {s1/p: {access: bleu}}",
        "n:2:24 ports.s1/p.access: there is no network bleu; did you mean blue?",
    ),
    "unknown-like-nothing": (
        BLUE_AND_RED + "ports: {s1/p: {qinq: zoo}}",
        "n:2:22 ports.s1/p.qinq: there is no network zoo; there are blue, default, red",
    ),
    "unknown-in-a-trunk": (
        BLUE_AND_RED + "ports: {s1/p: {trunk: [blue, rde]}}",
        "n:2:30 ports.s1/p.trunk[1]: there is no network rde; did you mean red?",
    ),
    "unknown-beside-a-wrong-type": (
        BLUE_AND_RED + "ports: {s1/p: {isolated: x, access: blu}}",
        "n:2:26 ports.s1/p.isolated: x is text; true or false belongs here",
        "n:2:37 ports.s1/p.access: there is no network blu; did you mean blue?",
    ),
    "one-vlan-for-two": (
        "networks:\n  blue: {vlan: 10}\n  red: {vlan: 0xa}\n",
        "n:3:15 networks.red.vlan: 10 is the VLAN id of blue (line 2)",
    ),
    "vlan-of-default": (
        "networks: {default: {}, blue: {vlan: 1}}",
        f"n:1:38 networks.blue.vlan: {OF_DEFAULT}",
    ),
    "vlan-of-default-given": (
        "networks: {default: {vlan: 5}, blue: {vlan: 5}}",
        "n:1:45 networks.blue.vlan: 5 is the VLAN id of default (line 1)",
    ),
    "native-not-in-trunk": (
        BLUE_AND_RED + "ports: {s1/p: {native: red, trunk: [blue, default]}}",
        "n:2:24 ports.s1/p.native: red is not in trunk: [blue, default]; untagged frames join one of these",
    ),
    "native-without-trunk": (
        BLUE_AND_RED + "ports: {s1/p: {native: red}}",
        "n:2:16 ports.s1/p.native: native goes with trunk; a port without tags is access",
    ),
    "native-with-qinq": (
        BLUE_AND_RED + "ports: {s1/p: {qinq: red, native: red}}",
        "n:2:27 ports.s1/p.native: native goes with trunk; a qinq port takes frames with and without tags",
    ),
    "access-and-trunk": (
        BLUE_AND_RED + "ports: {s1/p: {access: blue, trunk: [red]}}",
        "n:2:30 ports.s1/p.trunk: trunk does not go together with access: a port has one of access, trunk, qinq",
    ),
    "all-three": (
        BLUE_AND_RED + "ports: {s1/p: {qinq: blue, trunk: [red], access: red}}",
        "n:2:28 ports.s1/p.trunk: trunk does not go together with qinq: a port has one of access, trunk, qinq",
        "n:2:42 ports.s1/p.access: access does not go together with qinq: a port has one of access, trunk, qinq",
    ),
    "no-network": (
        "ports:\n  s1/p: {isolated: true}\n  s1/q:\n  s1/r: {}\n",
        "n:2:3 ports.s1/p: the port is in no network; write access: NETWORK, trunk: [NETWORK, ...] or qinq: NETWORK",
        "n:3:3 ports.s1/q: the port is in no network; write access: NETWORK, trunk: [NETWORK, ...] or qinq: NETWORK",
        "n:4:3 ports.s1/r: the port is in no network; write access: NETWORK, trunk: [NETWORK, ...] or qinq: NETWORK",
    ),
    "trunk-twice": (
        BLUE_AND_RED + "ports: {s1/p: {trunk: [blue, red, blue]}}",
        "n:2:35 ports.s1/p.trunk[2]: blue is listed twice",
    ),
    "port-twice": (
        BLUE_AND_RED + "ports:\n  s1/p: {access: blue}\n  s1/p: {access: red}\n",
        "n:4:3 ports.s1/p: s1/p is given twice; the first is in line 3",
    ),
    "dpid-twice": (
        'bridges:\n  a: {dpid: 0x2}\n  b: {dpid: "00:00:00:00:00:00:00:02"}\n  c: {dpid: 2}\n',
        "n:3:13 bridges.b.dpid: 00:00:00:00:00:00:00:02 is the datapath id of a (line 2)",
        "n:4:13 bridges.c.dpid: 2 is the datapath id of a (line 2)",
    ),
    "dpid-zero": (
        "bridges: {a: {dpid: 0}}",
        f"n:1:21 bridges.a.dpid: 0 is no datapath id: it has 64 bits and is not 0; {NO_DPID}",
    ),
    "dpid-name": (
        "bridges: {a: {dpid: s1}}",
        f"n:1:21 bridges.a.dpid: s1 is no datapath id; {NO_DPID}",
    ),
    "dpid-decimal": (
        "bridges: {a: {dpid: 1000000000000010}}",
        'n:1:21 bridges.a.dpid: 1000000000000010 is a decimal number; a datapath id is "1000000000000010" in quotes',
    ),
}

YAML = {
    "empty": ("", "n:1:1: the file is empty; write at least `networks: {}`: nothing but the default network"),
    "comments": ("# soon\n", "n:1:1: the file is empty; write at least `networks: {}`: nothing but the default network"),
    "bracket": (
        "ports: {s1/p: {trunk: [blue}}",
        'n:1:28: a "," or "]" is missing: the "[" stands in line 1, column 23',
    ),
    "brace": ("a: {b: 1\n", 'n:1:9: a "," or "}" is missing: the "{" stands in line 1, column 4'),
    "quote": ("a: 'x\nb: 1\n", "n:2:5: the quote that begins in line 1, column 4 is never closed"),
    "tab": ("networks:\n\tblue: {}\n", "n:2:1: a tab; YAML is indented by spaces"),
    "tab-below-a-value": ("networks:\n  a:\n    vlan: 5\n  \tmesh: x\n", "n:4:3: a tab; YAML is indented by spaces"),
    "tab-in-text": ("networks:\n  a:\n    description: |\n\tx\n    vlan: 5\n", "n:4:1: a tab; YAML is indented by spaces"),
    "at-sign": ("networks: @x\n", 'n:1:11: a value that begins with @ needs quotes: "@..."'),
    "colon": (
        "networks: {}: {}\n",
        'n:1:13: a ":" that does not belong here; quote text with ": " in it, start keys of a mapping in one column',
    ),
    "indentation": (
        "networks:\n    blue: {vlan: 10}\n  red: {vlan: 20}\n",
        "n:3:3: a key is expected here; is the line indented unlike its neighbours, or a bracket closed early?",
    ),
    "dash": (
        "ports: - s1/p\n",
        'n:1:8: a "- " that does not belong here; a list begins in a line of its own, or is written [a, b]',
    ),
    "star": ("bridges: {s*: *}", "n:1:16: & and * begin the name of an anchor; put text that begins with one in quotes"),
    "after-other-mistakes": (
        "networks: {blue: {vlan: 010}}\nports: [\n",
        'n:1:25 networks.blue.vlan: 010 is 8 to some readers of YAML and 10 to others; write the number out, or "010" for text',
        "n:2:9: a value is expected here",
    ),
    "control-character": ("networks: {}\n# \x07\n", "n:2:3: the character U+0007 may not stand in a YAML file"),
    "surrogate": ("\ud800", "n:1:1: the character U+D800 may not stand in a YAML file"),
    "two-documents": ("networks: {}\n---\nports: {}\n", "n:2:1: a second document begins here; a network file is one"),
    "tag": ("networks: !!map {}", "n:1:11 networks: !!map is a tag, and tags have no meaning here; leave it out"),
    "python-tag": (
        "networks: !!python/object/apply:os.system [ls]",
        "n:1:11 networks: !!python/object/apply:os.system is a tag, and tags have no meaning here; leave it out",
    ),
    "merge": (
        BLUE_AND_RED + "ports:\n  s1/p: &p {access: blue}\n  s1/q: {<<: *p, isolated: true}\n",
        "n:4:10 ports.s1/q: << (merge) is not known here; write the keys out",
    ),
    "alias-of-nothing": (BLUE_AND_RED + "ports: {s1/p: *p}", "n:2:15 ports.s1/p: *p names nothing that stands before it"),
    "alias-of-itself": ("apps: {a: &a {b: *a}}", "n:1:18 apps.a.b: *a stands inside of what it names"),
    "key-is-a-list": (
        "networks: {? [a] : {vlan: 2}}",
        "n:1:14 networks: a key is text; here is a list, a mapping or an alias in its place",
    ),
    "key-is-a-number": ("networks: {30: {vlan: 30}}", 'n:1:12 networks: 30 is no text, and a key is; write "30"'),
    "key-is-missing": ("networks:\n  ?\n  : {vlan: 30}\n", 'n:2:4 networks: the key in front of ":" is missing'),
    "key-has-two-readings": (
        "networks: {no: {vlan: 30}}",
        'n:1:12 networks: no is false to some readers of YAML and text to others; write "no"',
    ),
    "deep": ("[" * 100_000, "n:1:22 [0][0][0]: this is more than 20 levels deep"),
    "value-on": (
        BLUE_AND_RED + "ports: {s1/p: {access: blue, isolated: on}}",
        'n:2:40 ports.s1/p.isolated: on is true to some readers of YAML and text to others; write true, or "on" for text',
    ),
    "value-in-a-list": (
        BLUE_AND_RED + "ports: {s1/p: {trunk: [no, blu]}}",
        'n:2:24 ports.s1/p.trunk[0]: no is false to some readers of YAML and text to others; write false, or "no" for text',
        "n:2:28 ports.s1/p.trunk[1]: there is no network blu; did you mean blue?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", [*SHAPE.values(), *TOGETHER.values(), *YAML.values()], ids=[*SHAPE, *TOGETHER, *YAML])
def test_a_mistake_is_told(case: tuple[str, ...]) -> None:
    text, *expected = case
    with pytest.raises(ConfigError) as caught:
        parse(text, "n")
    assert str(caught.value).splitlines() == expected


def test_all_are_told_in_the_order_of_the_file() -> None:
    text = "unlisted_ports: x\nports: {s1/p: {access: a}, p: {}}\nnetworks: {b: {vlan: 9999, c: 1}}\nbridges: {d: {dpid: off}}\n"
    with pytest.raises(ConfigError) as caught:
        parse(text, "n")
    assert [p.path for p in caught.value.problems] == [
        "unlisted_ports",
        "ports.s1/p.access",
        "ports.p",
        "ports.p",
        "networks.b.vlan",
        "networks.b.c",
        "bridges.d.dpid",
    ]


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["apps:", "  a0: &a0 {x: [1, 2, 3, 4, 5, 6, 7, 8, 9]}"]
    lines += [f"  a{n}: &a{n} {{x: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="this holds more than 1000000 values or 20 levels"):
        parse("\n".join(lines), "n")


def test_aliases_that_nest_are_stopped() -> None:
    lines = ["apps:", "  a0: &a0 {x: 1}", *(f"  a{n}: &a{n} {{x: *a{n - 1}}}" for n in range(1, 5000))]
    with pytest.raises(ConfigError, match="this holds more than 1000000 values or 20 levels"):
        parse("\n".join(lines), "n")


def test_a_long_value_is_cut_and_stays_on_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        parse('unlisted_ports: "' + "a\\n" * 100 + '"', "n")
    assert len(str(caught.value)) < 200
    assert len(str(caught.value).splitlines()) == 1
