"""A run of `weft emulate`: network and controller started together, brought to agreement, checked, used and taken away."""

import http.client
import itertools
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from controller.cli.errors import ExitCode, Failure
from controller.cli.hypervisordown import HypervisorDown
from controller.cli.kinds import error_of
from controller.cli.linkdown import LinkDown
from controller.cli.output import many
from controller.cli.servicecheck import ServiceCheck
from controller.cli.supervised import SupervisedController, fetch, free_address
from topologies import catalogue, runs, servers
from topologies.isolation import Capture
from topologies.network import EmulatedNetwork, NetworkError
from topologies.outage import Ends
from topologies.reachability import matrix, probe, probe_again, probe_all

CONVERGE_SECONDS = 60.0
TAKEN = "is taken"  # as `weft start` says of a port
DEMO_PERIOD = 2.0  # seconds between two pings of the demo


class Emulation:
    """One network with its controller, from the first process to the last."""

    def __init__(self, topology: str, parameters: dict[str, str], web: str, apps: list[str]) -> None:
        self._topology = topology
        self._parameters = parameters
        self._web = web
        self._apps = apps
        self._started = time.monotonic()

    def run(self, check: bool, demo: bool, fail: Sequence[Ends | str] = ()) -> bool:
        """Build, check, fail these links or hypervisors or use, take away; whether all was as it should be."""
        for name in runs.heal():
            say("healed", f"removed what the killed run {name} had left")
        with ExitStack() as stack:
            self._build(stack, interactive=not (check or demo or fail))
            right = self._check(dashboard=demo) if check or demo else True
            right = right and (not check or self._check_services())
            survived = [self._fail(what) for what in fail]
            right = right and all(survived)
            if right and not (check or fail):
                self._use(demo)
        return right

    def _build(self, stack: ExitStack, interactive: bool) -> None:
        name = catalogue.find(self._topology).name
        run = runs.new_run(name)
        stack.callback(run.close)
        self._network = EmulatedNetwork(run, self._topology, self._parameters, interactive=interactive)
        stack.enter_context(self._network)
        self._network.launch()
        self._controller = self._new_controller(run)
        stack.callback(lambda: self._controller.stop())
        stack.callback(finish_undisturbed)
        # Before the bridges connect: they would find nobody there and take a second to try again.
        self._start_controller(run)
        self._network.start()
        bridges, hosts, links = len(self._network.bridges), len(self._network.hosts), len(self._network.links)
        say("network", f"{name}: {many(bridges, 'bridge')}, {many(hosts, 'host')}, {many(links, 'link')} between bridges")
        self._servers = servers.start(stack, self._network, self._topology, self._parameters)
        converge(self._controller, self._network)
        say("bridges", "connected, with all their flows")
        for line in self._failed_apps():
            say("app", line)

    def _failed_apps(self) -> list[str]:
        """What went wrong in apps, a line each."""
        apps = self._controller.client.items("/apps")
        return [f"{app['name']} failed: {error_of(app)}" for app in apps if app["state"] == "failed"]

    def _new_controller(self, run: runs.Run) -> SupervisedController:
        listen = f"unix:{self._network.controller_socket}"
        return SupervisedController(
            run.path,
            listen,
            free_address(self._web),
            self._apps,
            network_file(run, self._topology, self._parameters, self._network),
        )

    def _start_controller(self, run: runs.Run) -> None:
        while True:
            self._controller.start()
            run.record(self._controller.pid)
            try:
                self._controller.wait_ready()
                break
            except Failure as failure:
                ended, web = failure.code is ExitCode.REFUSED, self._controller.web
                if not ended or (free_address(web) == web and TAKEN not in failure.hint):
                    raise
                # Somebody else was quicker to take the port, and has perhaps given it back by now.
                self._controller = self._new_controller(run)
        web = self._controller.web
        taken = "" if self._web in (web, f"{web.rpartition(':')[0]}:0") else f" ({self._web} is taken)"
        say("controller", f"ready, dashboard at http://{web}{taken}")

    def _check(self, dashboard: bool) -> bool:
        """Ping between all pairs, see what each host hears and whether the dashboard answers, and say how it went."""
        say("ping", f"between all pairs of {len(self._network.hosts)} hosts")
        with Capture(self._network) as capture:
            probes = list(probe_all(self._network))
            capture.exchange()
            if lost := [str(each) for each in probes if each.lost] + capture.missing():
                converge(self._controller, self._network)
                probes = probe_again(self._network, probes)
                capture.exchange()
        print(matrix(probes))
        wrong = [str(each) for each in probes if not each.right]
        right = len(probes) - len(wrong)
        loss = 100 * sum(each.lost for each in probes) / max(1, sum(each.wanted for each in probes))
        faults = capture.faults()
        wrong += faults + [f"app {line}" for line in self._failed_apps()]
        heard = f"{capture.frames} frames heard" + (", not as they should be" if faults else ", each once and in its network")
        said = [f"{right} of {len(probes)} pairs as they should be", f"{loss:.3g} % loss", heard]
        if dashboard:
            silent = self._dashboard_fault()
            wrong += [silent] if silent else []
            said.append("the dashboard fails" if silent else "the dashboard answers")
        seconds = time.monotonic() - self._started
        print(f"{'FAILED' if wrong else 'ok'}: {', '.join(said)} ({seconds:.1f} s)", flush=True)
        for line in wrong or [f"at the second try only: {each}" for each in lost]:
            print(f"  {line}", file=sys.stderr)
        if wrong or lost:
            print(self._controller.last_words(), file=sys.stderr)
        return not wrong

    def _check_services(self) -> bool:
        """Ask all services of the topology, if it has any, and say how it went."""
        if self._servers is None:
            return True
        begun = time.monotonic()
        trial = ServiceCheck(
            self._network, self._controller, self._servers, settle=lambda: converge(self._controller, self._network)
        )
        seconds, sizes = trial.wait_until_up(), f"{len(trial.services)} services, {len(self._servers.names)} backends each"
        say("services", f"{sizes}, all up after {seconds:.1f} s")
        for line in trial.run():
            print(line, flush=True)
        verdict = f"{len(trial.services)} services, {trial.connections} connections ({time.monotonic() - begun:.1f} s)"
        print(f"{'FAILED' if trial.wrong else 'ok'}: {verdict}", flush=True)
        for line in trial.wrong:
            print(f"  {line}", file=sys.stderr)
        return not trial.wrong

    def _fail(self, what: Ends | str) -> bool:
        """Take a link or a hypervisor down and bring it up under traffic, and say how it went."""
        trial: HypervisorDown | LinkDown
        if isinstance(what, str):
            name, trial = what, HypervisorDown(self._network, self._controller, what)
        else:
            name, trial = " - ".join(what), LinkDown(self._network, self._controller, what)
        print("\n".join(trial.run()))
        print(f"FAILED: {name}" if trial.wrong else f"ok: {name}, and traffic came back", flush=True)
        for line in trial.wrong:
            print(f"  {line}", file=sys.stderr)
        return not trial.wrong

    def _dashboard_fault(self) -> str:
        """What a browser would stumble over; nothing if it would see the page and every bridge."""
        try:
            status, page = fetch(self._controller.web, "/")
            if status != 200 or "<html" not in page.lower():
                return f"http://{self._controller.web}/ answers {status} and is no page; script/bootstrap builds the dashboard"
            status, body = fetch(self._controller.web, "/api/v1/bridges")
            shown = {bridge["name"] for bridge in json.loads(body)["items"]} if status == 200 else set()
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            return f"http://{self._controller.web}/ does not answer: {error}"
        missing = sorted(set(self._network.bridges) - shown)
        return f"/api/v1/bridges answers {status} and lacks {', '.join(missing)}" if missing else ""

    def _use(self, demo: bool) -> None:
        say("ask it", f"in another shell: {_program()} get hosts --state-dir {self._controller.state_dir}")
        if demo:
            say("demo", f"open http://{self._controller.web} in a browser; Ctrl-C ends it and takes everything away")
            self._keep_alive()
        else:
            say("console", "Mininet's command line: h1 ping h2, pingall, help; exit or Ctrl-D ends it and takes everything away")
            self._network.console()

    def _keep_alive(self) -> None:
        """A ping every now and then, so that there is something to see, until somebody ends it."""
        pairs = list(itertools.permutations(self._network.hosts.values(), 2))
        try:
            for turn in itertools.count():
                self._controller.pause(DEMO_PERIOD)
                if not self._network.alive:
                    raise NetworkError("the emulated network ended by itself")
                if pairs:
                    probe(self._network, *pairs[turn % len(pairs)])
        except KeyboardInterrupt:
            print()


def network_file(run: runs.Run, topology: str, parameters: dict[str, str], network: EmulatedNetwork) -> Path | None:
    """Write the network file of a topology, if it has one, into the run's directory; where it is."""
    found = catalogue.find(topology)
    text = found.network_file(found.build(parameters), network.ovs.directory)
    path = run.path / "network.yaml"
    if not text:
        return None
    path.write_text(text, encoding="utf-8")
    return path


def converge(controller: SupervisedController, network: EmulatedNetwork, seconds: float = CONVERGE_SECONDS) -> None:
    """Wait until every bridge is connected and holds all the flows it should, and it is known what is behind each port."""
    deadline = time.monotonic() + seconds
    while waiting := _waiting_for(controller, network):
        if time.monotonic() > deadline:
            raise Failure(ExitCode.TIMED_OUT, f"after {seconds:g} s {' and '.join(waiting)}", controller.last_words())
        controller.pause()


def _waiting_for(controller: SupervisedController, network: EmulatedNetwork) -> list[str]:
    bridges = {bridge["name"]: bridge for bridge in controller.client.items("/bridges")}
    waiting = []
    for name in network.bridges:
        bridge = bridges.get(name)
        if bridge is None or bridge["state"] != "connected":
            waiting.append(f"{name} is not connected")
        elif bridge["pending"]:
            waiting.append(f"{name} waits for {bridge['pending']} flows")
    held = [f"{port['bridge']}/{port['name']}" for port in controller.client.items("/ports") if port["role"] == "held"]
    waiting += [f"it is not known yet what is behind {port}" for port in held]
    return waiting


def say(what: str, text: str) -> None:
    """A line of progress."""
    print(f"{what:<11} {text}", flush=True)


def _program() -> str:
    """How a person runs weft here."""
    called = Path(sys.argv[0])
    name = "weft" if shutil.which("weft") else str(called) if called.name == "weft" else f"{sys.executable} -m controller"
    return f"sudo {name}" if "SUDO_USER" in os.environ else name


def finish_undisturbed() -> None:
    """Taking away is quick, and half of it would be worse than none: signals wait for its end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    say("end", "taking everything away")
