"""Exit codes, and what a person reads when a command cannot do what was asked: one sentence, and what to do about it."""

import json
import os
import sys
import tempfile
import traceback
from enum import IntEnum
from pathlib import Path

import typer

from controller.cli import paths


class ExitCode(IntEnum):
    """What scripts branch on. 2 and 3 are kept for "changes are pending" and "the traced packet was dropped"."""

    DONE = 0
    REFUSED = 1
    NOT_FOUND = 4
    CONFLICT = 5
    NOT_ALLOWED = 6
    UNREACHABLE = 7
    TIMED_OUT = 8
    USAGE = 64
    INTERRUPTED = 130


class Failure(Exception):  # noqa: N818 - it is a sentence for a person, not a fault
    """A command that ends here: what went wrong, and what to do."""

    def __init__(self, code: ExitCode, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.code = code
        self.title = title
        self.hint = hint


def report(error: BaseException, args: list[str]) -> int:
    """Tell a person, or with `-o json` a program, what went wrong; returns the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if isinstance(error, typer.TyperException):
        from controller.cli.usage import explained

        failure = Failure(ExitCode.USAGE, *explained(error, args))
    elif isinstance(error, Failure):
        failure = error
    else:
        failure = _unexpected(error)
    if _wants_json(args):
        problem = {"title": failure.title, "detail": failure.hint, "exit_code": int(failure.code)}
        print(json.dumps(problem), file=sys.stderr)
    else:
        print(f"weft: {failure.title}", *([failure.hint] if failure.hint else []), sep="\n", file=sys.stderr)
    return failure.code


def _unexpected(error: BaseException) -> Failure:
    """A fault of weft's own: the traceback goes to a file, the person gets a sentence."""
    text = "".join(traceback.format_exception(error))
    name = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    try:
        log = _crash_log(text)
    except OSError as unwritable:
        return Failure(ExitCode.REFUSED, f"this is a fault in weft ({name})", f"Its details could not be written: {unwritable}.")
    return Failure(ExitCode.REFUSED, f"this is a fault in weft ({name})", f"The details are in {log}: please report them.")


def _crash_log(text: str) -> Path:
    folder = paths.state_dir()
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        descriptor, name = tempfile.mkstemp(prefix="weft-crash-", suffix=".log")
        os.close(descriptor)
        log = Path(name)
    else:
        log = folder / "crash.log"
    log.write_text(text)
    return log


def _wants_json(args: list[str]) -> bool:
    """Whether `-o json` was asked for: an error may come before the options are parsed, so they are read as text."""
    joined = " ".join(args)
    return any(form in f"{joined} " for form in ("-o json ", "-ojson ", "--output json ", "--output=json "))
