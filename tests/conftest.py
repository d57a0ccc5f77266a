"""Shared by all tests: each bears the marker of its folder, so `pytest -m unit` is what needs nothing but Python."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
MARKERS = {"arch": "unit"} | {name: name for name in ("unit", "apps", "ovs", "soak", "emulated", "browser")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            marker = MARKERS.get(item.path.relative_to(HERE).parts[0])
            if marker:
                item.add_marker(marker)
