"""An app that leaks memory, files and threads: with `script/soak 2 --app tests/soak/leaks.py` nothing is flat."""

import os
import threading

from controller.app import App, rules
from controller.model import Host
from controller.pipeline import POLICY

KEPT: list[object] = []


class Leaks(App, stages=(POLICY,)):
    """Keeps 20 KiB of each host that comes, a file of each hundredth, and a thread of each two hundredth."""

    @rules(each=Host)
    def keep(self, host):
        KEPT.append(bytes(20_000))
        if len(KEPT) % 100 == 0:
            os.open(os.devnull, os.O_RDONLY)
        if len(KEPT) % 200 == 0:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        return ()
