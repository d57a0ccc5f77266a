"""`weft version`: what is installed here, for people and for bug reports."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from controller.cli import options
from controller.cli.output import Format, print_value

# by the name that is shown: that of the library `ovs` alone could be taken for the version of Open vSwitch
LIBRARIES = {"os-ken": "os-ken", "python-ovs": "ovs", "flask": "Flask", "networkx": "networkx"}


def weft_version() -> str:
    """The version of the installed distribution."""
    return library_version("weft") or "unknown: not installed as a package"


def library_version(name: str) -> str:
    """A library's version; empty where it is not installed."""
    try:
        return installed(name)
    except PackageNotFoundError:
        return ""


def version(output: options.Output = Format.TABLE) -> None:
    """Show the version of weft. With -o wide, json or yaml also of what it stands on."""
    facts = {"weft": weft_version(), "python": platform.python_version(), "kernel": platform.release()}
    facts |= {shown: library_version(name) for shown, name in LIBRARIES.items() if output is not Format.TABLE}
    if print_value(facts, output):
        return
    if output is Format.WIDE:
        for name, value in facts.items():
            print(f"{name:<10} {value or 'not installed'}")
    elif output is Format.NAME:
        print(facts["weft"])
    else:
        print(f"weft {facts['weft']}")
