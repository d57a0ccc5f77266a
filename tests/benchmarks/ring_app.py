"""Says when links were found: an app for the benchmark of a ring. Writes to the file that WEFT_RING_FILE names."""

import json
import os
import time
from pathlib import Path

from controller.app import App, every
from controller.model import Link, Pipeline

PERIOD = 0.02  # seconds from look to look: they are found by so much earlier than it is said
RING = 2000  # directions
TOLD: set[int] = set()  # how many there were when they were last written


class Watch(App):
    """Counts link directions."""

    @every(PERIOD, each=Pipeline)
    def look(self, pipeline, tx):
        if RING in TOLD:
            return  # what it costs to look is not a cost of the controller
        links = len(tx.where(Link))
        if links not in TOLD:
            TOLD.add(links)
            path = Path(os.environ["WEFT_RING_FILE"])
            new = path.with_suffix(".new")
            new.write_text(json.dumps({"links": links, "last": time.monotonic()}))
            new.replace(path)
