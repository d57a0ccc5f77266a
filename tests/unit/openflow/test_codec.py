"""The rare messages."""

from struct import pack

import pytest

from controller.openflow import codec
from controller.openflow.errors import ProtocolError
from controller.openflow.handshake import negotiate


def port(config: int = 0, state: int = 0, properties: bytes = b"", size: int = 0, name: bytes = b"eth7\0rest") -> bytes:
    """A port description reply with one port."""
    body = pack("!IH2x6s2x16sII", 7, size or 40 + len(properties), b"\2\0\0\0\0\7", name, config, state) + properties
    return codec.multipart(5, codec.MP_PORT_DESC, 1, body).replace(b"\5\x12", b"\5\x13", 1)


@pytest.mark.parametrize(("config", "state", "up"), [(0, 0, True), (1, 0, False), (0, 1, False), (0, 4, True), (0x20, 0, True)])
def test_a_port_is_up_when_it_may_be_and_has_a_carrier(config, state, up):
    (described,) = codec.read_ports(port(config, state))
    assert (described.port, described.name, described.mac, described.up) == (7, "eth7", b"\2\0\0\0\0\7", up)
    assert described.speed is None


def test_the_speed_stands_in_the_ethernet_property_wherever_that_is():
    optical, ethernet = pack("!HH36x", 1, 40), pack("!HH4xIIIIII", 0, 32, 0, 0, 0, 0, 1_000_000, 0)
    (described,) = codec.read_ports(port(properties=optical + ethernet))
    assert described.speed == 10**9


@pytest.mark.parametrize("properties", [pack("!HH", 0, 0) + bytes(28), pack("!HH", 0, 2) + bytes(4)])
def test_a_property_of_an_impossible_length_is_refused_not_followed_for_ever(properties):
    with pytest.raises(ValueError, match=r"\w"):
        codec.read_ports(port(properties=properties))


@pytest.mark.parametrize("size", [1, 39, 41])
def test_a_port_of_an_impossible_size_is_refused(size):
    with pytest.raises(ValueError, match="a port of"):
        codec.read_ports(port(size=size))


def test_a_port_of_no_size_is_refused_not_read_for_ever():
    reply = port()
    with pytest.raises(ValueError, match="a port of 0 bytes"):
        codec.read_ports(reply[:20] + bytes(2) + reply[22:])


def test_a_name_that_is_no_text_does_no_harm():
    (described,) = codec.read_ports(port(name=b"\xff\xfe"))
    assert described.name == "\ufffd\ufffd"


@pytest.mark.parametrize(("version", "named"), [(1, "1.0"), (2, "1.1"), (3, "1.2")])
def test_an_old_version_is_refused_by_its_name(version, named):
    with pytest.raises(ProtocolError, match=f"offers OpenFlow {named} but"):
        negotiate(bytes((version, 0, 0, 8, 0, 0, 0, 1)))


def test_a_bitmap_without_our_versions_is_refused_whatever_the_header_says():
    with pytest.raises(ProtocolError, match=r"offers OpenFlow 1\.5 but"):
        negotiate(pack("!BBHIHHI", 6, 0, 16, 1, 1, 8, 1 << 6))


def test_a_role_that_is_none_is_refused():
    with pytest.raises(ValueError, match="9 is not a role"):
        codec.read_role(pack("!BBHI", 5, codec.ROLE_REPLY, 24, 1) + pack("!I4xQ", 9, 0))
