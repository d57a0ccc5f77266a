"""The dashboard's page of services: what stands behind an address, who gets how much, and draining a backend."""

import re

from playwright.sync_api import Page, expect

from tests.fakes.services import REFUSED
from tests.fakes.view import FakeView


def test_backends_with_state_reason_and_share(page: Page, dashboard_url: str, view: FakeView) -> None:
    page.goto(dashboard_url)
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Services").click()
    page.get_by_role("grid", name="Services").get_by_role("row", name="web").click()
    panel = page.get_by_role("complementary", name="Service web")
    expect(panel).to_contain_text("2 of 3 backends up")
    table = panel.get_by_role("table", name="Backends of web")
    expect(table).to_contain_text(REFUSED)
    expect(table.get_by_role("row").filter(has_text="10.0.0.1")).to_contain_text(re.compile(r"up.*76 %.*3\s020"))
    picture = panel.get_by_role("img", name=re.compile("Share of new connections"))
    expect(picture).to_have_accessible_name(re.compile("10.0.0.1 76 % of 75 %, 10.0.0.2 0 % of 0 %, 10.0.0.3 25 % of 25 %"))
    view.connect("web", "10.0.0.3", 2040)
    expect(picture).to_have_accessible_name(re.compile("10.0.0.3 50 % of 25 %"), timeout=4000)
    view.fail("web", "10.0.0.3", "no answer to GET /health in 1 s, 3 times")
    expect(table).to_contain_text("no answer to GET /health in 1 s, 3 times", timeout=4000)
    expect(panel).to_contain_text("1 of 3 backends up")


def test_a_backend_is_drained_by_keys_after_a_question(page: Page, dashboard_url: str, view: FakeView) -> None:
    page.goto(f"{dashboard_url}/services?sel=web")
    button = page.get_by_role("button", name="Drain 10.0.0.1")
    button.focus()
    page.keyboard.press("Enter")
    question = page.get_by_role("dialog", name="Drain 10.0.0.1?")
    expect(question).to_contain_text("Its 60 open connections finish within 300 s, then they are cut.")
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    assert view.backends("web")[0].state == "up"
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    question.get_by_role("button", name="Drain").press("Enter")
    expect(question).to_have_count(0)
    expect(page.get_by_role("button", name="Undrain 10.0.0.1")).to_be_visible(timeout=4000)
    assert view.backends("web")[0].state == "draining"


def test_ports_are_seen_whole(page: Page, dashboard_url: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{dashboard_url}/services")
    ports = page.get_by_role("gridcell", name="tcp/80>8080, tcp/443>8443")
    expect(ports).to_be_visible()
    assert ports.evaluate("cell => cell.scrollWidth <= cell.clientWidth")


def test_an_order_that_is_refused_says_why(page: Page, dashboard_url: str, view: FakeView) -> None:
    page.goto(f"{dashboard_url}/services?sel=dns")
    page.get_by_role("button", name="Drain 10.0.0.4").click()
    del view._backends["dns", "10.0.0.4"]
    question = page.get_by_role("dialog", name="Drain 10.0.0.4?")
    question.get_by_role("button", name="Drain").click()
    expect(question.get_by_role("alert")).to_contain_text("dns has no backend 10.0.0.4")


def test_without_services_it_says_where_they_stand(page: Page, dashboard_url: str, view: FakeView) -> None:
    view._backends.clear()
    page.goto(f"{dashboard_url}/services")
    expect(page.get_by_role("main")).to_contain_text("Services stand in the network file")
