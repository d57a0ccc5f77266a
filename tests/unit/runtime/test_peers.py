"""What a bridge is called: like its LOCAL port, and the same ever after."""

from controller.model import Bridge, Hypervisor
from controller.openflow.events import Description, Features, PortDesc, Ready
from controller.runtime.peers import name_of
from controller.state.tables import Tables


def ready(dpid: int, local: str = "") -> Ready:
    ports = (PortDesc(0xFFFFFFFE, local, bytes(6), True, None),) if local else ()
    return Ready(dpid, Features(254, 0, 0, 0), ports, Description())


def known(*bridges: Bridge) -> Tables:
    tables = Tables()
    for bridge in bridges:
        tables.set(Bridge, (bridge.bridge,), None, bridge)
    return tables


def test_a_bridge_is_called_like_its_local_port() -> None:
    assert name_of(ready(1, "br0"), known()) == "br0"
    assert name_of(ready(1), known()) == "0000000000000001"


def test_a_second_bridge_of_that_name_has_its_datapath_id_behind_it() -> None:
    assert name_of(ready(2, "br0"), known(Bridge("br0", 1))) == "br0-0000000000000002"


def test_a_known_datapath_id_keeps_its_name_whoever_connects_first() -> None:
    tables = known(Bridge("br0", 1), Bridge("br0-0000000000000002", 2))
    assert name_of(ready(2, "br0"), tables) == "br0-0000000000000002"
    assert name_of(ready(1, "renamed"), tables) == "br0"


def test_a_bridge_of_a_hypervisor_is_called_like_the_hypervisor() -> None:
    tables = known(Bridge("br-int", 7))
    tables.set(Hypervisor, ("hv1",), None, Hypervisor("hv1", 1))
    assert name_of(ready(1, "br-int"), tables) == "hv1"
    assert name_of(ready(2, "br-int"), tables) == "br-int-0000000000000002"


def test_bridges_survive_a_restart() -> None:
    assert Bridge.kept
