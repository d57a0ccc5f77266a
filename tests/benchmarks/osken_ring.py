"""os-ken's own topology discovery: `OSKEN_HUB_TYPE=eventlet python -W ignore -m tests.benchmarks.osken_ring PORT`.

Writes to the file that WEFT_RING_FILE names what its links are, as `ring_app` does for weft. It is the app
os_ken.topology.switches with --observe-links, and an app that counts; os-ken has no program any more that starts apps.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from os_ken import cfg
from os_ken.base import app_manager  # before the next: os_ken.controller.controller imports it in a circle
from os_ken.controller.handler import set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_3
from os_ken.topology import event, switches


class Watch(app_manager.OSKenApp):  # type: ignore[misc]
    """Counts link directions."""

    OFP_VERSIONS = (ofproto_v1_3.OFP_VERSION,)
    _CONTEXTS = {"switches": switches.Switches}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.there: set[tuple[int, int]] = set()
        self.found: dict[str, Any] = {"links": 0, "last": 0.0, "deleted": 0}
        hub.spawn(self.tell)

    @set_ev_cls(event.EventLinkAdd)
    def added(self, ev: Any) -> None:
        """A link direction that was not there."""
        end = ev.link.src.dpid, ev.link.src.port_no
        if end not in self.there:
            self.there.add(end)
            self.found.update(links=len(self.there), last=time.monotonic())

    @set_ev_cls(event.EventLinkDelete)
    def deleted(self, ev: Any) -> None:
        """A link direction that is said to be gone."""
        self.found["deleted"] += 1

    def tell(self) -> None:
        """Write down what was found, again and again."""
        path = Path(os.environ["WEFT_RING_FILE"])
        while True:
            hub.sleep(0.5)
            new = path.with_suffix(".new")
            new.write_text(json.dumps(self.found))
            new.replace(path)


def main() -> None:
    """Until it is ended."""
    cfg.CONF(["--observe-links", "--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", sys.argv[1]], project="os_ken")
    manager = app_manager.AppManager.get_instance()
    manager.load_apps(["tests.benchmarks.osken_ring"])
    hub.joinall(manager.instantiate_apps(**manager.create_contexts()))


if __name__ == "__main__":
    main()
