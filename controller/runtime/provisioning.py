"""The hypervisors of the network file as what is wanted of their databases: a bridge each, with the ports of its meshes."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from controller.config import ConfigError, NetworkFile, PortName
from controller.config.overlay import HypervisorEntry
from controller.config.provisioned import MadePortEntry
from controller.model import Hypervisor, Mesh, MeshMember, Row, TunnelPort
from controller.ovsdb.intents import Bfd, Bridge, Controller, Intent, Ipfix, Mirror, NetFlow, Port, SFlow
from controller.ovsdb.provision import HypervisorState, Tell
from controller.query import HypervisorView
from controller.runtime import overlay
from controller.runtime.channel import ListenError
from controller.runtime.hypervisors import Hypervisors, Place
from controller.runtime.journal import Journal, Severity
from controller.runtime.kept import kept

R = TypeVar("R", bound=Row)
FILE = "owner"


class Provisioning:
    """Keeps the hypervisors of the file that holds. `listen` is where bridges find us."""

    def __init__(self, hypervisors: Hypervisors, listen: tuple[str, ...]) -> None:
        self._hypervisors, self._listen = hypervisors, listen
        self._watched: dict[str, str] = {}  # names of ports that watch a peer, and which, as "MESH/PEER"

    def apply(self, file: NetworkFile) -> None:
        """Keep the hypervisors of this file. Raises ConfigError, and nothing has changed."""
        wanted, problems = {}, []
        rows = list(overlay.rows_of(file))
        for name, entry in file.hypervisors.items():
            if entry.ovsdb or entry.listen:
                try:
                    place = Place(entry.ovsdb, entry.listen, entry.system_id)
                    ports = [_port(port, made, overlay.mtu_of(file, PortName(name, port))) for port, made in entry.ports.items()]
                    wanted[name] = place, _intent(name, entry, rows, ports, controller_of(entry, self._listen))
                except ValueError as error:
                    problems.append(file.problem(("hypervisors", name), str(error)))
        if problems:
            raise ConfigError(problems)
        try:
            self._hypervisors.apply(wanted, others=file.hypervisors.keys() - wanted.keys())
        except ListenError as error:
            raise ConfigError([file.problem("hypervisors", str(error))]) from error
        self._watched = {row.name: f"{row.mesh}/{row.peer}" for row in _of(rows, TunnelPort) if row.peer}

    @property
    def count(self) -> int:
        """How many hypervisors are kept."""
        return len(self._hypervisors)

    def views(self) -> tuple[HypervisorView, ...]:
        """How the hypervisors are, by name."""
        return tuple(map(self._view, self._hypervisors.states()))

    def _view(self, state: HypervisorState) -> HypervisorView:
        problems = [f"{problem.subject or state.name}: {problem.text}" for problem in state.problems]
        problems += [f"{port.bridge}/{port.name}: {port.error}" for port in state.ports if port.error]
        watched = sorted((self._watched.get(port.name, port.name), port.bfd) for port in state.ports if port.bfd)
        return HypervisorView(
            name=state.name,
            state=state.state,
            remote=state.remote,
            since=state.since,
            version=state.version,
            ports=sum(port.number is not None for port in state.ports),
            bfd=tuple(f"{peer} {bfd}" for peer, bfd in watched),
            reason=state.reason,
            problems=tuple(problems),
        )


def teller(journal: Journal) -> Tell:
    """Writes down what is told of hypervisors."""

    def tell(severity: Severity, kind: str, subject: str, text: str) -> None:
        journal.add(severity, kind, subject, text)
        journal.changed("hypervisors")

    return tell


def kept_owner(folder: Path) -> str:
    """The name under which the controller of this state directory marks what it makes."""
    return kept(folder / FILE, partial(secrets.token_hex, 6), 0o644)


def _of(rows: list[Row], cls: type[R]) -> list[R]:
    return [row for row in rows if isinstance(row, cls)]


def _intent(name: str, entry: HypervisorEntry, rows: list[Row], made: list[Port], controller: str) -> Intent:
    """A bridge with a port for the data of each mesh, and where there is BFD or IPsec one for each peer; and plain ones."""
    hypervisors = {row.name: row for row in _of(rows, Hypervisor)}
    members = [(row.mesh, row.hypervisor) for row in _of(rows, MeshMember)]
    ports: list[Port] = []
    for mesh in _of(rows, Mesh):
        others = [hypervisors[other] for at, other in members if at == mesh.name and other != name]
        if (mesh.name, name) in members:
            ports += _tunnels(mesh, hypervisors[name], others)
    me = hypervisors[name]
    bridge = Bridge(
        me.bridge,
        (*ports, *made),
        (Controller(controller),),
        "netdev" if entry.datapath == "netdev" else "",
        me.dpid,
        other_config=entry.other_config,
        mirrors=tuple(Mirror(mirror, **dict(copied)) for mirror, copied in entry.mirrors.items()),
        netflow=NetFlow(**dict(entry.netflow)) if entry.netflow else None,
        sflow=SFlow(**dict(entry.sflow)) if entry.sflow else None,
        ipfix=Ipfix(**dict(entry.ipfix)) if entry.ipfix else None,
        adopt=me.adopt,
    )
    plain = (
        Bridge(
            other,
            tuple(_port(port, found, None) for port, found in more.ports.items()),
            datapath_type=bridge.datapath_type,
            fail_mode="standalone",
            other_config=more.other_config,
            adopt=more.adopt,
        )
        for other, more in entry.bridges.items()
    )
    return Intent((bridge, *plain))


def _port(name: str, made: MadePortEntry, room: int | None) -> Port:
    """A port as the file has it. One that Open vSwitch makes has the MTU for which its networks have room, if nothing is said."""
    options = {**made.options, "peer": made.peer} if made.peer else made.options
    bfd = Bfd(made.bfd.min_tx, made.bfd.min_rx) if made.bfd else None
    kind = "" if made.type == "system" else made.type
    mtu = made.mtu or (room if kind == "internal" else None)
    return Port(name, kind, options, bfd, mtu=mtu, number=made.number, max_rate=made.max_rate)


def _tunnels(mesh: Mesh, here: Hypervisor, others: list[Hypervisor]) -> Iterator[Port]:
    common = {**dict(mesh.options), "local_ip": str(here.vtep)}
    yield Port(mesh.port, mesh.type, {**common, "remote_ip": "flow", "key": "flow"})
    if not (mesh.bfd or mesh.security):
        return
    for peer in others:
        if mesh.hub in ("", here.name, peer.name):
            secure = {key: text or peer.name for key, text in mesh.security}
            options = {**common, "remote_ip": str(peer.vtep), "key": "0", **secure}
            bfd = Bfd(mesh.bfd[0], mesh.bfd[1]) if mesh.bfd else None
            yield Port(overlay.peer_port(mesh.name, peer.name), mesh.type, options, bfd)


def controller_of(entry: HypervisorEntry, listen: tuple[str, ...]) -> str:
    """Where the bridge of a hypervisor finds us. Raises ValueError where it could not."""
    if entry.controller:
        return entry.controller
    local = entry.ovsdb.startswith("unix:")
    first = ("unix:", "tcp:", "ssl:") if local else ("ssl:", "tcp:") if "ssl:" in entry.ovsdb + entry.listen else ("tcp:", "ssl:")
    target = next((target for scheme in first for target in listen if target.startswith(scheme)), "")
    if target.startswith("unix:"):
        return target
    scheme, _, rest = target.partition(":")
    host, _, port = rest.rpartition(":")
    here = "127.0.0.1" if local else _address_towards(entry.ovsdb)
    if not target or not here:
        raise ValueError("it is not known where its bridge finds weft; write controller: tcp:ADDRESS:PORT")
    address = ipaddress.ip_address(host.strip("[]"))
    if address.is_unspecified:
        return f"{scheme}:[{here}]:{port}" if ":" in here else f"{scheme}:{here}:{port}"
    if address.is_loopback and not ipaddress.ip_address(here).is_loopback:
        text = f"weft listens at {target}, where its bridge does not reach it; start weft with --listen {scheme}:{here}:{port}"
        raise ValueError(f"{text}, or write controller: {scheme}:ADDRESS:PORT")
    return target


def _address_towards(remote: str) -> str:
    """Our address on the way to "tcp:ADDRESS:PORT", as the routes say; empty where there is no way. Nothing is sent."""
    host = remote.partition(":")[2].rpartition(":")[0].strip("[]")
    if not host:
        return ""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return ""
