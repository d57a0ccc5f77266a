"""The one build step that setup.cfg cannot say: a wheel and an sdist contain the built dashboard."""

import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import ExecError


def build_dashboard() -> None:
    """Without effect where webui/static is already what the sources give."""
    script = Path(__file__).resolve().parent / "script" / "dashboard.py"
    if subprocess.run([sys.executable, str(script)], check=False).returncode:
        raise ExecError("the dashboard was not built, and weft is not packaged without it (the reason is above)")


class BuildPy(build_py):
    """An editable install serves webui/static as it is: script/bootstrap builds that."""

    def run(self) -> None:
        if not self.editable_mode:
            build_dashboard()
            shutil.rmtree(self.build_lib, ignore_errors=True)  # an earlier build may have left what is no more
            self.__dict__.pop("data_files", None)  # may have been listed before the build
        super().run()


class Sdist(sdist):
    """With the built dashboard inside, a build from the sdist needs no Node.js."""

    def run(self) -> None:
        build_dashboard()
        super().run()


setup(cmdclass={"build_py": BuildPy, "sdist": Sdist})
