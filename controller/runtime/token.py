"""The token that a dashboard beyond loopback asks for: made once, kept in the state directory for its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

FILE = "token"


def kept_token(folder: Path) -> str:
    """The token of this state directory. Remove the file to have a new one at the next start."""
    path = folder / FILE
    try:
        if token := path.read_text().strip():
            return token
    except FileNotFoundError:
        pass
    token = secrets.token_urlsafe(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{token}\n")
    return token
