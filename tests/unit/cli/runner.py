"""`weft` as a subprocess with a state directory of its own."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from controller.cli.assembly import run


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Weft:
    """Runs the command line with a state directory of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environment = {**os.environ, "WEFT_STATE_DIR": str(state), "COLUMNS": "100"}
        self.environment.pop("NO_COLOR", None)

    def start(self, *args: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "controller", *args],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def process(self, *args: str, **environment: str) -> Done:
        """Run it as a person does."""
        with self.start(*args, **environment) as process:
            out, err = process.communicate(timeout=30)
        return Done(process.returncode, out, err)

    def __call__(self, *args: str) -> Done:
        """Run it in this process, which is quicker; everything but the start of the interpreter is the same."""
        out, err = io.StringIO(), io.StringIO()
        with patch.dict(os.environ, self.environment), redirect_stdout(out), redirect_stderr(err):
            code = run(list(args))
        return Done(int(code), out.getvalue(), err.getvalue())
