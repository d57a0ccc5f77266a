"""Which topologies there are, what parameters they take, and how one is built from what a person typed."""

import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import topologies

MACHINERY = frozenset(
    {
        "announcements",
        "catalogue",
        "clients",
        "inside",
        "isolation",
        "machines",
        "namespaces",
        "network",
        "openvswitch",
        "outage",
        "reachability",
        "runs",
        "sender",
        "servers",
        "shares",
        "traffic",
        "webserver",
    }
)


class TopologyError(ValueError):
    """What was asked for cannot be built; the text says why and what can."""


@dataclass(frozen=True, slots=True)
class Topology:
    """A module with `build` and `groups`, and how it is called."""

    name: str
    module: ModuleType

    @property
    def summary(self) -> str:
        """One line about what is built."""
        return (inspect.getdoc(self.module.build) or "").split("\n")[0]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters with their defaults."""
        return {name: parameter.default for name, parameter in inspect.signature(self.module.build).parameters.items()}

    def build(self, given: Mapping[str, str]) -> Any:
        """The Mininet Topo for parameters as they were typed."""
        values = {name: self._value(name, text) for name, text in given.items()}
        try:
            return self.module.build(**values)
        except ValueError as error:
            raise TopologyError(f"{self.name}: {error}") from error

    def groups(self, topo: Any) -> list[set[str]]:
        """Groups of hosts that must reach each other and nobody else."""
        return list(self.module.groups(topo))

    @property
    def separate(self) -> bool:
        """Whether each bridge has an Open vSwitch of its own, where the controller makes it."""
        return getattr(self.module, "SEPARATE", False)

    def hypervisor(self, topo: Any, wanted: str) -> str:
        """The hypervisor of this name. A TopologyError says which there are."""
        if wanted not in topo.switches():
            raise TopologyError(f"there is no hypervisor {wanted!r}; there are: {', '.join(topo.switches())}")
        return wanted

    def links(self, topo: Any) -> list[tuple[str, str]]:
        """The links between bridges, each by the interfaces at its ends."""
        wires = [info for _, _, info in topo.links(withInfo=True) if not {info["node1"], info["node2"]} & set(topo.hosts())]
        return [(f"{wire['node1']}-eth{wire['port1']}", f"{wire['node2']}-eth{wire['port2']}") for wire in wires]

    def network_file(self, topo: Any, directory: Path) -> str:
        """The network file that the topology needs; empty where all hosts are in one network. Open vSwitch is in DIRECTORY."""
        write = getattr(self.module, "network_file", None)
        if write is None:
            return ""
        return str(write(topo, directory) if self.separate else write(topo))

    def _value(self, name: str, text: str) -> Any:
        if name not in self.parameters:
            known = ", ".join(f"{key}={value}" for key, value in self.parameters.items()) or "none"
            raise TopologyError(f"{self.name} has no parameter {name!r}; it has: {known}")
        default = self.parameters[name]
        if isinstance(default, bool):
            if text.lower() not in ("true", "false"):
                raise TopologyError(f"{self.name}: {name} must be true or false, not {text!r}")
            return text.lower() == "true"
        try:
            return type(default)(text)
        except ValueError as error:
            raise TopologyError(f"{self.name}: {name} must be a number, not {text!r}") from error


def names() -> list[str]:
    """The topologies that come with weft."""
    return sorted(module.name for module in pkgutil.iter_modules(topologies.__path__) if module.name not in MACHINERY)


def find(wanted: str) -> Topology:
    """A topology by name, or by the path of a Python file that has `build` and `groups`."""
    try:
        module = _from_file(Path(wanted)) if wanted.endswith(".py") else _from_name(wanted)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mininet"):
            raise TopologyError("Mininet is not installed for this Python; script/bootstrap does it") from error
        raise
    for needed in ("build", "groups"):
        if not callable(getattr(module, needed, None)):
            raise TopologyError(f"{wanted} has no function {needed}(); topologies/single.py shows what a topology needs")
    return Topology(Path(wanted).stem, module)


def _from_name(name: str) -> ModuleType:
    if name not in names():
        raise TopologyError(f"there is no topology {name!r}; there are {', '.join(names())}, or give the path of a .py file")
    return importlib.import_module(f"topologies.{name}")


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise TopologyError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
