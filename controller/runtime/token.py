"""The token that a dashboard beyond loopback asks for: made once, kept in the state directory for its owner alone."""

from __future__ import annotations

import secrets
from functools import partial
from pathlib import Path

from controller.runtime.kept import kept

FILE = "token"


def kept_token(folder: Path) -> str:
    """The token of this state directory. Remove the file to have a new one at the next start."""
    return kept(folder / FILE, partial(secrets.token_urlsafe, 32), 0o600)
