"""The wheel is the product: with the dashboard, the apps and the topologies in it, it runs without the checkout."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.arch.source import ROOT


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a wheel built from the checkout, which is left as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    commands = f"-q build --build-base {folder}/build egg_info --egg-base {folder} bdist_wheel --dist-dir {folder}"
    done = subprocess.run([sys.executable, "setup.py", *commands.split()], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("weft-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture
def environment(unpacked: Path, tmp_path: Path) -> dict[str, str]:
    """Nothing of the checkout comes before what is in the wheel."""
    return {**os.environ, "PYTHONPATH": str(unpacked), "WEFT_STATE_DIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_what_is_in_it(unpacked: Path) -> None:
    found = {str(file.relative_to(unpacked)) for file in unpacked.rglob("*") if file.is_file()}
    assert {"webui/static/index.html", "apps/l2_learning.py", "topologies/tree.py", "controller/py.typed"} <= found
    assert any(name.startswith("webui/static/assets/") and name.endswith(".js") for name in found)
    assert {name.split("/")[0] for name in found if ".dist-info" not in name} == {"apps", "controller", "topologies", "webui"}
    assert not [name for name in found if "frontend" in name]


def test_it_tells_its_version(environment: dict[str, str], unpacked: Path, tmp_path: Path) -> None:
    code = "import webui, controller.cli; print(webui.__file__); controller.cli.main()"
    said = subprocess.check_output([sys.executable, "-c", code, "version"], env=environment, cwd=tmp_path, text=True).splitlines()
    assert said[0].startswith(str(unpacked))
    assert said[1].startswith("weft ")


def test_it_serves_the_dashboard(environment: dict[str, str], tmp_path: Path) -> None:
    web = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "controller", "start", "--listen", f"tcp:127.0.0.1:{free_port()}", "--web", web]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            assert '<script type="module"' in fetch(f"http://{web}/", process)
        finally:
            process.terminate()
        assert process.wait(20) == 0


def fetch(url: str, process: subprocess.Popen[bytes]) -> str:
    """The page, as soon as it is served."""
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as page:
                text: str = page.read().decode()
                return text
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    process.terminate()
    pytest.fail(f"no page: {process.stdout.read().decode() if process.stdout else ''}")
