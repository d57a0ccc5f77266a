"""Any ports in any networks: what two real bridges do with a frame is what a model of twenty lines says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ovs.running import eventually
from tests.ovs.test_vlan import Vlans, patched, started
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

VLANS = {"default": 1, "blue": 10, "red": 20, "green": 30}
PORTS = {"b1/p": "b1", "b1/q": "b1", "b1/r": "b1", "b2/s": "b2", "b2/t": "b2"}
Tags = tuple[int, ...]  # outermost first; 0: a second tag, of which nothing is looked at


class Config(NamedTuple):
    """The ports of a network file, and what holds for those that are not in it."""

    ports: dict[str, dict[str, Any]]
    closed: bool

    def text(self) -> str:
        """The file."""
        networks = {name: {"vlan": vlan} for name, vlan in VLANS.items()}
        return yaml.safe_dump(
            {"networks": networks, "ports": self.ports, "unlisted_ports": "closed" if self.closed else "default"}
        )


def entry(config: Config, port: str) -> dict[str, Any]:
    return config.ports.get(port, {} if config.closed else {"access": "default"})


def network_of(at: dict[str, Any], tags: Tags) -> str | None:
    """The network of a frame that comes in with these tags; None: it is refused."""
    if "qinq" in at:
        return str(at["qinq"])
    if not tags:
        return at.get("access") or at.get("native")
    named = [name for name in at.get("trunk", ()) if VLANS[name] == tags[0]]
    return named[0] if named and len(tags) == 1 else None


def tags_at(at: dict[str, Any], network: str, inner: Tags) -> Tags | None:
    """The tags with which a frame of a network leaves; None: it does not. `inner` are those of a customer."""
    if at.get("qinq") == network:
        return inner
    if inner or network not in (at.get("access"), *at.get("trunk", ())):
        return None
    return () if network in (at.get("access"), at.get("native")) else (VLANS[network],)


def expected(config: Config, port: str, tags: Tags) -> set[str]:
    """Where a broadcast goes, as `blue2`, or `trunk/10` where it has that tag."""
    source = entry(config, port)
    network, found = network_of(source, tags), set()
    for other in PORTS:
        at = entry(config, other)
        apart = other == port or network is None or (source.get("isolated") and at.get("isolated"))
        left = None if apart else tags_at(at, str(network), tags if "qinq" in source else ())
        if left is not None:
            found.add(other.partition("/")[2] + "".join(f"/{tag}" for tag in left if tag))
    return found


@st.composite
def configs(draw: st.DrawFn) -> Config:
    network, isolated = st.sampled_from(sorted(VLANS)), st.sampled_from([{}, {"isolated": True}])
    trunk = st.lists(network, min_size=1, max_size=3, unique=True)
    native = trunk.flatmap(lambda names: st.sampled_from([{"trunk": names}, {"trunk": names, "native": names[0]}]))
    port = st.one_of(network.map(lambda name: {"access": name}), native, network.map(lambda name: {"qinq": name}))
    whole = st.builds(lambda at, apart: at | apart, port, isolated)
    return Config(draw(st.dictionaries(st.sampled_from(sorted(PORTS)), whole, max_size=len(PORTS))), draw(st.booleans()))


FRAMES = [(port, tags) for port in PORTS for tags in ((), (10,), (20,), (77,), (10, 0))]


@pytest.fixture
def weft(tmp_path: Path, empty_ovs: PrivateOvs) -> Iterator[Vlans]:
    file = tmp_path / "network.yaml"
    file.write_text("networks: {}\n")
    patched(empty_ovs, ("p", "q", "r"), ("s", "t"))
    with started(tmp_path, empty_ovs, file) as controller:
        controller.connect("b1", "b2")
        eventually(lambda: controller.client.get("/links")["total"] == 2)
        controller.settled("b1", "b2")
        yield controller


def test_a_frame_goes_where_the_model_says(weft: Vlans) -> None:
    runs = count()

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(configs())
    def check(config: Config) -> None:
        next(runs)
        weft.apply(config.text())
        weft.settled("b1", "b2")

        def heard(port: str, tags: Tags) -> set[str]:
            fields = f"dl_vlan={tags[0]}" if tags else ""
            fields += ",dl_type=0x8100" if 0 in tags else ""
            return weft.heard(port.partition("/")[2], fields, PORTS[port]) - {"b1", "b2"}  # the bridges' own ports

        def wrong() -> dict[tuple[str, Tags], tuple[set[str], set[str]]]:
            found = {(port, tags): (heard(port, tags), expected(config, port, tags)) for port, tags in FRAMES}
            return {frame: both for frame, both in found.items() if both[0] != both[1]}

        deadline = time.monotonic() + 5
        while (found := wrong()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found == {}

    check()
    assert next(runs) >= 10
