"""The private Open vSwitch itself: it does what tests ask of it, and the next run removes what a killed one left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from topologies import runs
from topologies.openvswitch import OvsError, PrivateOvs, private_ovs

HOLD = """
import sys
from topologies.openvswitch import private_ovs
with private_ovs(name="held") as ovs:
    print(ovs.directory, *(process.pid for process in ovs.processes), flush=True)
    sys.stdin.read()
"""


def test_bridge_ports_and_flows(empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("br0", dpid=0x2A, ports=("p1", "p2"), controller="tcp:127.0.0.1:1")
    assert "dpid:000000000000002a" in empty_ovs.ofctl("show", "br0")
    assert empty_ovs.vsctl("get", "Interface", "p2", "ofport").strip() == "2"
    assert empty_ovs.vsctl("get-controller", "br0").strip() == "tcp:127.0.0.1:1"
    assert empty_ovs.flows("br0") == []
    empty_ovs.ofctl("add-flow", "br0", "priority=7,in_port=1,actions=output:2")
    assert empty_ovs.flows("br0") == ["priority=7,in_port=1 actions=output:2"]
    assert "Datapath actions: 2" in empty_ovs.appctl("ofproto/trace", "br0", "in_port=1")


def test_refusals_are_said_in_words(ovs: PrivateOvs) -> None:
    with pytest.raises(OvsError, match=r"del-br nosuch failed: .*no bridge named nosuch"):
        ovs.vsctl("del-br", "nosuch")


def test_two_at_the_same_time(ovs: PrivateOvs) -> None:
    with private_ovs() as other:
        assert other.directory != ovs.directory
        other.add_bridge("same", dpid=1)
        assert "same" not in ovs.vsctl("list-br").split()
    assert not other.directory.exists()
    assert ovs.vsctl("list-br") is not None


def test_what_a_killed_run_left_is_healed() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert holder.stdout is not None
    directory, *pids = holder.stdout.readline().split()
    assert Path(directory).exists()
    assert Path(directory).name not in runs.heal()  # alive: not to be touched
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    runs.heal()  # or somebody else's next run, just before
    assert not Path(directory).exists()
    assert not any(Path(f"/proc/{pid}/exe").exists() for pid in pids)


def test_a_process_that_only_has_the_number_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "registry", lambda: tmp_path / "runs")
    run = runs.new_run("old")
    bystander = subprocess.Popen(["sleep", "30"])
    try:
        (run.path / runs.PIDS).write_text(f'[["{bystander.pid}", "another boot:1"]]')
        os.close(run._lock)  # as its owner's death does
        assert runs.heal() == ["old"]
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert not (tmp_path / "runs").exists()
