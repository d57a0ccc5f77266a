"""`weft doctor`: what this machine has and lacks, each with a line on how to mend it."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import checks, options
from controller.cli.errors import ExitCode
from controller.cli.output import Column, Format, field, many, print_table, print_value, shown

COLUMNS = (
    Column("CHECK", field("name")),
    Column("STATUS", field("status")),
    Column("FOUND", field("found"), long=True),
)


def doctor(
    output: options.Output = Format.TABLE,
    openflow_port: Annotated[int, typer.Option(min=1, max=65535, help="The port bridges will connect to.")] = 6653,
    web_port: Annotated[int, typer.Option(min=1, max=65535, help="The port of the dashboard.")] = 8080,
    state_dir: options.StateDir = None,
) -> None:
    """Check this machine, and say how to mend what is missing.

    ok: fine. warn: some things will not work, the line says which. fail: weft cannot do its work here (exit code 1).
    """
    results = [check.as_item() for check in checks.run(Path(state_dir) if state_dir else None, openflow_port, web_port)]
    counts = Counter(item["status"] for item in results)
    if output is Format.NAME:
        for item in results:
            print(item["name"])
    elif not print_value(results, output):
        print_table(shown(COLUMNS, output), results)
        mend = [item for item in results if item["mend"]]
        if mend:
            print("\nTo mend:")
        for item in mend:
            print(f"  {item['name']} ({item['status']}): {item['mend']}")
        print(f"\n{counts['ok']} ok, {many(counts['warn'], 'warning')}, {many(counts['fail'], 'failure')}")
    if counts["fail"]:
        raise typer.Exit(ExitCode.REFUSED)
