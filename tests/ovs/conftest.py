"""A real ovs-vswitchd for a module of tests: private, without root, its frames moved only where a test tells it to."""

from collections.abc import Iterator

import pytest

from topologies.openvswitch import PrivateOvs, private_ovs


@pytest.fixture(scope="module")
def ovs() -> Iterator[PrivateOvs]:
    """Started for the module; bridges that a test leaves behind are there for the next one."""
    with private_ovs("dummy") as started:
        yield started


@pytest.fixture
def empty_ovs(ovs: PrivateOvs) -> PrivateOvs:
    """The module's Open vSwitch without any bridge."""
    for bridge in ovs.vsctl("list-br").split():
        ovs.vsctl("del-br", bridge)
    return ovs
