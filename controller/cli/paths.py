"""Where the controller keeps its state, and where a client finds its socket."""

import os
from pathlib import Path

SYSTEM = Path("/var/lib/weft")
SOCKET = "weft.sock"
SOCKET_LIMIT = 107  # bytes of a Unix socket's path that Linux takes


def state_dir() -> Path:
    """The state directory when none is given: $WEFT_STATE_DIR, /var/lib/weft as root, else the user's own."""
    if chosen := os.environ.get("WEFT_STATE_DIR"):
        return Path(chosen).expanduser()
    if os.geteuid() == 0:
        return SYSTEM
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser() / "weft"


def socket_path(chosen: Path | None) -> Path:
    """The socket of the controller to talk to. Without a choice the user's own goes before root's."""
    own = (chosen or state_dir()) / SOCKET
    if chosen is None and "WEFT_STATE_DIR" not in os.environ and not own.exists() and (SYSTEM / SOCKET).exists():
        return SYSTEM / SOCKET
    return own
