"""Commands and options that the documentation names exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.cli.assembly import COMMANDS
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"(?:^[$#] |`|do |/bin/)weft ([a-z][a-z-]*)([^\n`#|;]*)", re.MULTILINE)
OPTION = re.compile(r"(?<=\s)--?[a-zA-Z][a-z-]*")


def commands() -> Iterator[tuple[str, str, str]]:
    """Page, command and the rest of the line, for each command that a page shows."""
    for page in PAGES:
        for found in COMMAND.finditer(page.read_text().replace("\\\n", " ")):
            yield page.name, found[1], found[2]


def test_there_are_commands_to_check() -> None:
    assert {name for _page, name, _rest in commands()} == set(COMMANDS)


def test_commands_and_options_exist(weft: Weft) -> None:
    helps = {name: weft(name, "--help").out for name in COMMANDS}
    helps["app"] += "".join(weft("app", name, "--help").out for name in ("list", "enable", "disable"))
    helps["service"] += "".join(weft("service", name, "--help").out for name in ("drain", "undrain"))
    helps["config"] += "".join(weft("config", name, "--help").out for name in ("check", "schema"))
    wrong = [
        f"{page}: weft {name} {option}"
        for page, name, rest in commands()
        for option in OPTION.findall(rest)
        if not re.search(rf"(^|[\s,]){re.escape(option)}\b", helps[name])
    ]
    assert wrong == []


def test_links_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists() and not target.endswith(".png")
    ]
    assert broken == []


def anchors(page: Path) -> set[str]:
    """What may stand behind # in a link to a page: its headings as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_a_heading() -> None:
    broken = [
        f"{page.name}: {target}#{anchor}"
        for page in PAGES
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text())
        if anchor not in anchors(page.parent / target if target else page)
    ]
    assert broken == []
