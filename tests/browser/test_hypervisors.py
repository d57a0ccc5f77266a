"""The dashboard's hypervisors: what is wrong with each, who hears whom, and the hosts that nobody reaches."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.fakes.view import FakeView
from webui.server import Server


def test_a_hypervisor_tells_its_problems(page: Page, dashboard_url: str) -> None:
    page.goto(dashboard_url)
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Hypervisors").click()
    rows = page.get_by_role("grid", name="Hypervisors")
    expect(rows.get_by_role("row", name="hv2")).to_contain_text("unreachable")
    rows.get_by_role("row", name="hv1").click()
    panel = page.get_by_role("complementary", name="Hypervisor hv1")
    expect(panel).to_contain_text("tap3: its MTU is 1500")
    panel.get_by_role("link", name="Tunnels of hv1").click()
    expect(page.get_by_role("grid", name="Tunnels").get_by_role("row").nth(1)).to_contain_text(
        "BFD: control detection time expired"
    )


def test_the_matrix_says_what_a_cell_means(page: Page, serve_view: Callable[[FakeView], Server]) -> None:
    url = serve_view(FakeView(members=3)).url
    page.goto(f"{url}hypervisors")
    page.get_by_role("group", name="Show as").get_by_role("button", name="Matrix").click()
    matrix, told = page.get_by_role("grid", name="Tunnels"), page.get_by_role("status", name="Tunnel")
    expect(matrix.get_by_role("img", name="hv1 from hv2: down")).to_have_text("✕")
    matrix.get_by_role("img", name="hv3 from hv1: idle").hover()
    expect(told).to_contain_text("hv3 from hv1: idle for 2 h 1 min, no frame heard yet; frames received 3\u2009001 (294 kB)")
    matrix.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    expect(told).to_contain_text("BFD: control detection time expired")
    expect(matrix).to_have_attribute("aria-activedescendant", "tunnel-0-1")
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Tunnel hv1 from hv2")
    expect(panel).to_contain_text("1450 for an IP packet")
    expect(page).to_have_url(re.compile(r"sel=core%2Fhv1%3Ehv2"))


def test_a_matrix_of_64(page: Page, serve_view: Callable[[FakeView], Server]) -> None:
    url = serve_view(FakeView(members=65)).url
    page.goto(f"{url}hypervisors?as=matrix")
    cells = page.get_by_role("grid", name="Tunnels").locator("td[data-at]")
    expect(cells).to_have_count(64 * 64)
    expect(page.get_by_role("region", name="Tunnels of core")).to_contain_text("64 of 65 hypervisors")
    page.get_by_role("searchbox", name="Search").fill("hv65 hv1")
    expect(cells).to_have_count(12 * 12)
    expect(page.get_by_role("img", name="hv65 from hv19: up")).to_be_visible()


def test_a_mesh_is_drawn(page: Page, serve_view: Callable[[FakeView], Server]) -> None:
    view = FakeView(members=3)
    view.bridge_hypervisors()
    page.goto(serve_view(view).url)
    links = page.get_by_role("navigation", name="Counts").get_by_role("link").filter(has_text="Links")
    expect(links).to_contain_text("2 of 6 tunnels down")
    expect(page.get_by_role("list", name="Lines").get_by_role("listitem")).to_have_text(["link", "tunnel idle", "tunnel down"])
    expect(page.locator("g.cable.tunnel")).to_have_count(3)
    page.locator("g.cable.tunnel.idle").dispatch_event("click")  # its middle is not where that of a straight line is
    panel = page.get_by_role("complementary", name="Tunnels hv1 - hv3")
    expect(panel.get_by_role("heading", level=3)).to_have_text(["hv1 from hv3", "hv3 from hv1"])
    expect(panel).to_contain_text("no frame heard yet")
    links.click()
    expect(page.get_by_role("row", name="hv1 - hv2")).to_contain_text("down")
    expect(page.get_by_role("row", name="bridge hv3 connected")).to_contain_text("2 tunnels")
    expect(page.get_by_role("row", name="bridge s1 connected")).to_contain_text("2 links")


def test_where_there_is_no_mesh_nothing_is_said_of_tunnels(page: Page, serve_view: Callable[[FakeView], Server]) -> None:
    page.goto(serve_view(FakeView(members=0)).url)
    expect(page.get_by_role("navigation", name="Counts")).to_contain_text("between bridges")
    expect(page.get_by_role("list", name="Lines")).to_have_count(0)


def test_a_host_that_nobody_reaches(page: Page, dashboard_url: str, view: FakeView) -> None:
    mac = "00:00:00:00:00:02"
    view.lose(mac, "hv1 is unreachable: no answer")
    page.goto(f"{dashboard_url}/hosts")
    row = page.get_by_role("grid", name="Hosts").get_by_role("row", name=mac)
    expect(row).to_contain_text("unreachable")
    row.click()
    expect(page.get_by_role("complementary")).to_contain_text("hv1 is unreachable: no answer")
    page.goto(dashboard_url)
    expect(page.get_by_role("button", name=re.compile(f"{mac} on s2, unreachable"))).to_be_visible()
