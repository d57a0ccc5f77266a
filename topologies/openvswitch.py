"""A private Open vSwitch: ovsdb-server and ovs-vswitchd of our own, and the programs that ask them, always with a timeout."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from topologies import runs

SCHEMAS = ("/usr/share/openvswitch/vswitch.ovsschema", "/usr/local/share/openvswitch/vswitch.ovsschema")
DATAPATHS = ("dummy", "netdev")
PRIORITY = -10  # niceness of the daemons


class OvsError(RuntimeError):
    """An Open vSwitch program failed, is missing or did not answer in time."""


class OvsTools:
    """ovs-vsctl, ovs-ofctl and ovs-appctl for the Open vSwitch whose files are in a directory.

    The sockets of its bridges are in `sockets`, if that is another directory; several Open vSwitches may share it.
    """

    def __init__(self, directory: Path, sockets: Path | None = None) -> None:
        self.directory = directory
        self.environment = {f"OVS_{name}": str(directory) for name in ("LOGDIR", "DBDIR", "SYSCONFDIR")}
        self.environment["OVS_RUNDIR"] = str(sockets or directory)

    def vsctl(self, *arguments: str, timeout: int = 10) -> str:
        """Run ovs-vsctl; it returns when ovs-vswitchd has done what was asked."""
        database = f"--db=unix:{self.directory / 'db.sock'}"
        return self._run("ovs-vsctl", database, f"--timeout={timeout}", *arguments, timeout=timeout)

    def ofctl(self, *arguments: str, protocol: str = "OpenFlow14", timeout: int = 10) -> str:
        """Run ovs-ofctl with one OpenFlow version."""
        return self._run("ovs-ofctl", "-O", protocol, f"--timeout={timeout}", *arguments, timeout=timeout)

    def appctl(self, *arguments: str, timeout: int = 10) -> str:
        """Run a command inside ovs-vswitchd."""
        control = str(self.directory / "vswitchd.ctl")
        return self._run("ovs-appctl", f"--timeout={timeout}", "-t", control, *arguments, timeout=timeout)

    def flows(self, bridge: str) -> list[str]:
        """The flows of a bridge as ovs-ofctl text, without counters, sorted."""
        text = self.ofctl("--no-stats", "--no-names", "dump-flows", bridge)
        return sorted(line.strip() for line in text.splitlines() if line.startswith(" "))

    def add_bridge(
        self, name: str, *, dpid: int, ports: tuple[str, ...] = (), datapath: str = "dummy", controller: str = ""
    ) -> None:
        """A bridge that speaks OpenFlow 1.3 and 1.4 and forwards nothing by itself; ports get the numbers 1, 2, ..."""
        command = ["add-br", name, "--", "set", "Bridge", name, f"datapath_type={datapath}", "fail_mode=secure"]
        command += ["protocols=[OpenFlow13,OpenFlow14]", f"other_config:datapath-id={dpid:016x}"]
        for number, port in enumerate(ports, 1):
            command += ["--", "add-port", name, port, "--", "set", "Interface", port, f"ofport_request={number}"]
        self.vsctl(*command)
        if controller:
            self.connect([name], controller)

    def connect(self, bridges: list[str], controller: str) -> None:
        """Give bridges their controller, in one transaction; they try again each second while it is away."""
        command: list[str] = []
        for number, bridge in enumerate(bridges):
            command += ["--", f"--id=@c{number}", "create", "Controller", f'target="{controller}"', "max_backoff=1000"]
            command += ["connection_mode=out-of-band", "--", "set", "Bridge", bridge, f"controller=@c{number}"]
        self.vsctl(*command)

    def _run(self, *command: str, timeout: int) -> str:
        try:
            done = subprocess.run(
                command, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=timeout + 2, check=False
            )
        except FileNotFoundError as error:
            raise OvsError(f"{command[0]} is not installed: apt-get install openvswitch-switch") from error
        except subprocess.TimeoutExpired as error:
            raise OvsError(f"{' '.join(command)} did not answer in {timeout} s") from error
        if done.returncode != 0:
            raise OvsError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout


class PrivateOvs(OvsTools):
    """The two daemons, in a directory of their own.

    `dummy` needs no root and moves frames only where a test tells it to. `netdev` moves real frames in userspace and makes taps
    in the network namespace it is started in, or the one named (a path): there can be only one in a namespace.
    The daemons are killed by the kernel should the thread end that started them.
    """

    def __init__(self, directory: Path, datapath: str = "dummy", *, sockets: Path | None = None, namespace: str = "") -> None:
        if datapath not in DATAPATHS:
            raise ValueError(f"datapath must be one of {', '.join(DATAPATHS)}, not {datapath!r}")
        super().__init__(directory, sockets)
        self.datapath = datapath
        self._entering = ["nsenter", f"--net={namespace}"] if namespace else []
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start both daemons; returns when they answer."""
        self.directory.mkdir(mode=0o755, exist_ok=True)
        schema = next((path for path in SCHEMAS if Path(path).exists()), None)
        if schema is None:
            raise OvsError("Open vSwitch is not installed: apt-get install openvswitch-switch")
        database, remote = self.directory / "conf.db", self.directory / "db.sock"
        try:
            self._run("ovsdb-tool", "create", str(database), schema, timeout=10)
            self._spawn("ovsdb-server", str(database), f"--remote=punix:{remote}", control="ovsdb.ctl", ready=remote)
            self.vsctl("--no-wait", "init")
            self.start_vswitchd()
        except BaseException:
            self.stop()
            raise

    def start_vswitchd(self) -> None:
        """Start ovs-vswitchd, the first time or after `kill_vswitchd`; returns when it answers."""
        remote, control = self.directory / "db.sock", self.directory / "vswitchd.ctl"
        dummy = ["--enable-dummy=override", "--disable-system", "--disable-system-route"] if self.datapath == "dummy" else []
        self._spawn("ovs-vswitchd", f"unix:{remote}", *dummy, control=control.name, ready=control)

    def wait_for_bridge(self, name: str) -> None:
        """Wait until a bridge that is in the database takes OpenFlow connections."""
        if not _answers(Path(self.environment["OVS_RUNDIR"]) / f"{name}.mgmt", self.processes[-1]):
            raise OvsError(f"the bridge {name} did not come: {tail(self.directory / 'ovs-vswitchd.log')}")

    def kill_vswitchd(self) -> None:
        """Kill ovs-vswitchd, as a crash does."""
        process = self.processes.pop()
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End the daemons, last started first. Their files stay until the directory goes."""
        while self.processes:
            process = self.processes.pop()
            process.terminate()
            try:
                process.wait(3.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(self, program: str, *arguments: str, control: str, ready: Path) -> None:
        log, errors = self.directory / f"{program}.log", self.directory / f"{program}.err"
        # Preferred by the scheduler, as ovs-ctl does it in production: else another busy program is an outage. Needs root.
        preferred = ["nice", "-n", str(PRIORITY)] if self.datapath == "netdev" else []
        command = [*self._entering, *preferred, "setpriv", "--pdeathsig", "KILL", program, *arguments]
        command.append(f"--unixctl={self.directory / control}")
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                [*command, "-vconsole:off", "-vsyslog:off", "-vfile:info", f"--log-file={log}"],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is for the person's program, which then stops us
            )
        self.processes.append(process)
        if not _answers(ready, process):
            why = "ended at once" if process.poll() is not None else "does not answer"
            raise OvsError(f"{program} {why}: {tail(errors) or tail(log)}")


def _answers(path: Path, process: subprocess.Popen[bytes], seconds: float = 10.0) -> bool:
    """Wait until a socket takes connections; False when its process ended or too much time passed."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.connect(str(path))
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
    return False


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


@contextlib.contextmanager
def private_ovs(datapath: str = "dummy", name: str = "ovs") -> Iterator[PrivateOvs]:
    """A private Open vSwitch in a run directory that is removed afterwards, by the next run if need be."""
    runs.heal()
    run = runs.new_run(name)
    try:
        with PrivateOvs(run.path, datapath) as ovs:
            for process in ovs.processes:
                run.record(process.pid)
            yield ovs
    finally:
        run.close()
