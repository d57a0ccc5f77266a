"""What is flat and what is not."""

from __future__ import annotations

import pytest

from tests.soak.verdict import Sample, faults

FLAT = [Sample(10.0 * n, 100_000 + 500 * (n % 3), 84, 22, 691, 60 * n) for n in range(20)]


def test_noise_is_flat() -> None:
    assert faults(FLAT) == []


def test_what_grows_only_at_first_is_flat() -> None:
    cold = [sample._replace(memory=80_000 + 2000 * n, threads=60 + n) for n, sample in enumerate(FLAT[:8])]
    assert faults(cold + FLAT[8:]) == []


@pytest.mark.parametrize("what", ["memory", "threads", "files", "flows"])
def test_a_leak_in_each_round_is_found(what: str) -> None:
    step = 2000 if what == "memory" else 1
    (fault,) = faults([sample._replace(**{what: getattr(sample, what) + step * n}) for n, sample in enumerate(FLAT)])
    assert fault.startswith(what)


def test_one_thread_or_file_too_many_at_a_look_is_no_leak() -> None:
    assert faults([*FLAT[:-1], FLAT[-1]._replace(threads=85, files=23)]) == []


def test_too_few_rounds_are_no_verdict() -> None:
    assert faults(FLAT[:2]) == ["2 rounds are too few to tell"]


def test_a_long_run_may_grow_less_than_a_short_one() -> None:
    grown = [sample._replace(memory=100_000 + 1000 * n) for n, sample in enumerate(FLAT)]
    assert faults(grown) == []
    assert faults([sample._replace(seconds=60 * sample.seconds) for sample in grown])
