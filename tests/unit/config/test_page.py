"""What the pages about the network file show is true: files are valid, the wrong one gives the errors that stand below it."""

import re
from pathlib import Path

import pytest

from controller.config import ConfigError, parse, schema

DOCS = Path(__file__).parents[3] / "docs"
PAGE, OPTIONS = ((DOCS / name).read_text(encoding="utf-8") for name in ("network-file.md", "configuration.md"))


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("yaml") + blocks("yaml", OPTIONS))
def test_its_files_are_valid(text: str) -> None:
    assert parse(text, "network.yaml")


def test_its_errors_are_those_you_get() -> None:
    (wrong,), (errors,) = blocks("yaml wrong"), blocks("text")
    with pytest.raises(ConfigError) as caught:
        parse(wrong, "network.yaml")
    assert str(caught.value) == errors.rstrip("\n")


def test_every_key_is_on_it() -> None:
    made = schema()
    keys = {key for place in (made, *made["$defs"].values()) for key in place["properties"]}
    assert {key for key in keys if f"| `{key}` |" not in PAGE} == set()
