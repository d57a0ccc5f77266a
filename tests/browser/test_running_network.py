"""The dashboard of a real controller with real bridges: what is learned, repaired and lost is seen."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from controller.cli.supervised import free_address
from tests.ovs.running import Running, running
from topologies.openvswitch import private_ovs

FIRST, SECOND = "02:00:00:00:00:01", "02:00:00:00:00:02"
LOOK = 10_000.0  # milliseconds; a shared machine may be slow


class Network:
    """Two bridges of a private Open vSwitch, their controller, and where its dashboard is."""

    def __init__(self, weft: Running, url: str) -> None:
        self.weft = weft
        self.url = url


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    web = free_address("127.0.0.1:0")
    with private_ovs("dummy") as ovs, running(tmp_path_factory.mktemp("weft"), ovs, "--web", web) as weft:
        ovs.add_bridge("br0", dpid=0xA0, ports=("p1", "p2"))
        ovs.add_bridge("br1", dpid=0xA1, ports=("q1",))
        weft.connect("br0", "br1")
        yield Network(weft, f"http://{web}")


@pytest.fixture
def dashboard_url(network: Network) -> str:
    return network.url


def test_a_learned_host_and_its_flow_are_found(page: Page, dashboard_url: str, network: Network) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{dashboard_url}/hosts")
    network.weft.frame("p1", 1)
    page.get_by_role("row", name=FIRST).click(timeout=LOOK)
    panel = page.get_by_role("complementary", name=re.compile("^Host "))
    expect(panel).to_contain_text("p1")
    panel.get_by_role("link", name="Flows of this host").click()
    rows = page.get_by_role("grid", name="Flows").get_by_role("row")
    rows.filter(has_text=f"dl_dst={FIRST}").first.click(timeout=LOOK)
    panel = page.get_by_role("complementary", name=re.compile("^Flow of br0"))
    expect(panel).to_contain_text("l2_learning")
    expect(panel).to_contain_text("installed")
    assert faults == []


def test_a_host_appears_in_the_drawing(page: Page, dashboard_url: str, network: Network) -> None:
    page.goto(dashboard_url)
    expect(page.get_by_role("button", name="Bridge br0, connected")).to_be_visible()
    expect(page.get_by_role("button", name="Bridge br1, connected")).to_be_visible()
    network.weft.frame("p2", 2, number=2)
    expect(page.get_by_role("button", name=re.compile(f"^Host .*{SECOND}.* on br0"))).to_be_visible(timeout=LOOK)


def test_the_filter_language_is_that_of_ovs(page: Page, dashboard_url: str) -> None:
    page.goto(f"{dashboard_url}/flows?bridge=br1&filter=table=40 and in_port=1")
    grid = page.get_by_role("grid", name="Flows")
    expect(grid.get_by_role("row").filter(has_text="in_port=1").first).to_be_visible(timeout=LOOK)
    page.get_by_role("textbox", name="Filter expression").fill("table=40 and (")
    expect(page.get_by_role("alert")).to_be_visible(timeout=LOOK)


def test_repaired_drift_is_told(page: Page, dashboard_url: str, network: Network) -> None:
    page.goto(f"{dashboard_url}/events?kind=flow.drift")
    expect(page.get_by_role("status", name="Connection")).to_have_text("Live")
    network.weft.ovs.ofctl("del-flows", "br0", "table=70")
    page.goto(f"{dashboard_url}/events")
    expect(page.get_by_role("grid", name="Events").get_by_role("row").filter(has_text="flow.drift").first).to_be_visible(
        timeout=LOOK
    )


def test_a_restart_is_survived(page: Page, dashboard_url: str, network: Network) -> None:
    page.goto(f"{dashboard_url}/bridges")
    connection = page.get_by_role("status", name="Connection")
    expect(connection).to_have_text("Live")
    expect(page.get_by_role("row", name="br0")).to_be_visible()
    network.weft.stop()
    expect(page.get_by_role("alert").filter(has_text="Controller unreachable since")).to_be_visible(timeout=LOOK)
    expect(page.get_by_role("row", name="br0")).to_be_visible()
    network.weft.start()
    network.weft.wait_ready()
    expect(connection).to_have_text("Live", timeout=LOOK)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_app_switched_off_and_on(page: Page, dashboard_url: str, network: Network) -> None:
    network.weft.settled("br0", "br1")
    page.goto(f"{dashboard_url}/apps?sel=l2_learning")
    panel = page.get_by_role("complementary", name="App l2_learning")
    for word, state in (("Disable", "disabled"), ("Enable", "running")):
        panel.get_by_role("button", name=word).click()
        page.get_by_role("dialog").get_by_role("button", name=word).click()
        expect(panel).to_contain_text(state, timeout=LOOK)


def test_no_violations_with_real_data(browser: Browser, dashboard_url: str, axe: str) -> None:
    with browser.new_context(bypass_csp=True, color_scheme="dark") as free:
        real = free.new_page()
        for path in ("/", "/flows", "/ports", "/apps"):
            real.goto(f"{dashboard_url}{path}")
            expect(real.get_by_role("status", name="Connection")).to_have_text("Live")
            expect(real.locator(".loading")).to_have_count(0)
            real.evaluate(axe)
            found = real.evaluate("axe.run({resultTypes: ['violations']}).then(all => all.violations.map(one => one.id))")
            assert found == [], path
