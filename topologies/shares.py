"""What part of the connections each backend got beside what its weight stands for: Pearson's chi-square test, and a table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

LEVEL = 0.01  # of all samples that follow the weights so many are called odd
BAR = 20  # characters of a whole


@dataclass(frozen=True, slots=True)
class Shares:
    """Connections by backend, beside the weights of all backends. Backends of weight 0 must get none."""

    got: Mapping[str, int]
    weights: Mapping[str, int]

    @property
    def total(self) -> int:
        """All connections."""
        return sum(self.got.values())

    def expected(self, name: str) -> float:
        """The part of a backend by its weight, 0..1."""
        return self.weights.get(name, 0) / sum(self.weights.values())

    def share(self, name: str) -> float:
        """The part that a backend got, 0..1."""
        return self.got.get(name, 0) / self.total if self.total else 0.0

    @property
    def statistic(self) -> float:
        """Pearson's chi-square; infinite where somebody got connections who must have none."""
        if any(count and not self.weights.get(name) for name, count in self.got.items()):
            return math.inf
        wanted = {name: self.total * self.expected(name) for name, weight in self.weights.items() if weight}
        return sum((self.got.get(name, 0) - number) ** 2 / number for name, number in wanted.items()) if self.total else 0.0

    @property
    def probability(self) -> float:
        """How often connections that follow the weights by chance are as uneven as these or more."""
        return upper_tail(self.statistic, sum(weight > 0 for weight in self.weights.values()) - 1)

    @property
    def follow(self) -> bool:
        """Whether the connections may be said to follow the weights."""
        return self.total > 0 and self.probability >= LEVEL

    def lines(self, service: str) -> list[str]:
        """A row of the table for each backend."""
        return [self._line(service if at == 0 else "", name) for at, name in enumerate(self.weights)]

    def _line(self, service: str, name: str) -> str:
        share, bar = self.share(name), "█" * round(BAR * self.share(name))
        numbers = (
            f"{self.weights[name]:>6}  {100 * self.expected(name):5.1f} %  {100 * share:5.1f} %  {self.got.get(name, 0):>11}"
        )
        return f"{service:<11} {name:<8} {numbers}  {bar}".rstrip()


HEADER = f"{'service':<11} {'backend':<8} {'weight':>6}  {'wanted':>7}  {'share':>7}  {'connections':>11}"


def upper_tail(statistic: float, freedom: int) -> float:
    """The probability that chi-square with so many degrees of freedom is larger than STATISTIC (DLMF 8.4.10, 8.4.11)."""
    if freedom < 1:
        return 1.0 if statistic == 0 else 0.0
    if statistic > 1400:  # exp(-x/2) is 0 then
        return 0.0
    half, order = statistic / 2, 0.5 if freedom % 2 else 1.0
    tail = math.erfc(math.sqrt(half)) if freedom % 2 else math.exp(-half)
    while order < freedom / 2:
        tail += half**order * math.exp(-half) / math.gamma(order + 1)
        order += 1
    return tail
