"""Networks and their ports: a frame that enters by an edge port belongs to a network, and leaves only by ports of that network.

    access    frames without a tag                  load the network
    trunk     tags of the listed networks           the tag is popped and pushed again where it leaves by a trunk
    native    frames without a tag, on a trunk      as access
    qinq      any frame, tags of the customer too   they stay inside the tag that frames carry between bridges
    isolated  private VLAN: a register says where a frame came in, and EGRESS of isolated ports looks at it

What is refused is refused by a flow of its own, so that it is counted and says why. Without a network file there is one
network, `default`, and every edge port is in it without a tag.
"""

from controller.app import App, derives, on, rules
from controller.model import (
    Attachment,
    Bridge,
    BridgeName,
    Network,
    Port,
    PortConfig,
    PortRole,
    PortUp,
    Row,
    UnlistedPorts,
    key,
)
from controller.pipeline import CLASSIFY, DROP, EGRESS, NEXT, POP_VLAN, PUSH_VLAN, load, output, set_field

TAGGED = 0x1000  # in vlan_vid: the frame has a tag
ANY_TAG = (TAGGED, TAGGED)
VLAN_TYPES = (0x8100, 0x88A8)  # behind a tag: there is a second one


class KnownPort(Row, kept=True):
    """The name of a port and the datapath id of its bridge, for as long as they have not connected after a restart."""

    bridge: str = key()
    port: int = key()
    name: str = ""
    dpid: int = 0


class VlanIsolation(App, stages=(CLASSIFY, EGRESS)):
    """Keeps networks apart: which port belongs to which."""

    @on(PortUp)
    def remember(self, event, tx):
        port, bridge = tx.get(Port, event.bridge, event.port), tx.get(Bridge, event.bridge)
        if port is not None and bridge is not None:
            tx.put(KnownPort(event.bridge, event.port, port.name, bridge.dpid))

    @derives(each=PortRole)
    def attach(self, role, rows):
        config = self.config(role, rows)
        if config is None:
            return
        for network in config.trunk:
            yield Attachment(role.bridge, role.port, network, True, network == config.native, False, config.isolated)
        for network in filter(None, (config.access, config.qinq)):
            yield Attachment(role.bridge, role.port, network, False, True, bool(config.qinq), config.isolated)

    def config(self, role, rows):
        """What holds for an edge port: its own entry, or what holds for those that have none. None: it is no edge port."""
        known = rows.get(Port, role.bridge, role.port) or rows.get(KnownPort, role.bridge, role.port)
        if role.role != "edge" or known is None:
            return None
        name = self.bridge_name(role.bridge, rows)
        unlisted = rows.get(UnlistedPorts, "weft") or UnlistedPorts()
        return (name and rows.get(PortConfig, name, known.name)) or PortConfig(role.bridge, known.name, access=unlisted.network)

    def bridge_name(self, bridge, rows):
        """The bridge's name in the network file: by datapath id, or its own where that is not given to another."""
        row = rows.get(Bridge, bridge)
        ports = rows.where(KnownPort, bridge=bridge) if row is None else []
        dpid = row.dpid if row else ports[0].dpid if ports else 0
        given = rows.get(BridgeName, dpid)
        if given is not None:
            return given.name
        return "" if rows.where(BridgeName, name=bridge) else bridge

    # ------------------------------------------------------------------ what passes

    @rules(each=Attachment)
    def enter(self, at, rows):
        number = rows.value(Network, at.network, field="number")
        marks = (load("network", number), *([load("isolated", 1)] if at.isolated else []))
        why = f"a port of {at.network}"
        if at.inner:
            yield CLASSIFY.flow(*marks, NEXT, in_port=at.port, why=f"{why}, with all its tags")
            return
        if at.plain:
            yield CLASSIFY.flow(*marks, NEXT, in_port=at.port, vlan_vid=0, why=why)
        if at.tagged:
            yield CLASSIFY.flow(*marks, POP_VLAN, NEXT, in_port=at.port, vlan_vid=TAGGED | number, why=f"{why}, by its tag")

    @rules(each=Attachment)
    def leave(self, at, rows):
        number = rows.value(Network, at.network, field="number")
        out = {"out_port": at.port, "network": number}
        why = f"a port of {at.network}"
        if at.inner:
            yield EGRESS.flow(output(at.port), **out, why=f"{why}, with all its tags")
        elif at.plain:
            yield EGRESS.flow(output(at.port), vlan_vid=0, **out, why=why)
        else:
            tag = (PUSH_VLAN, set_field(vlan_vid=TAGGED | number), output(at.port))
            yield EGRESS.flow(*tag, vlan_vid=0, **out, why=f"{why}, with its tag")

    @rules(each=Attachment)
    def leave_whole(self, at, rows):
        if at.inner or not rows.where(Attachment, network=at.network, inner=True):
            return
        number = rows.value(Network, at.network, field="number")
        match = {"out_port": at.port, "network": number}
        why = f"a customer's tag, and this port of {at.network} is no qinq port"
        yield EGRESS.flow(DROP, priority=110, vlan_vid=ANY_TAG, **match, why=why)
        for inner in VLAN_TYPES:
            yield EGRESS.flow(DROP, priority=110, eth_type=inner, **match, why=why)

    # ------------------------------------------------------------------ what is refused, and counted

    @rules(each=PortRole)
    def refuse(self, role, rows):
        config = self.config(role, rows)
        if config is None or config.qinq:
            return
        for match, priority, why in self.refused(config):
            yield CLASSIFY.flow(DROP, priority=priority, in_port=role.port, **match, why=why)

    def refused(self, config):
        """What does not pass a port, by match and priority, and why."""
        name = f"{config.bridge}/{config.name}"
        if config.trunk:
            yield {"vlan_vid": ANY_TAG}, 90, f"the trunk {name} has no network with this tag"
            for inner in VLAN_TYPES:
                yield {"vlan_vid": ANY_TAG, "eth_type": inner}, 110, f"two tags on the trunk {name}"
            if not config.native:
                yield {"vlan_vid": 0}, 90, f"no tag on the trunk {name}, which has no native network"
        elif config.access:
            yield {"vlan_vid": ANY_TAG}, 90, f"a tag on {name}, an access port of {config.access}"
        else:
            yield {}, 90, f"{name} is not in the network file, and such ports are closed"

    @rules(each=PortRole)
    def keep_apart(self, role, rows):
        config = self.config(role, rows)
        if config is not None and config.isolated:
            why = f"between isolated ports, of which {config.bridge}/{config.name} is one"
            yield EGRESS.flow(DROP, priority=110, out_port=role.port, isolated=1, why=why)
            yield EGRESS.flow(output(role.port), priority=111, in_port=role.port, out_port=role.port, isolated=1, why="its own")
