"""The code of docs/writing-an-app.md runs, and gives the flows that the page shows."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.app import App
from controller.model import Host, Mac, Metered, PacketIn, PortRole
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps

PAGE = Path(__file__).parents[2] / "docs" / "writing-an-app.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ARP_REQUEST = bytes.fromhex("ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002")


def blocks() -> list[tuple[str, str]]:
    """Language and text of each block of the page, in order."""
    return [(found[1], found[2]) for found in BLOCK.finditer(PAGE.read_text())]


def programs() -> Iterator[tuple[dict[str, Any], list[list[str]]]]:
    """Each app of the page, run as a module, with the lists of flows that follow it."""
    found = blocks()
    for at, (language, text) in enumerate(found):
        if language == "python" and text.startswith('"""'):
            module: dict[str, Any] = {"__name__": f"page_{at}"}
            exec(compile(text, PAGE.name, "exec"), module)
            shown = []
            for following, lines in found[at + 1 :]:
                if following == "python" or not lines.startswith("POLICY"):
                    break
                shown.append(lines.splitlines())
            yield module, shown


@pytest.fixture(scope="module")
def page() -> dict[str, tuple[dict[str, Any], list[list[str]]]]:
    """Modules and flows by the name of the app."""
    return {name: (module, shown) for module, shown in programs() for name, value in module.items() if is_app(value)}


def is_app(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, App) and value is not App


def numbered(flows: list[str]) -> list[str]:
    """Without the numbers of meters, which only have to differ."""
    return sorted(re.sub(r"meter_id=\d+", "meter_id", flow) for flow in flows)


def test_the_small_app(page: dict[str, Any]) -> None:
    module, (shown,) = page["NoTelnet"]
    lab = Lab(module["NoTelnet"]())
    lab.bridge("s1", dpid=1, ports=2)
    assert lab.flows("s1", "POLICY") == shown


def test_the_app_that_remembers(page: dict[str, Any]) -> None:
    module, (before, more) = page["ArpGuard"]
    lab = Lab(module["ArpGuard"]())
    lab.bridge("s1", dpid=1, ports=2)
    assert numbered(lab.flows("s1", "POLICY")) == numbered(before)
    lab.event(PacketIn("s1", 1, ARP_REQUEST))
    assert numbered(lab.flows("s1", "POLICY")) == numbered(before + more)
    again = ARP_REQUEST.replace(Mac("02:00:00:00:00:01"), Mac("02:00:00:00:00:02"))
    lab.event(PacketIn("s1", 2, again))
    assert numbered(lab.flows("s1", "POLICY")) == numbered(before + more)


def test_the_app_with_a_clock(page: dict[str, Any]) -> None:
    module, (always, silenced) = page["TimeOut"]
    lab = Lab(module["TimeOut"]())
    lab.bridge("s1", dpid=1, ports=2)
    roles = [PortRole("s1", port, "edge") for port in (1, 2)]
    lab.put(*roles, PortRole("s1", 3, "link"))
    assert numbered(lab.flows("s1", "POLICY")) == numbered(always)
    lab.event(Metered("s1", roles[1], 7, 5.0))
    for _turn in range(6):
        assert numbered(lab.flows("s1", "POLICY")) == numbered(always + silenced)
        lab.tick("later")
    lab.event(Metered("s1", roles[1], 0, 5.0))
    assert numbered(lab.flows("s1", "POLICY")) == numbered(always)


def test_the_app_that_derives_rows(page: dict[str, Any]) -> None:
    module, (shown,) = page["RaGuard"]
    lab = Lab(module["RaGuard"]())
    lab.bridge("s1", dpid=1, ports=2)
    assert lab.flows("s1", "POLICY") == shown[:1]
    gateway = Host("default", Mac(module["RaGuard"].gateway), "s1", 2)
    lab.put(gateway)
    assert lab.flows("s1", "POLICY") == shown
    lab.drop(gateway)
    assert lab.flows("s1", "POLICY") == shown[:1]


def test_the_test_of_the_page(page: dict[str, Any]) -> None:
    module, _shown = page["NoTelnet"]
    (example,) = [text for language, text in blocks() if language == "python" and text.startswith("lab = Lab(")]
    exec(compile(example, PAGE.name, "exec"), {"Lab": Lab, "NoTelnet": module["NoTelnet"]})
