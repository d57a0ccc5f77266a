"""Imports go one way: the core knows no app, the apps know no wire, each library sits behind one package of ours."""

import ast
import sys
from pathlib import Path

import pytest

from tests.arch.source import PACKAGES, imports, name_of, python, tree, within

# Each may import itself and what stands on an earlier line; what shares a line knows nothing of its neighbours.
LAYERS = (
    ("controller.model",),
    ("controller.pipeline", "controller.openflow"),
    ("controller.health",),
    ("controller.packet",),
    ("controller.state",),
    ("controller.app",),
    ("controller.topology",),
    ("controller.ovsdb",),
    ("controller.query_services",),
    ("controller.query",),
    ("controller.config",),
    ("controller.runtime",),
    ("controller.cli",),
    ("controller.__main__",),
)
ORDER = {name: number for number, layer in enumerate(LAYERS) for name in layer}

# Beside the layers: who may import what of ours.
ALLOWED = {
    "apps": ("apps", "controller.model", "controller.pipeline", "controller.packet", "controller.app"),
    "webui": ("webui", "controller.query"),
    "topologies": ("topologies",),
}
IMPORTERS = {
    "apps": ("apps",),
    "webui": ("webui", "controller.runtime"),
    "topologies": ("topologies", "controller.cli"),
}

# A library, and the only places of ours that may import it. The longest name that fits counts.
LIBRARIES = {
    "os_ken": ("controller.openflow", "controller.packet"),
    "ovs": ("controller.ovsdb",),
    "ovs.flow": ("controller.runtime.flow_filter",),
    "asyncio": ("controller.runtime",),
    "flask": ("webui",),
    "flask_openapi3": ("webui",),
    "waitress": ("webui",),
    "mininet": ("topologies",),
    "typer": ("controller.cli",),
    "httpx": ("controller.cli",),
    "scapy": (),
}

# No I/O and no clock of its own: what these need to know is passed in.
PURE = (
    "controller.model",
    "controller.pipeline",
    "controller.openflow",
    "controller.packet",
    "controller.health",
    "controller.state",
    "apps",
)
IMPURE = ("asyncio", "socket", "select", "selectors", "subprocess", "threading", "time")


def violations(module: str, source: ast.Module, is_package: bool = False) -> list[str]:
    """What a module imports and may not, as sentences."""
    found = []
    for imported in imports(module, source, is_package):
        found += [f"{module} imports {imported}: {why}" for why in (_ours(module, imported), _library(module, imported)) if why]
    return found


def _ours(module: str, imported: str) -> str:
    target, importer = layer_of(imported), layer_of(module)
    top, imported_top = module.split(".")[0], imported.split(".")[0]
    if imported_top in IMPORTERS and not within(module, *IMPORTERS[imported_top]):
        return f"only {' and '.join(IMPORTERS[imported_top])} may"
    if imported_top not in PACKAGES:
        return ""
    if top in ALLOWED:
        return "" if within(imported, *ALLOWED[top]) else f"{top} may import only {', '.join(ALLOWED[top])}"
    if target and importer and target != importer and ORDER[target] >= ORDER[importer]:
        return f"{target} is not below {importer}"
    return ""


def _library(module: str, imported: str) -> str:
    library = max((name for name in LIBRARIES if within(imported, name)), key=len, default="")
    if library and not within(module, *LIBRARIES[library]):
        return f"only {' and '.join(LIBRARIES[library]) or 'tests'} may"
    if within(module, *PURE) and within(imported, *IMPURE):
        return "it has no I/O and no clock"
    if within(module, "controller.model") and imported.split(".")[0] not in {*sys.stdlib_module_names, *PACKAGES}:
        return "the model needs the standard library alone"
    return ""


def layer_of(module: str) -> str:
    """The layer that a module is in; none where it is no part of the controller or is the package itself."""
    return next((layer for layer in ORDER if within(module, layer)), "")


@pytest.mark.parametrize("file", python(*PACKAGES), ids=name_of)
def test_imports_go_one_way(file: Path) -> None:
    assert violations(name_of(file), tree(file), file.name == "__init__.py") == []


def test_every_part_of_the_controller_has_a_layer() -> None:
    modules = [name_of(file) for file in python("controller")]
    assert [name for name in modules if name != "controller" and not layer_of(name)] == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("controller.model.rows", "from controller.pipeline import Flow"),
        ("controller.model.rows", "import networkx"),
        ("controller.model", "from .rows import x\nfrom ..state import tables"),
        ("controller.pipeline.flow", "from controller.openflow.errors import OfError"),
        ("controller.state.engine", "if TYPE_CHECKING:\n    from controller.app import App"),
        ("controller.state.engine", "def late():\n    import controller.runtime.wiring"),
        ("controller.state.engine", "import time"),
        ("controller.openflow.session", "import socket"),
        ("controller.topology.lldp", "from os_ken.lib.packet import lldp"),
        ("controller.runtime.view", "import ovs.db.idl"),
        ("controller.ovsdb.idl", "from ovs.flow.filter import OFFilter"),
        ("controller.runtime.view", "from controller import cli"),
        ("controller.runtime.view", "from apps.l2_learning import L2Learning"),
        ("controller.topology.graph", "import asyncio"),
        ("controller.cli.start", "from webui import app"),
        ("controller.runtime.wiring", "from topologies.tree import build"),
        ("apps.l2_learning", "from controller.state.tables import Tx"),
        ("apps.l2_learning", "from controller import runtime"),
        ("webui.api", "from controller.runtime.view import View"),
        ("topologies.tree", "from controller.model import Mac"),
        ("controller.runtime.view", "import scapy.all"),
    ],
)
def test_a_violation_is_found(module: str, code: str) -> None:
    assert len(violations(module, ast.parse(code), is_package=module == "controller.model")) == 1


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("controller.model.events", "from controller.model.rows import Row\nimport dataclasses"),
        ("controller.openflow.codec", "import os_ken.ofproto"),
        ("controller.runtime.channel", "import asyncio, socket, time\nfrom controller import query"),
        ("controller.cli.emulate", "from topologies import catalogue"),
        ("apps.l2_learning", "from controller.app import App"),
        ("webui.api", "from controller.query import View\nfrom webui import problem"),
    ],
)
def test_what_is_allowed_is_not_found(module: str, code: str) -> None:
    assert violations(module, ast.parse(code)) == []
