"""Errors in words."""

from struct import pack

import pytest

from controller.openflow.errors import ONF, describe, read_error, said_text


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        (2, 9, "OFPBAC_BAD_OUT_GROUP: the group does not exist"),
        (4, 9, "OFPBMC_BAD_PREREQ: a field needs another one in front of it (eth_type, ip_proto, vlan_vid)"),
        (12, 2, "OFPMMFC_INVALID_METER: the meter id is not valid (is it above the highest that the switch has?)"),
        (17, 13, "OFPBFC_MSG_FAILED: a message in the bundle was refused"),
        (99, 1, "error type 99 code 1: the switch refused it"),
        (2, 99, "error type 2 code 99: the switch refused it"),
    ],
)
def test_a_type_and_code_become_a_name_and_a_sentence(kind, code, text):
    assert str(describe(kind, code)) == text


def test_bundle_errors_of_1_3_get_the_names_of_1_4():
    message = bytes(8) + pack("!HHI", 0xFFFF, 2313, ONF)
    assert read_error(message) == describe(17, 13)


def test_extensions_of_nicira_and_of_strangers():
    assert describe(0xFFFF, 15, 0x2320).name == "NXBAC_BAD_CONJUNCTION"
    assert str(describe(0xFFFF, 7, 0xABCD)) == "experimenter error 0xabcd/7: the switch refused it"


def test_the_text_of_a_refused_hello():
    assert said_text(bytes(12) + b"we support 0x01 only\0\0") == "we support 0x01 only"
    assert said_text(bytes(12) + b"\x07\x08") == ""
