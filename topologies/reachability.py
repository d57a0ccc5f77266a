"""Who reaches whom: ping between all pairs of hosts of an emulated network, and the matrix a person reads."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from topologies.network import EmulatedNetwork, Host


@dataclass(frozen=True, slots=True)
class Probe:
    """One ping from one host to another, and whether the topology says that it must be answered."""

    source: str
    target: str
    wanted: bool
    answered: bool

    @property
    def right(self) -> bool:
        """Whether what happened is what must happen."""
        return self.wanted == self.answered

    def __str__(self) -> str:
        if self.right:
            return f"{self.source} -> {self.target}: as it should be"
        return f"{self.source} -> {self.target}: " + ("no answer" if self.wanted else "answered, though they must be apart")


def probe_all(network: EmulatedNetwork, workers: int = 4) -> Iterator[Probe]:
    """Ping between all ordered pairs of hosts, once each: the first packet between two hosts must not be lost either."""
    pairs = [(one, other) for one in network.hosts.values() for other in network.hosts.values() if one is not other]
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(lambda pair: probe(network, *pair), pairs)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def probe(network: EmulatedNetwork, source: Host, target: Host) -> Probe:
    """One ping."""
    wanted = any({source.name, target.name} <= group for group in network.groups)
    # Silence is proof only where it is expected, and waiting for it costs: a second there, more where an answer may be slow.
    patience = "3" if wanted else "1"
    command = network.command(source.name, "ping", "-n", "-q", "-c", "1", "-W", patience, target.ip)
    answered = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=False)
    return Probe(source.name, target.name, wanted, answered.returncode == 0)


def matrix(probes: list[Probe]) -> str:
    """A row a source and a column a target: `+` answered, `.` silent and apart as it must be, `X` not as it must be."""
    by_pair = {(probe.source, probe.target): probe for probe in probes}
    names = list(dict.fromkeys(probe.source for probe in probes))
    width = max((len(name) for name in names), default=1) + 1
    lines = [" " * width + "".join(f"{name:>{width}}" for name in names)]
    for source in names:
        cells = (_cell(by_pair.get((source, target))) for target in names)
        lines.append(f"{source:<{width}}" + "".join(f"{cell:>{width}}" for cell in cells))
    return "\n".join(lines)


def _cell(probe: Probe | None) -> str:
    if probe is None:
        return "-"
    if not probe.right:
        return "X"
    return "+" if probe.answered else "."
