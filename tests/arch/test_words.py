"""Words that must be nowhere in the checkout: unfinished work, places that only one machine has, registries by name."""

import re

import pytest

from tests.arch.source import ROOT, files

# Each in two parts, so that this file does not hold what it looks for.
FORBIDDEN = re.compile(
    "|".join(
        [
            r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b",
            r"(?<![\w.])/wo" + r"rk/",
            r"\b(?:files\.)?python" + r"hosted\.org",
            r"\bpyp" + r"i\.org",
            r"\bregistry\.npm" + r"js\.org",
            r"\bdeb\.deb" + r"ian\.org",
            r"\barchive\.ubun" + r"tu\.com",
            r"\b(?:issue|ticket) ?#?" + r"\d+\b",
        ]
    )
)


def found_in(text: str) -> list[str]:
    return [match.group() for match in FORBIDDEN.finditer(text)]


def test_no_file_holds_a_forbidden_word() -> None:
    found = {}
    for file in files():
        try:
            words = found_in(file.read_text())
        except UnicodeDecodeError:
            continue  # a picture
        if words:
            found[str(file.relative_to(ROOT))] = words
    assert found == {}


@pytest.mark.parametrize(
    "text", ["# TO" + "DO: later", "cd /wo" + "rk/main", "https://pyp" + "i.org/simple", "see iss" + "ue #12"]
)
def test_a_forbidden_word_is_found(text: str) -> None:
    assert len(found_in(text)) == 1


@pytest.mark.parametrize("text", ["PyPI", "/network/", "no issue", "the work/home split"])
def test_other_words_are_not(text: str) -> None:
    assert found_in(text) == []
