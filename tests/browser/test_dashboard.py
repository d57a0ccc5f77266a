"""The dashboard as a person uses it: find a host and its flows, watch things change, lose the controller."""

import dataclasses
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.view import FakeView
from webui.server import Server

HOST = "00:00:00:00:00:01"
SCROLL_TO_ROW = """row => {
  const grid = document.querySelector('[role=grid]')
  grid.scrollTop = grid.scrollHeight
  return grid.querySelector(`[aria-rowindex="${row}"]`) !== null
}"""


def test_opens_live(page: Page, dashboard_url: str) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(dashboard_url)
    expect(page).to_have_title("Overview - weft")
    expect(page.get_by_role("status", name="Connection")).to_have_text("Live")
    expect(page.get_by_role("button", name="Bridge s1, connected")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Host 10"))).to_have_count(4)
    assert faults == []


def test_a_host_and_its_flows_are_found(page: Page, dashboard_url: str) -> None:
    page.goto(dashboard_url)
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Hosts").click()
    page.get_by_role("searchbox", name="Search").fill("10.0.0.1")
    page.get_by_role("grid", name="Hosts").get_by_role("row", name=HOST).click()
    panel = page.get_by_role("complementary", name="Host 10.0.0.1")
    expect(panel).to_contain_text("s2-eth1")
    panel.get_by_role("link", name="Flows of this host").click()
    expect(page).to_have_url(f"{dashboard_url}/flows?q={HOST.replace(':', '%3A')}")
    flow = page.get_by_role("grid", name="Flows").get_by_role("row").filter(has_text=f"dl_src={HOST}").first
    flow.click()
    panel = page.get_by_role("complementary", name=re.compile("^Flow of "))
    expect(panel).to_contain_text("l2_learning")
    expect(panel).to_contain_text("installed")


def test_the_address_holds_what_is_shown(page: Page, dashboard_url: str) -> None:
    page.goto(f"{dashboard_url}/flows?bridge=s2&app=l2_learning&sort=-packets")
    grid = page.get_by_role("grid", name="Flows")
    grid.get_by_role("row").nth(2).click()
    chosen = page.url
    assert "sel=" in chosen
    page.reload()
    expect(page.get_by_role("complementary", name=re.compile("^Flow of s2"))).to_be_visible()
    expect(page.get_by_role("combobox", name="App")).to_have_value("l2_learning")
    expect(grid.get_by_role("columnheader", name="Packets")).to_have_attribute("aria-sort", "descending")


def test_news_arrives_by_itself(page: Page, dashboard_url: str, view: FakeView) -> None:
    page.goto(f"{dashboard_url}/hosts")
    grid = page.get_by_role("grid", name="Hosts")
    expect(grid.get_by_role("row")).to_have_count(5)
    learned = view.learn(99)
    expect(grid.get_by_role("row", name=learned.mac)).to_be_visible(timeout=2000)
    page.goto(dashboard_url)
    expect(page.get_by_role("region", name="Recent events")).to_contain_text(f"{learned.mac} (10.0.0.99) learned")
    view.bridge_down("s3")
    expect(page.get_by_role("button", name="Bridge s3, disconnected")).to_be_visible(timeout=2000)
    expect(page.get_by_role("navigation", name="Counts")).to_contain_text("1 not connected")


def test_flows_change_while_looked_at(page: Page, dashboard_url: str, view: FakeView) -> None:
    page.goto(f"{dashboard_url}/flows?bridge=s1")
    rows = page.get_by_role("grid", name="Flows").get_by_role("row")
    expect(rows.filter(has_text="installed").first).to_be_visible()
    view.mark(0, "rejected: OFPBAC_BAD_OUT_PORT")
    expect(rows.filter(has_text="rejected")).to_be_visible(timeout=4000)


def test_losing_the_controller_is_said(page: Page, dashboard_url: str, server: Server) -> None:
    page.goto(f"{dashboard_url}/bridges")
    expect(page.get_by_role("status", name="Connection")).to_have_text("Live")
    expect(page.get_by_role("grid", name="Bridges").get_by_role("row", name="s1")).to_be_visible()
    server.stop()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(re.compile(r"Controller unreachable since \d\d:\d\d, showing data \d+ s old"))
    expect(page.get_by_role("status", name="Connection")).to_have_text("Disconnected")
    expect(page.get_by_role("grid", name="Bridges").get_by_role("row", name="s1")).to_be_visible()


def test_the_controller_comes_back(page: Page, view: FakeView, serve_view: Callable[[FakeView], Server]) -> None:
    from webui.app import create_app, serve

    first = serve_view(view)
    page.goto(f"{first.url}hosts")
    expect(page.get_by_role("status", name="Connection")).to_have_text("Live")
    expect(page.get_by_role("grid", name="Hosts").get_by_role("row").nth(1)).to_be_visible()
    first.stop()
    expect(page.get_by_role("alert").filter(has_text="Controller unreachable")).to_be_visible()
    view.learn(98)
    port = int(first.url.rsplit(":", 1)[1].strip("/"))
    second = serve(create_app(view), host="127.0.0.1", port=port, socket_path=None)
    second.start()
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("row", name="00:00:00:00:00:62")).to_be_visible()
    second.stop()


def test_a_wrong_filter_is_explained(page: Page, dashboard_url: str) -> None:
    page.goto(f"{dashboard_url}/flows")
    box = page.get_by_role("textbox", name="Filter expression")
    box.fill("nw_dst~=(")
    expect(page.get_by_role("alert")).to_contain_text("write for example")
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill(f"dl_src={HOST}")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("grid", name="Flows")).to_have_attribute("aria-rowcount", "4")


def test_nothing_found_offers_a_way_back(page: Page, dashboard_url: str) -> None:
    page.goto(f"{dashboard_url}/flows?q=nothing-like-it&bridge=s1")
    page.get_by_role("button", name="Clear search and filters").click()
    expect(page.get_by_role("grid", name="Flows")).to_have_attribute("aria-rowcount", "60")


def test_an_app_is_disabled_after_a_question(page: Page, dashboard_url: str, view: FakeView) -> None:
    page.goto(f"{dashboard_url}/apps?sel=fabric")
    panel = page.get_by_role("complementary", name="App fabric")
    panel.get_by_role("button", name="Disable").click()
    question = page.get_by_role("dialog", name="Disable fabric?")
    question.get_by_role("button", name="Cancel").click()
    assert {app.name: app.state for app in view.apps()}["fabric"] == "running"
    panel.get_by_role("button", name="Disable").click()
    question.get_by_role("button", name="Disable").click()
    expect(question).to_have_count(0)
    expect(panel).to_contain_text("disabled")


def test_a_refused_change_says_why(page: Page, dashboard_url: str) -> None:
    page.goto(f"{dashboard_url}/apps?sel=discovery")
    page.get_by_role("complementary").get_by_role("button", name="Disable").click()
    question = page.get_by_role("dialog")
    question.get_by_role("button", name="Disable").click()
    expect(question.get_by_role("alert")).to_contain_text("disable fabric first")


def test_a_failed_app_shows_its_traceback(page: Page, dashboard_url: str) -> None:
    page.goto(f"{dashboard_url}/apps")
    page.get_by_role("row", name="rate_limiter").click()
    expect(page.get_by_role("region", name="Traceback")).to_contain_text("KeyError: 'limit'")


def test_without_bridges_it_says_what_to_do(page: Page, serve_view: Callable[[FakeView], Server]) -> None:
    url = serve_view(FakeView(empty=True)).url
    for path in ("", "bridges", "ports", "hosts", "flows"):
        page.goto(f"{url}{path}")
        expect(page.get_by_role("main")).to_contain_text("ovs-vsctl set-controller s1 tcp:127.0.0.1:6653")


def test_keys_alone_are_enough(page: Page, dashboard_url: str) -> None:
    page.goto(dashboard_url)
    expect(page.get_by_role("button", name="Bridge s1, connected")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help and keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page).to_have_title("Hosts - weft")
    expect(page.get_by_role("grid", name="Hosts")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("s3")
    page.keyboard.press("Escape")
    page.get_by_role("grid", name="Hosts").focus()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Host 10.0.0.4")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)


def test_nodes_and_links_are_clicked_and_dragged(page: Page, dashboard_url: str) -> None:
    page.goto(dashboard_url)
    host = page.get_by_role("button", name="Host 10.0.0.1 ")
    host.click()
    expect(page.get_by_role("complementary", name="Host 10.0.0.1")).to_be_visible()
    expect(host).to_have_attribute("aria-pressed", "true")
    host.click()
    expect(page.get_by_role("complementary")).to_have_count(0)
    box, before = host.bounding_box(), host.get_attribute("transform")
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 60, steps=5)
    page.mouse.up()
    expect(host).not_to_have_attribute("transform", before or "")
    expect(page.get_by_role("complementary")).to_have_count(0)
    page.locator(".cable.link").first.click()
    expect(page.get_by_role("complementary", name="Link s1 - s2")).to_contain_text("s1-eth1")


STILL = """async () => {
    const places = () => [...document.querySelectorAll('.node')].map((node) => node.getAttribute('transform')).join()
    const before = places()
    await new Promise((resolve) => setTimeout(resolve, 300))
    return before !== '' && before === places()
}"""


TAGS = """() => {
    const box = (element) => element.getBoundingClientRect()
    const tags = [...document.querySelectorAll('.tag rect')].map(box)
    const nodes = [...document.querySelectorAll('.node .shape')].map(box)
    const met = (a, b) => a !== b && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1
    return {
        least: Math.min(...tags.map((tag) => tag.height)),
        covered: tags.filter((tag) => [...tags, ...nodes].some((other) => met(tag, other))).length,
    }
}"""


@pytest.mark.parametrize("width", [1440, 800])
def test_names_of_ports_can_be_read(page: Page, dashboard_url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(dashboard_url)
    page.wait_for_function(STILL)
    expect(page.locator(".tag:not(.rate)")).to_have_count(2 * 2 + 4)  # of two links and of four hosts
    found = page.evaluate(TAGS)
    assert (found["covered"], found["least"] > 13) == (0, True), found
    expect(page.locator(".cable.link title").first).to_have_text("link s1-eth1 - s2-eth3, up")


def test_the_drawing_is_walked_with_arrows(page: Page, dashboard_url: str) -> None:
    page.goto(dashboard_url)
    page.wait_for_function(STILL)  # what lies below is told by places, and those move at first
    page.get_by_role("button", name="Bridge s1, connected").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("aria-label", re.compile("^Host 10"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name=re.compile("^Host 10"))).to_be_visible()


@pytest.mark.parametrize("width", [1440, 800])
def test_the_network_that_ports_are_searched_by_is_seen(page: Page, dashboard_url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{dashboard_url}/ports?q=default")
    expect(page.get_by_role("searchbox", name="Search")).to_have_attribute("placeholder", re.compile("network"))
    expect(page.get_by_role("columnheader", name="Network")).to_be_visible()


# Both places in one reading: choices that arrive between two readings move what stands beside them.
FROM_SEARCH_TO_COUNT = """() => {
    const [search, count] = ['input', '.count'].map((one) => document.querySelector(`.finding ${one}`).getBoundingClientRect())
    return [count.top - search.top, count.left - search.right]
}"""


@pytest.mark.parametrize("width", [1440, 1000, 800, 640])
def test_the_count_stands_beside_the_search(page: Page, dashboard_url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{dashboard_url}/flows")
    expect(page.locator(".toolbar").get_by_role("status")).not_to_have_text("0")
    below, gap = page.evaluate(FROM_SEARCH_TO_COUNT)
    assert -8 < below < 30
    assert 0 < gap < 60


def test_what_is_cut_off_is_said_in_full(page: Page, dashboard_url: str, view: FakeView) -> None:
    address = "2001:db8:1234:5678:9abc:def0:1234:5678"
    view._hosts[HOST] = dataclasses.replace(view._hosts[HOST], ips=(address,))
    cell = page.get_by_role("row", name=HOST).get_by_role("gridcell").nth(1)
    for width, title in ((1440, ""), (800, address)):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{dashboard_url}/hosts")
        cell.hover()
        expect(cell).to_have_attribute("title", title)


def test_the_theme_is_kept(page: Page, dashboard_url: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(dashboard_url)
    page.get_by_role("button", name="Use the dark theme").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Use the light theme").click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("count", [10_000])
def test_ten_thousand_flows(page: Page, serve_view: Callable[[FakeView], Server], count: int) -> None:
    url = serve_view(FakeView(count)).url
    page.goto(f"{url}flows")
    grid = page.get_by_role("grid", name="Flows")
    expect(grid).to_have_attribute("aria-rowcount", re.compile(r"^10\d\d\d$"))
    for last in (201, 401, 601):
        page.wait_for_function(SCROLL_TO_ROW, arg=last)
        assert grid.get_by_role("row").count() < 80
    page.get_by_role("searchbox", name="Search").fill("10.0.0.1")
    expect(page.get_by_role("button", name="Clear search and filters")).to_be_visible()


def test_networks_show_their_members_and_where_they_flood(page: Page, dashboard_url: str) -> None:
    page.goto(dashboard_url)
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Networks").click()
    rows = page.get_by_role("grid", name="Networks")
    expect(rows.get_by_role("row", name="guests")).to_contain_text("visitors, first floor")
    rows.get_by_role("row", name="default").click()
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("s1/s1-eth2 - s3/s3-eth3")
    panel.get_by_role("link", name="4").last.click()
    expect(page.get_by_role("grid", name="Hosts").get_by_role("row")).to_have_count(1 + 4)


def test_a_link_shows_what_it_costs(page: Page, dashboard_url: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 800})
    page.goto(f"{dashboard_url}/?as=table")
    grid = page.get_by_role("grid", name="Topology as a table")
    expect(grid.get_by_role("columnheader", name="Cost")).to_be_visible()
    grid.get_by_role("row", name="s1 - s2").click()
    expect(page.get_by_role("complementary")).to_contain_text(re.compile(r"Cost2\s000"))
    page.get_by_role("complementary").get_by_role("link", name="default").click()
    expect(page).to_have_url(f"{dashboard_url}/networks?sel=default")
