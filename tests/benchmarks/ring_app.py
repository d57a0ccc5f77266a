"""Says when links were found: an app for the benchmark of a ring. Writes to the file that WEFT_RING_FILE names."""

import json
import os
import time
from pathlib import Path

from controller.app import App, every, rules
from controller.model import Link, Pipeline

FOUND: dict[tuple[str, int], float] = {}
TOLD: set[int] = set()  # how many there were when they were last written


class Watch(App):
    """Counts link directions."""

    @rules(each=Link)
    def seen(self, link):
        FOUND.setdefault((link.bridge, link.port), time.monotonic())
        return ()

    @every(0.5, each=Pipeline)
    def tell(self, pipeline, tx):
        if len(FOUND) in TOLD:
            return  # what it costs to write is not a cost of the controller
        TOLD.add(len(FOUND))
        path = Path(os.environ["WEFT_RING_FILE"])
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"links": len(FOUND), "last": max(FOUND.values(), default=0.0)}))
        new.replace(path)
