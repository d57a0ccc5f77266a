"""The classic learning switch on os-ken: `OSKEN_HUB_TYPE=native python -W ignore -m tests.benchmarks.osken_reactive PORT`.

It does for each packet-in what `reactive_app` does on weft: notes where the source is, and answers with a flow and the frame.
"""

from __future__ import annotations

import sys
from typing import Any

from os_ken import cfg
from os_ken.base import app_manager  # before the next: os_ken.controller.controller imports it in a circle
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.lib.packet import ethernet, packet
from os_ken.ofproto import ofproto_v1_3


class Learning(app_manager.OSKenApp):  # type: ignore[misc]
    """A learning switch for every bridge that connects."""

    OFP_VERSIONS = (ofproto_v1_3.OFP_VERSION,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ports: dict[tuple[int, str], int] = {}

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def ask(self, ev: Any) -> None:
        """Frames that no flow matches come up."""
        switch = ev.msg.datapath
        actions = [switch.ofproto_parser.OFPActionOutput(switch.ofproto.OFPP_CONTROLLER, switch.ofproto.OFPCML_NO_BUFFER)]
        self._add(switch, 0, switch.ofproto_parser.OFPMatch(), actions)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def answer(self, ev: Any) -> None:
        """A flow for the two hosts, and the frame."""
        message = ev.msg
        switch, parser, in_port = message.datapath, message.datapath.ofproto_parser, message.match["in_port"]
        frame = packet.Packet(message.data).get_protocol(ethernet.ethernet)
        self.ports[switch.id, frame.src] = in_port
        out = self.ports.get((switch.id, frame.dst))
        actions = [parser.OFPActionOutput(out or switch.ofproto.OFPP_FLOOD)]
        if out is not None:
            self._add(switch, 1, parser.OFPMatch(in_port=in_port, eth_src=frame.src, eth_dst=frame.dst), actions)
        nowhere = switch.ofproto.OFP_NO_BUFFER
        switch.send_msg(parser.OFPPacketOut(switch, nowhere, in_port, actions, message.data))

    def _add(self, switch: Any, priority: int, match: Any, actions: list[Any]) -> None:
        parser = switch.ofproto_parser
        apply = [parser.OFPInstructionActions(switch.ofproto.OFPIT_APPLY_ACTIONS, actions)]
        switch.send_msg(parser.OFPFlowMod(datapath=switch, priority=priority, match=match, instructions=apply))


def main() -> None:
    """Until it is ended."""
    cfg.CONF(["--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", sys.argv[1]], project="os_ken")
    manager = app_manager.AppManager.get_instance()
    manager.load_apps(["os_ken.controller.ofp_handler", "tests.benchmarks.osken_reactive"])
    hub.joinall(manager.instantiate_apps(**manager.create_contexts()))


if __name__ == "__main__":
    main()
