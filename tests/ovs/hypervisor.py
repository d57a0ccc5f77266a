"""A hypervisor for tests: daemons that can be killed and started again each by itself, and more ways to reach the database."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.cli.supervised import free_address
from topologies import runs
from topologies.openvswitch import SCHEMAS, PrivateOvs


class HypervisorOvs(PrivateOvs):
    """`keys` is a directory of ovs-pki with the switch's key; then the database is there for TLS too."""

    def __init__(self, directory: Path, keys: Path | None = None) -> None:
        super().__init__(directory)
        self._options = ["--remote=db:Open_vSwitch,Open_vSwitch,manager_options"]
        if keys:
            pki = keys / "pki" / "controllerca" / "cacert.pem"
            own = [f"--private-key={keys / 'sw-privkey.pem'}", f"--certificate={keys / 'sw-cert.pem'}"]
            self._options += [*own, f"--ca-cert={pki}"]
        self._started: dict[str, tuple[tuple[str, ...], str, Path]] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def unix(self) -> str:
        """Where the database is for those on this host."""
        return f"unix:{self.directory / 'db.sock'}"

    def remote(self, scheme: str) -> str:
        """A way to the database from elsewhere, tcp or ssl, until ovsdb-server ends."""
        port = free_address("127.0.0.1:0").rpartition(":")[2]
        control = str(self.directory / "ovsdb.ctl")
        self._run("ovs-appctl", "-t", control, "ovsdb-server/add-remote", f"p{scheme}:{port}:127.0.0.1", timeout=5)
        return f"{scheme}:127.0.0.1:{port}"

    def kill(self, program: str) -> float:
        """kill -9; gives the time."""
        process = self.running.pop(program)
        process.kill()
        process.wait()
        self.processes.remove(process)
        return time.monotonic()

    def start_again(self, program: str) -> None:
        """The same daemon once more."""
        arguments, control, ready = self._started[program]
        self._spawn(program, *arguments, control=control, ready=ready)

    def new_database(self) -> None:
        """An empty database instead of the one that there is, while ovsdb-server does not run."""
        database = self.directory / "conf.db"
        database.unlink()
        schema = next(path for path in SCHEMAS if Path(path).exists())
        self._run("ovsdb-tool", "create", str(database), schema, timeout=10)

    def _spawn(self, program: str, *arguments: str, control: str, ready: Path) -> None:
        self._started.setdefault(program, (arguments, control, ready))
        options = self._options if program == "ovsdb-server" else []
        super()._spawn(program, *arguments, *options, control=control, ready=ready)
        self.running[program] = self.processes[-1]


@contextmanager
def hypervisor(keys: Path | None = None) -> Iterator[HypervisorOvs]:
    """Both daemons, in a run directory that is removed afterwards."""
    runs.heal()
    run = runs.new_run("hv")
    try:
        with HypervisorOvs(run.path, keys) as ovs:
            for process in ovs.processes:
                run.record(process.pid)
            yield ovs
    finally:
        run.close()
