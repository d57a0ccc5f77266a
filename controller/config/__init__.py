"""The network file: what a person wants, read from YAML into typed, frozen models.

    file = load(Path("network.yaml"))          # or ConfigError, whose text is every problem with line and column
    file.networks["blue"].vlan                 # 10
    file.ports[PortName("s1", "s1-eth1")]       # access="blue"
    file.line_of("ports.s1/s1-eth1")           # 14

`scalars` and `source` read YAML and remember where everything stands, `models` is the shape, `explain` puts what pydantic
found into sentences, `checks` holds what one part of the file says about another, `differences` what is not as in another file.
Nothing here knows rows, apps or bridges: whether an app, a bridge or a port exists is for the caller, who tells it by
`NetworkFile.problem`, or looks for it in the nodes.
"""

from controller.config.checks import Found
from controller.config.differences import Entries, differences, entries
from controller.config.load import MOST, load, parse, read_or_stdin
from controller.config.models import BridgeEntry, LinkEntry, NetworkEntry, NetworkFile, PortEntry, PortName
from controller.config.problems import ConfigError, Keys, Problem
from controller.config.schema import schema
from controller.config.source import Node

__all__ = [
    "MOST",
    "BridgeEntry",
    "ConfigError",
    "Entries",
    "Found",
    "Keys",
    "LinkEntry",
    "NetworkEntry",
    "NetworkFile",
    "Node",
    "PortEntry",
    "PortName",
    "Problem",
    "differences",
    "entries",
    "load",
    "parse",
    "read_or_stdin",
    "schema",
]
