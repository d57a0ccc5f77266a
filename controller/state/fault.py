"""What an app raised, as text: the traceback, whose last line begins with the place in the app's own file."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any


def of_app(app: Any) -> str:
    """The exception that is being handled, which something of this app raised."""
    return in_file(getattr(sys.modules.get(type(app).__module__), "__file__", None) or "")


def in_file(file: str) -> str:
    """The exception that is being handled: `no_telnet.py:12: KeyError: 's1'` is its last line, where that file was called."""
    text = traceback.format_exc().rstrip()
    lines = [line for frame, line in traceback.walk_tb(sys.exc_info()[2]) if frame.f_code.co_filename == file]
    if not lines:
        return text
    before, _, last = text.rpartition("\n")
    return f"{before}\n{Path(file).name}:{lines[-1]}: {last}"


def last_line(text: str) -> str:
    """The one line that says what happened."""
    return text.rpartition("\n")[2]
