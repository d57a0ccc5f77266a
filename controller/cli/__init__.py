"""The command line: `weft` and its commands.

Every command but `start` and `emulate` is a client of the REST API, over the Unix socket in the state directory. One
module a command; what they share is `client`, `output`, `kinds` (what `weft get` can show), `paths` and `errors`.
Nothing heavy is imported before it is needed: a command answers in a third of a second or a script will not use it.
"""

import sys


def main() -> None:
    """Run the command line and leave with one of the exit codes of `controller.cli.errors`."""
    try:
        from controller.cli.assembly import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while importing; later ones are seen by `run`
        code = 130
    sys.exit(code)
