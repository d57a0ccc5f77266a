"""A controller of `weft start` beside a private Open vSwitch, and the questions that tests ask of the two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from controller.cli.supervised import free_address
from tests.nursery import CopiedController
from topologies.openvswitch import PrivateOvs

PATIENCE = 15.0
R = TypeVar("R", bound="Running")


def eventually(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until `what()` is true; gives what it gave. Fails with what it gave last."""
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:g} s; the last was {found!r}"
        time.sleep(0.02)


class Running(CopiedController):
    """The controller, and the bridges of one Open vSwitch that are connected to it on loopback."""

    def __init__(self, folder: Path, ovs: PrivateOvs, *options: str) -> None:
        self.ovs = ovs
        self.target = f"tcp:{free_address('127.0.0.1:0')}"
        super().__init__(folder, self.target, "")
        self._command += options

    def connect(self, *bridges: str) -> None:
        """Point bridges at the controller and wait until they have all their flows."""
        self.ovs.connect(list(bridges), self.target)
        self.settled(*bridges)

    def bridge(self, name: str) -> dict[str, Any]:
        """A bridge as the API shows it; {} while it is not known."""
        return next((b for b in self.client.items("/bridges") if b["name"] == name), {})

    def settled(self, *bridges: str) -> None:
        """Wait until these bridges are connected and nothing is open."""
        eventually(lambda: all(self.is_settled(name) for name in bridges))

    def restart(self, *bridges: str) -> None:
        """End the controller, start it again and wait until these bridges are connected and nothing is open."""
        self.stop()
        self.start()
        self.wait_ready()
        self.settled(*bridges)

    def is_settled(self, bridge: str) -> bool:
        """Connected, nothing open, and known of every port what it is there for."""
        ports = list(self.client.items("/ports", bridge=bridge)) if self.bridge(bridge) else []
        about = self.bridge(bridge)
        done = about.get("state") == "connected" and not about["pending"]
        return done and bool(ports) and all(p["role"] != "held" for p in ports)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind, oldest first."""
        return list(self.client.get("/events/history", kind=kind, limit=1000)["items"])

    def flows(self, bridge: str, **query: Any) -> list[dict[str, Any]]:
        """The flows that the controller wants on a bridge."""
        return list(self.client.items("/flows", bridge=bridge, **query))

    def frame(self, port: str, source: int, destination: str = "ff:ff:ff:ff:ff:ff", number: int = 1) -> None:
        """A frame comes in by a dummy port; `source` is the last byte of its address and of 10.0.0.x."""
        mac = f"02:00:00:00:00:{source:02x}"
        self.ovs.appctl(
            "netdev-dummy/receive",
            port,
            f"in_port({number}),eth(src={mac},dst={destination}),eth_type(0x0800),"
            f"ipv4(src=10.0.0.{source},dst=10.0.0.99,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)",
        )


@contextmanager
def running(folder: Path, ovs: PrivateOvs, *options: str) -> Iterator[Running]:
    """Start a controller and end it."""
    with kept_running(Running(folder, ovs, *options)) as controller:
        yield controller


@contextmanager
def kept_running(controller: R) -> Iterator[R]:
    """Start a controller of some kind and end it."""
    controller.start()
    try:
        controller.wait_ready()
        yield controller
    finally:
        controller.stop()
