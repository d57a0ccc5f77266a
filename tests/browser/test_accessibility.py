"""axe-core finds no violation, in any view, in light and in dark, wide and narrow."""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes.view import FakeView

VIEWS = [
    "/",
    "/?as=table",
    "/?sel=bridge:s2",
    "/?sel=tunnel:hv1-hv2",
    "/bridges?sel=s1",
    "/ports?sel=s2:1",
    "/hosts?sel=default/00:00:00:00:00:01",
    "/networks?sel=default",
    "/hypervisors?sel=hv1",
    "/hypervisors?as=matrix&sel=core/hv1>hv2",
    "/services?sel=web",
    "/flows?q=00:00:00:00:00:01",
    "/flows?filter=((",
    "/apps?sel=rate_limiter",
    "/events?sel=9",
]


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page that may run axe in spite of the content security policy."""
    scheme: Literal["light", "dark"] = request.param
    context = browser.new_context(color_scheme=scheme, bypass_csp=True, viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {rule['help']}\n  "
        + "\n  ".join(json.dumps(node["target"]) + " " + node["failureSummary"] for node in rule["nodes"])
        for rule in found["violations"]
    ]


def test_no_violations(themed: Page, dashboard_url: str, view: FakeView, axe: str) -> None:
    view.mark(3, "rejected: OFPBAC_BAD_OUT_PORT")
    view.port_down("s2", 1)
    view.bridge_down("s3")
    view.bridge_hypervisors()
    for path in VIEWS:
        themed.goto(f"{dashboard_url}{path}")
        expect(themed.get_by_role("status", name="Connection")).to_have_text("Live")
        expect(themed.locator(".loading")).to_have_count(0)
        assert violations(themed, axe) == [], path


def test_no_violations_when_narrow_and_in_dialogs(themed: Page, dashboard_url: str, axe: str) -> None:
    themed.set_viewport_size({"width": 800, "height": 1000})
    for path in ("/", "/flows?q=00:00:00:00:00:01"):
        themed.goto(f"{dashboard_url}{path}")
        expect(themed.get_by_role("status", name="Connection")).to_have_text("Live")
        assert violations(themed, axe) == [], path
    themed.keyboard.press("?")
    expect(themed.get_by_role("dialog")).to_be_visible()
    assert violations(themed, axe) == []


def test_nothing_moves_for_who_wants_that(page: Page, dashboard_url: str, view: FakeView) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(dashboard_url)
    node = page.get_by_role("button", name="Bridge s1, connected")
    expect(node).to_be_visible()
    view.learn(97)
    expect(page.get_by_role("button", name=re.compile("^Host 10.0.0.97 "))).to_be_visible()
    before = node.get_attribute("transform")
    page.wait_for_timeout(200)
    assert node.get_attribute("transform") == before
