"""What an app on os-ken keeps of switches, hosts and flows: `python -m tests.benchmarks.osken_memory PORT`.

Of each switch: os-ken's own datapath, and the ports that it described. Of each host a named tuple, by switch and address. Of each
flow, so that it can be compared with what a switch holds, shown, and sent again: either the message as it was sent, an object of
os-ken's (as most apps would do), or, with WEFT_FLOWS_AS=bytes, no more than the bytes of that message, by cookie. It has no
rules, no topology, no counters, no dashboard and no state directory.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

from os_ken import cfg
from os_ken.base import app_manager  # before the next: os_ken.controller.controller imports it in a circle
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_3

FLOWS = int(os.environ.get("WEFT_FLOWS", "100"))  # of each switch
BYTES = os.environ.get("WEFT_FLOWS_AS") == "bytes"
HOSTS = 10


class Host(NamedTuple):
    """Where an address is."""

    switch: int
    mac: str
    port: int


class Many(app_manager.OSKenApp):  # type: ignore[misc]
    """Takes switches, and sends each so many flows."""

    OFP_VERSIONS = (ofproto_v1_3.OFP_VERSION,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.switches: dict[int, Any] = {}
        self.ports: dict[int, Any] = {}
        self.hosts: dict[tuple[int, str], Host] = {}
        self.flows: dict[int, dict[int, Any]] = {}

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def fill(self, ev: Any) -> None:
        """A switch is there: its hosts and flows."""
        switch = ev.msg.datapath
        self.switches[switch.id] = switch
        for number in range(HOSTS):
            mac = f"02:00:00:{switch.id >> 8:02x}:{switch.id & 255:02x}:{number:02x}"
            self.hosts[switch.id, mac] = Host(switch.id, mac, 1)
        held = self.flows[switch.id] = {}
        for number in range(FLOWS):
            message = self._flow(switch, number)
            switch.send_msg(message)
            held[message.cookie] = bytes(message.buf) if BYTES else message

    @set_ev_cls(ofp_event.EventOFPPortDescStatsReply, MAIN_DISPATCHER)
    def described(self, ev: Any) -> None:
        """The ports of a switch."""
        self.ports[ev.msg.datapath.id] = ev.msg.body

    def _flow(self, switch: Any, number: int) -> Any:
        parser, at = switch.ofproto_parser, number % HOSTS
        mac = f"02:00:00:{switch.id >> 8:02x}:{switch.id & 255:02x}:{at:02x}"
        match = parser.OFPMatch(in_port=number // HOSTS + 1, vlan_vid=0x1001, eth_dst=mac)
        actions = [parser.OFPActionOutput(1)]
        apply = [parser.OFPInstructionActions(switch.ofproto.OFPIT_APPLY_ACTIONS, actions)]
        return parser.OFPFlowMod(datapath=switch, cookie=switch.id << 16 | number, priority=100, match=match, instructions=apply)


def main() -> None:
    """Until it is ended."""
    cfg.CONF(["--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", sys.argv[1]], project="os_ken")
    manager = app_manager.AppManager.get_instance()
    manager.load_apps(["os_ken.controller.ofp_handler", "tests.benchmarks.osken_memory"])
    hub.joinall(manager.instantiate_apps(**manager.create_contexts()))


if __name__ == "__main__":
    main()
