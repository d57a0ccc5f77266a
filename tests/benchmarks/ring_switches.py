"""A ring of fake switches in a process of its own: `python -m tests.benchmarks.ring_switches PORT [options]`.

They answer as switches do, and a frame that the controller sends out of a port arrives at the neighbour, which gives it to the
controller where a flow says so. Prints lines of JSON: when all had connected, then, every second, how many changes of flows
they were told, when the last one was, since when all of them can hear their neighbours, and when they had their pipelines.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from struct import unpack_from

from controller.openflow import codec
from controller.openflow.osken import V13, V14
from controller.packet import NEAREST_BRIDGE
from controller.pipeline import ADMIT, DROP, LLDP
from tests.fakes.switch import FakeSwitch, Link

NEXT, BEFORE = 1, 2  # the ports of the ring
ASKS = {port: ADMIT.flow(DROP, priority=300, in_port=port, eth_dst=NEAREST_BRIDGE, eth_type=LLDP).slot for port in (NEXT, BEFORE)}
TOGETHER = 100  # switches that connect at once, so that no connection waits for its turn in the kernel


class Switch(FakeSwitch):
    """One of the ring."""

    def __init__(self, number: int, ring: Ring) -> None:
        super().__init__(number, ports=2, versions=(V13,) if ring.plain else (V14, V13))
        self.ring = ring
        self.ready = 0.0  # when it had the flows by which discovery hears
        self.piped = 0.0  # when it had its first bundle, which is its pipeline
        self.link: Link

    def _take(self, message: bytes) -> None:
        if message[1] == codec.HELLO and self.ring.plain:
            self.version = V13  # os-ken says so by the first byte alone
        elif message[1] != codec.PACKET_OUT:
            super()._take(message)
        elif message[16:18] == b"\0\x10":  # one output
            (port,) = unpack_from("!I", message, 28)
            self.ring.carry(self.dpid, port, message[40:])

    def hear(self, port: int, frame: bytes) -> None:
        """A frame arrives: it goes to the controller where a flow says so."""
        cookie = 0
        if not self.ring.plain:
            flow = self.things.get(ASKS[port])
            if flow is None:
                return
            cookie = flow[0]
        self.ring.frames += 1
        self.link.send(self.packet_in(port, frame, cookie))

    def _commit(self, staged: list[bytes]) -> bool:
        self.piped = self.piped or time.monotonic()
        return super()._commit(staged)

    def _apply(self, message: bytes) -> tuple[int, int] | None:
        self.ring.changes += 1
        self.ring.last = time.monotonic()
        if self.ring.plain:
            self.changes += 1
            return None
        refused = super()._apply(message)
        if not self.ready and all(slot in self.things for slot in ASKS.values()):
            self.ready = time.monotonic()
        return refused


class Ring:
    """All of them, and the cables. `plain`: a controller that asks for discovery frames in a way of its own gets them all."""

    def __init__(self, count: int, plain: bool, apart: bool = False) -> None:
        self.plain, self.apart = plain, apart
        self.switches = [Switch(number, self) for number in range(1, count + 1)]
        self.frames = self.changes = 0
        self.last = 0.0

    def carry(self, dpid: int, port: int, frame: bytes) -> None:
        """A frame leaves a switch."""
        if port in (NEXT, BEFORE) and not self.apart:
            far = dpid if port == NEXT else dpid - 2
            self.switches[far % len(self.switches)].hear(BEFORE if port == NEXT else NEXT, frame)

    async def connect(self, port: int) -> None:
        """All of them, and wait until each has had its handshake."""
        loop = asyncio.get_running_loop()

        async def one(switch: Switch) -> None:
            _, switch.link = await loop.create_connection(lambda: Link(switch), "127.0.0.1", port)

        for start in range(0, len(self.switches), TOGETHER):
            await asyncio.gather(*(one(switch) for switch in self.switches[start : start + TOGETHER]))

    def numbers(self) -> dict[str, float]:
        """What there is to say; `ready`: when the last of them was, 0 where one is not."""
        times = [switch.ready for switch in self.switches]
        pipes = [switch.piped for switch in self.switches if switch.piped]
        away = sum(switch.link.closed.done() for switch in self.switches)
        ready = max(times) if all(times) else 0.0
        held = self.changes if self.plain else sum(len(switch.things) for switch in self.switches)
        piped = {"piped_first": min(pipes, default=0.0), "piped_last": max(pipes, default=0.0)}
        bare = 0 if self.plain else len(self.switches) - len(pipes)
        told = {"bare": bare, "changes": self.changes, "last": self.last, "frames": self.frames, "held": held}
        return {"ready": ready, "away": away} | told | piped


async def _run(options: argparse.Namespace) -> None:
    ring = Ring(options.switches, options.plain, options.apart)
    began = time.monotonic()
    await ring.connect(options.port)
    say(began=began, connected=time.monotonic())
    while True:
        await asyncio.sleep(1)
        say(**ring.numbers(), cpu=time.process_time())


def say(**numbers: float) -> None:
    """One line for who started this."""
    print(json.dumps(numbers), flush=True)


def main() -> None:
    """Until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--switches", type=int, default=1000)
    parser.add_argument(
        "--plain", action="store_true", help="for other controllers: each discovery frame is given to them, by 1.3"
    )
    parser.add_argument("--apart", action="store_true", help="no cables: no switch hears another one")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
