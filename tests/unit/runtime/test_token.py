"""The token of a dashboard beyond loopback."""

from pathlib import Path

import pytest

from controller.runtime.token import kept_token

pytestmark = pytest.mark.unit


def test_it_is_the_same_after_a_restart_and_nobody_elses_to_read(tmp_path: Path) -> None:
    token = kept_token(tmp_path)
    assert len(token) > 40
    assert kept_token(tmp_path) == token
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0


def test_an_empty_file_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    assert kept_token(tmp_path)
