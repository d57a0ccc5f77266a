"""What the dashboard is built from: named exactly, and not where this copy of it came from."""

import json
from pathlib import Path

FRONTEND = Path(__file__).parents[3] / "webui" / "frontend"


def test_the_lock_file_names_no_place() -> None:
    packages = json.loads((FRONTEND / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in packages.items() if name)
    assert "omit-lockfile-registry-resolved=true" in (FRONTEND / ".npmrc").read_text().splitlines()


def test_versions_are_exact() -> None:
    package = json.loads((FRONTEND / "package.json").read_text())
    versions = package["dependencies"] | package["devDependencies"]
    assert {name: version for name, version in versions.items() if not version[0].isdigit()} == {"typescript": "~5.9.3"}
