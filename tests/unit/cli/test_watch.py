"""`weft get --watch`: what changes comes as it happens."""

import json
import os
import pty
import subprocess
import sys

import pytest

from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit


def test_a_change_is_an_object_a_line(weft: Weft, view: FakeView) -> None:
    with weft.start("get", "hosts", "-w", "-o", "json") as process:
        assert process.stdout is not None
        first = [json.loads(process.stdout.readline()) for _ in range(4)]
        assert {change["change"] for change in first} == {"added"}
        learned = view.learn(9)
        later = json.loads(process.stdout.readline())
        assert (later["change"], later["item"]["mac"]) == ("added", learned.mac)
        process.kill()


def test_what_changed_is_said_in_the_first_column(weft: Weft, view: FakeView) -> None:
    with weft.start("get", "bridges", "-w") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        assert lines[0].startswith("CHANGE")
        assert all(line.startswith("added ") for line in lines[1:])
        view.bridge_down("s2")
        line = process.stdout.readline()
        assert line.split()[:2] == ["changed", "s2"]
        assert line.index("s2") == lines[0].index("NAME")
        process.kill()


def test_events_follow_their_history_without_a_gap(weft: Weft, view: FakeView) -> None:
    with weft.start("get", "events", "-w", "-o", "json") as process:
        assert process.stdout is not None
        past = [json.loads(process.stdout.readline())["item"] for _ in view.events()]
        view.bridge_down("s1")
        event = json.loads(process.stdout.readline())["item"]
        assert event["kind"] == "bridge.disconnected"
        assert event["seq"] == past[-1]["seq"] + 1
        process.kill()


def test_status_cannot_be_watched(weft: Weft) -> None:
    assert weft("get", "status", "-w").code == 64


def test_a_terminal_sees_the_table_drawn_anew(weft: Weft, view: FakeView) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "controller", "get", "bridges", "-w"]
    with subprocess.Popen(command, env=weft.environment | {"TERM": "xterm"}, stdout=follower) as process:
        text = read_until(leader, "s3")
        assert "CHANGE" not in text
        view.bridge_down("s2")
        assert "disconnected" in read_until(leader, "disconnected")
        process.kill()
    os.close(follower)
    os.close(leader)


def read_until(terminal: int, words: str) -> str:
    text = ""
    while words not in text:
        text += os.read(terminal, 65536).decode()
    return text
