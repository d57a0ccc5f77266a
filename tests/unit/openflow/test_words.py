"""Foreign actions in os-ken's words."""

from struct import pack

from controller.openflow.words import in_words
from controller.pipeline.text import actions_text

FIN_TIMEOUT = pack("!HHIHHH2x", 0xFFFF, 16, 0x2320, 19, 7, 90)


def test_an_action_that_weft_does_not_write_is_named() -> None:
    text = in_words("CONTROLLER:128," + actions_text(FIN_TIMEOUT))
    assert text.startswith("CONTROLLER:128,NXActionFinTimeout(")
    assert "fin_idle_timeout=7" in text
    assert "fin_hard_timeout=90" in text


def test_what_nobody_knows_stays_hexadecimal() -> None:
    assert in_words("raw(fffe0008000000ff),drop") == "raw(fffe0008000000ff),drop"
