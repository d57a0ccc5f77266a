"""What a switch says of itself is read as os-ken reads it, whatever it says; the layouts are os-ken's too."""

from dataclasses import astuple
from struct import Struct, pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from os_ken.lib import mac
from os_ken.ofproto import ofproto_v1_3, ofproto_v1_4

from controller.openflow import codec
from controller.openflow.events import PortDesc
from tests.unit.openflow.peer import Peer, parsed

BOTH = pytest.mark.parametrize("version", [5, 4])
LAYOUTS = {5: ofproto_v1_4, 4: ofproto_v1_3}
BYTE, SHORT, NUMBER, LONG = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
FLAGS = st.sampled_from([0, 1, 2, 4]) | NUMBER  # each of the flags that matter is also drawn alone
ADDRESS = st.binary(min_size=6, max_size=6)


def text(most: int) -> st.SearchStrategy[str]:
    """Text that has room in a field of so many bytes; no NUL in it, which ends it."""
    letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    return st.text(letters, max_size=most).filter(lambda words: len(words.encode()) <= most)


def body(layout: str, *values: Any) -> bytes:
    """Packed by a layout of os-ken's."""
    return Struct(layout).pack(*values)


def part(version: int, kind: int, content: bytes) -> bytes:
    """A multipart reply of one part."""
    return codec.message(version, codec.MULTIPART_REPLY, 9, pack("!HH4x", kind, 0) + content)


@BOTH
@given(said=st.tuples(LONG, NUMBER, BYTE, BYTE, NUMBER))
def test_features(version, said):
    message = codec.message(version, codec.FEATURES_REPLY, 9, body(LAYOUTS[version].OFP_SWITCH_FEATURES_PACK_STR, *said, 0))
    other = parsed(Peer(version), message)
    assert codec.read_features(message) == (other.datapath_id, other.n_tables, other.auxiliary_id, other.capabilities)
    assert other.datapath_id == said[0]


@BOTH
@given(said=st.tuples(text(256), text(256), text(256), text(32), text(256)))
def test_description(version, said):
    packed = body(LAYOUTS[version].OFP_DESC_PACK_STR, *(words.encode() for words in said))
    message = part(version, codec.MP_DESC, packed)
    assert tuple(words.encode() for words in astuple(codec.read_description(message))) == tuple(
        parsed(Peer(version), message).body
    )


@BOTH
@given(said=st.tuples(NUMBER, NUMBER, NUMBER, BYTE, BYTE))
def test_meter_features(version, said):
    message = part(version, codec.MP_METER_FEATURES, body(LAYOUTS[version].OFP_METER_FEATURES_PACK_STR, *said))
    (other,) = parsed(Peer(version), message).body
    assert codec.read_meter_features(message) == (other.max_meter, other.max_bands)


@BOTH
@given(role=st.integers(0, 3), generation=LONG)
def test_role(version, role, generation):
    message = codec.message(version, codec.ROLE_REPLY, 9, body(LAYOUTS[version].OFP_ROLE_REQUEST_PACK_STR, role, generation))
    read, other = codec.read_role(message), parsed(Peer(version), message)
    assert (codec.ROLES.index(read.role), read.generation) == (other.role, other.generation_id) == (role, generation)


# ---------------------------------------------------------------- ports

ETHERNET = st.tuples(*[NUMBER] * 6).map(lambda said: body(ofproto_v1_4.OFP_PORT_DESC_PROP_ETHERNET_PACK_STR, 0, 32, *said))
OPTICAL = st.tuples(*[NUMBER] * 7, SHORT, SHORT).map(
    lambda said: body(ofproto_v1_4.OFP_PORT_DESC_PROP_OPTICAL_PACK_STR, 1, 40, *said)
)
PROPERTIES = st.lists(OPTICAL, max_size=2).flatmap(
    lambda others: st.lists(ETHERNET, max_size=1).flatmap(lambda ethernet: st.permutations(others + ethernet).map(b"".join))
)


@st.composite
def ports(draw: st.DrawFn, version: int) -> bytes:
    """A port as a switch of this version describes it."""
    number, address, name = draw(NUMBER), draw(ADDRESS), draw(text(16)).encode()
    config, state = draw(FLAGS), draw(FLAGS)
    if version == 4:
        speeds = draw(st.tuples(*[NUMBER] * 6))
        return body(ofproto_v1_3.OFP_PORT_PACK_STR, number, address, name, config, state, *speeds)
    properties = draw(PROPERTIES)
    fixed = number, 40 + len(properties), address, name, config, state
    return body(ofproto_v1_4.OFP_PORT_PACK_STR, *fixed) + properties


def same(ours: PortDesc, other: Any, version: int) -> None:
    """Both read the same of a port."""
    assert (ours.port, ours.name.encode(), ours.mac) == (other.port_no, other.name, mac.haddr_to_bin(other.hw_addr))
    layout = LAYOUTS[version]
    assert ours.up == (not other.config & layout.OFPPC_PORT_DOWN and not other.state & layout.OFPPS_LINK_DOWN)
    ethernet = [other] if version == 4 else [known for known in other.properties if known.type == layout.OFPPDPT_ETHERNET]
    assert (ours.speed or 0) == sum(known.curr_speed * 1000 for known in ethernet)


@BOTH
@given(data=st.data())
def test_ports(version, data):
    described = data.draw(st.lists(ports(version), max_size=4))
    message = part(version, codec.MP_PORT_DESC, b"".join(described))
    others = parsed(Peer(version), message).body
    assert len(others) == len(described)
    for ours, other in zip(codec.read_ports(message), others, strict=True):
        same(ours, other, version)


@BOTH
@given(data=st.data(), reason=st.integers(0, 2))
def test_port_status(version, data, reason):
    message = codec.message(version, codec.PORT_STATUS, 9, pack("!B7x", reason) + data.draw(ports(version)))
    ours, other = codec.read_port_status(message), parsed(Peer(version), message)
    layout = LAYOUTS[version]
    reasons = {layout.OFPPR_ADD: "add", layout.OFPPR_DELETE: "delete", layout.OFPPR_MODIFY: "modify"}
    assert ours.reason == reasons[other.reason]
    same(ours.port, other.desc, version)
