"""Foreign actions in os-ken's words."""

from struct import pack

from controller.openflow.words import in_words
from controller.pipeline.text import actions_text

CT = pack("!HHIHHIHB3xH", 0xFFFF, 24, 0x2320, 35, 3, 0, 5, 60, 0)  # force, which weft never says


def test_an_action_that_weft_does_not_write_is_named() -> None:
    text = in_words("CONTROLLER:128," + actions_text(CT))
    assert text.startswith("CONTROLLER:128,NXActionCT(")
    assert "recirc_table=60" in text
    assert "zone_ofs_nbits=5" in text


def test_what_nobody_knows_stays_hexadecimal() -> None:
    assert in_words("raw(fffe0008000000ff),drop") == "raw(fffe0008000000ff),drop"
