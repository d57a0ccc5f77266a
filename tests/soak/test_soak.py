"""A soak short enough for every run of the tests; `script/soak` is the long one."""

from __future__ import annotations

import os

import pytest

from tests.soak.churn import soak

SECONDS = float(os.environ.get("WEFT_SOAK", "180"))


@pytest.mark.timeout(SECONDS + 180)
def test_what_comes_and_goes_leaves_nothing() -> None:
    assert soak(SECONDS, tell=lambda sample: print(sample, flush=True)) == []
