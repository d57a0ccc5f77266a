"""`weft emulate hypervisors --fail NAME`: a hypervisor dies and comes back; what others notice, and when all is well again."""

import time
from contextlib import ExitStack
from itertools import permutations

from controller.cli.errors import ExitCode, Failure
from controller.cli.supervised import SupervisedController
from topologies.network import EmulatedNetwork
from topologies.reachability import Probe, probe_all
from topologies.traffic import RATE, Heard, Stream

AGREE, RETURN = 20.0, 20.0  # seconds in which the controller must know, and in which all must be reached again
SETTLE = 0.5  # seconds


class HypervisorDown:
    """One hypervisor of a network, whose ovs-vswitchd is to be killed and started again."""

    def __init__(self, network: EmulatedNetwork, controller: SupervisedController, name: str) -> None:
        self._network, self._controller, self._name = network, controller, name
        self._gone = {host.name for host in network.hosts.values() if host.bridge == name}
        self.wrong: list[str] = []

    def run(self) -> list[str]:
        """Kill it and start it; the lines that say how it went. What was not as it should be is in `wrong` then."""
        list(probe_all(self._network))  # where machines are is known then
        with ExitStack() as stack:
            stream = self._stream()
            if stream is not None:
                stack.enter_context(stream)
                self._controller.pause(SETTLE)
                stream.forget()
            lines = [f"fail        {self._name}: its ovs-vswitchd is killed{_meanwhile(stream)}"]
            lines.append(self._kill(stream))
            lines.append(self._start(stream))
        return lines

    def _stream(self) -> Stream | None:
        """Traffic between two other hypervisors; none where there are no two."""
        others = [host for host in self._network.hosts.values() if host.name not in self._gone]
        for one, other in permutations(others, 2):
            if one.bridge != other.bridge and self._network.together(one.name, other.name):
                return Stream(one, other)
        return None

    def _kill(self, stream: Stream | None) -> str:
        begun, since = time.monotonic(), time.time()
        self._network.fail(self._name)
        self._wait_for(connected=False)
        seen = time.monotonic() - begun
        self._wait_for_bfd()
        watched = time.monotonic() - begun
        self._wait_for_hosts("unreachable")
        marked = time.monotonic() - begun
        self._controller.pause(SETTLE)
        heard = self._undisturbed("down", stream, since)
        probes = list(probe_all(self._network))
        wrong = [probe for probe in probes if probe.answered != (probe.wanted and not self._lives_there(probe))]
        self.wrong += [f"down: {probe.source} -> {probe.target}: {_answer(probe)}" for probe in wrong]
        pairs = f"{len(probes) - len(wrong)} of {len(probes)} pairs as they should be without {self._name}"
        when = f"{1000 * seen:.0f} ms, and each other hypervisor by BFD after {1000 * watched:.0f} ms"
        hosts = f"its hosts are unreachable after {1000 * marked:.0f} ms"
        return f"down        the controller knows after {when}; {hosts}; {heard}{pairs}"

    def _start(self, stream: Stream | None) -> str:
        begun, since = time.monotonic(), time.time()
        self._network.repair(self._name)
        self._wait_for(connected=True)
        flows = time.monotonic() - begun
        probes = list(probe_all(self._network))
        while not all(probe.right for probe in probes) and time.monotonic() < begun + RETURN:
            probes = list(probe_all(self._network))
        wrong = [probe for probe in probes if not probe.right]
        self.wrong += [f"up: {probe}" for probe in wrong]
        self._wait_for_hosts("reachable")
        heard = self._undisturbed("up", stream, since)
        pairs = f"{len(probes) - len(wrong)} of {len(probes)} pairs as they should be"
        return f"up          its flows are back after {1000 * flows:.0f} ms; {heard}{pairs}"

    def _undisturbed(self, state: str, stream: Stream | None, since: float) -> str:
        """What the traffic of others suffered since that moment, which is to be nothing."""
        heard = stream.heard() if stream is not None else Heard(1)
        if not heard.frames or heard.lost or heard.twice:
            what = f"{heard.lost} lost, {heard.twice} twice" if heard.frames else "nothing arrives"
            why = "".join(f"; {tunnel}" for tunnel in self._changed(since))
            self.wrong.append(f"{state}: traffic between other hypervisors is disturbed, {what}{why}")
        return f"{heard.lost} lost between others; " if stream is not None else ""

    def _changed(self, since: float) -> list[str]:
        """Tunnels between others that BFD lost: frames end while it is down, also where the machine was only too busy for it."""
        tunnels = [one for one in self._controller.client.items("/tunnels") if one["since"] > since]
        others = [one for one in tunnels if self._name not in (one["hypervisor"], one["peer"])]
        return [f"meanwhile {one['hypervisor']} lost {one['peer']}, now {one['state']}: {one['cause']}" for one in others]

    def _lives_there(self, probe: Probe) -> bool:
        return not self._gone.isdisjoint({probe.source, probe.target})

    def _wait_for(self, connected: bool) -> None:
        """Wait until the controller knows that the bridge is away, or is back with all its flows."""
        deadline = time.monotonic() + AGREE
        while time.monotonic() < deadline:
            [bridge] = [one for one in self._controller.client.items("/bridges") if one["name"] == self._name]
            if (bridge["state"] == "connected" and not bridge["pending"]) is connected:
                return
            self._controller.pause()
        what = "is back" if connected else "is gone"
        text = f"after {AGREE:g} s the controller does not know that {self._name} {what}"
        raise Failure(ExitCode.TIMED_OUT, text, self._controller.last_words())

    def _wait_for_bfd(self) -> None:
        """Wait until BFD has told the controller of each other hypervisor that this one does not answer."""
        deadline = time.monotonic() + AGREE
        while time.monotonic() < deadline:
            told = {one["name"]: one["bfd"] for one in self._controller.client.items("/hypervisors")}
            if not any(peer.endswith(f"/{self._name} up") for name in told for peer in told[name]):
                return
            self._controller.pause()
        raise Failure(ExitCode.TIMED_OUT, f"after {AGREE:g} s BFD still finds {self._name}", self._controller.last_words())

    def _wait_for_hosts(self, state: str) -> None:
        """Wait until this is the state of all hosts there, and of nobody else's the one that is bad."""
        deadline = time.monotonic() + AGREE
        while time.monotonic() < deadline:
            hosts = list(self._controller.client.items("/hosts"))
            there = {host["state"] for host in hosts if host["bridge"] == self._name}
            elsewhere = {host["state"] for host in hosts if host["bridge"] != self._name}
            if there <= {state} and elsewhere <= {"reachable"}:
                return
            self._controller.pause()
        text = f"after {AGREE:g} s not all hosts of {self._name} are {state}, or others are not reachable"
        raise Failure(ExitCode.TIMED_OUT, text, self._controller.last_words())


def _meanwhile(stream: Stream | None) -> str:
    if stream is None:
        return ""
    return f", while {RATE} datagrams a second go from {stream.source.name} to {stream.target.name}"


def _answer(probe: Probe) -> str:
    return "answered" if probe.answered else "no answer"
