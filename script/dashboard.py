"""Builds the dashboard, webui/frontend -> webui/static, where the sources are newer than what was built.

Used by script/bootstrap and, through setup.py, by every build of a wheel; hence the standard library only.
Exit codes: 0 built or nothing to do; 1 the build failed; with --check, 2 out of date, 3 and no Node.js to build with.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "webui" / "frontend"
STATIC = ROOT / "webui" / "static"
STAMP = STATIC / ".built-from"
NPM = ("--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000")
LINES = 30  # of what a failed command said
NO_NODE = "The dashboard is built with Node.js 20.19 or newer (not 21) and its npm: install them, or run script/bootstrap."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="build nothing, only say by the exit code whether it is needed")
    check = parser.parse_args().check
    wanted = digest(sources())
    if STAMP.exists() and STAMP.read_text() == wanted and (STATIC / "index.html").exists():
        return 0
    node = node_folder()
    if check:
        return 2 if node else 3
    if node is None:
        print(f"error: {NO_NODE}", file=sys.stderr)
        return 1
    return build(node, wanted)


def sources() -> Iterator[Path]:
    """Every file that the build reads: in node_modules, what the lock file says."""
    for folder, folders, files in os.walk(FRONTEND):
        folders[:] = sorted(name for name in folders if name != "node_modules")
        yield from (Path(folder, name) for name in sorted(files))


def digest(files: Iterator[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(FRONTEND)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def node_folder() -> Path | None:
    """The folder of a node that is new enough, with its npm: the system's, else that in the virtual environment."""
    found = shutil.which("node")
    folders = [Path(found).parent] if found else []
    for folder in (*folders, Path(sys.executable).parent, ROOT / ".venv" / "bin"):
        if (folder / "node").exists() and (folder / "npm").exists() and new_enough(folder / "node"):
            return folder
    return None


def new_enough(node: Path) -> bool:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    parsed = re.match(r"v(\d+)\.(\d+)", said)
    version = (int(parsed[1]), int(parsed[2])) if parsed else (0, 0)
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


def build(node: Path, wanted: str) -> int:
    environment = {**os.environ, "PATH": f"{node}:{os.environ['PATH']}"}
    STAMP.unlink(missing_ok=True)
    for command in (["npm", "ci", *NPM], ["npm", "run", "build"]):
        if command[1] == "ci" and modules_current():
            continue
        done = subprocess.run(command, cwd=FRONTEND, env=environment, text=True, check=False, capture_output=True)
        if done.returncode:
            said = f"{done.stdout}{done.stderr}".splitlines()[-LINES:]
            print(*said, f"error: {' '.join(command[:3])} failed in webui/frontend.", sep="\n", file=sys.stderr)
            return 1
    if not (STATIC / "index.html").exists():
        print("error: npm run build wrote no webui/static/index.html.", file=sys.stderr)
        return 1
    STAMP.write_text(wanted)
    return 0


def modules_current() -> bool:
    """npm writes node_modules/.package-lock.json when it installs: newer than the lock file means nothing to install."""
    lock, installed = FRONTEND / "package-lock.json", FRONTEND / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


if __name__ == "__main__":
    sys.exit(main())
