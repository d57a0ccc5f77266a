"""An app that leaks memory, files and threads: with `script/soak 3 --app tests/soak/leaks.py` nothing is flat."""

import os
import threading

from controller.app import App, on
from controller.model import PacketIn
from controller.pipeline import POLICY

KEPT: list[object] = []


class Leaks(App, stages=(POLICY,)):
    """Keeps 10 KiB of each frame, a file of each hundredth, and a thread of each thousandth."""

    @on(PacketIn)
    def keep(self, packet, tx):
        KEPT.append(bytes(10_000))
        if len(KEPT) % 100 == 0:
            KEPT.append(os.open(os.devnull, os.O_RDONLY))
        if len(KEPT) % 1000 == 0:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
