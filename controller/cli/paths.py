"""Where the controller keeps its state, and where a client finds its socket."""

import os
import socket
from pathlib import Path

SYSTEM = Path("/var/lib/weft")
EMULATED = Path("/run/weft")  # where `weft emulate` keeps what it runs
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
    """The socket of the controller to talk to.

    Without a choice: the user's own, root's, or that of the one emulated network that runs; the first that is there.
    """
    own = (chosen or state_dir()) / SOCKET
    if chosen is not None or "WEFT_STATE_DIR" in os.environ or own.exists():
        return own
    if (SYSTEM / SOCKET).exists():
        return SYSTEM / SOCKET
    emulated = running()
    return emulated[0] / SOCKET if len(emulated) == 1 else own


def running() -> list[Path]:
    """The state directories of emulated networks whose controller takes connections."""
    return sorted(path.parent for path in EMULATED.glob(f"*/state/{SOCKET}") if _answers(path))


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(str(path))
        except PermissionError:
            return True  # somebody's, and it runs
        except OSError:
            return False
    return True
