"""A handler that writes down what the switches say, for tests that use a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from controller.openflow.bundle import Block
from controller.openflow.events import Change, Event, Pushed, ReadBack, Ready
from controller.runtime.channel import Channel

PATIENCE = 10.0


class Recorder:
    """Keeps every event, and waits for those that a test needs."""

    def __init__(self) -> None:
        self.channels: dict[int, Channel] = {}  # by dpid, those that are ready now
        self.readies: list[Ready] = []
        self.events: list[Event] = []
        self.reasons: list[str] = []  # why connections ended
        self._news = asyncio.Event()

    def agreed(self, channel: Channel) -> None:
        """Nothing more to ask."""

    def ready(self, channel: Channel, ready: Ready) -> None:
        """A switch is there; its bridge is named after its LOCAL port."""
        channel.session.bridge = next((port.name for port in ready.ports if port.port == 0xFFFFFFFE), "?")
        self.channels[ready.dpid] = channel
        self.readies.append(ready)
        self._news.set()

    def received(self, channel: Channel, events: list[Event]) -> None:
        """It said something."""
        self.events += events
        self._news.set()

    def closed(self, channel: Channel, reason: str) -> None:
        """It is gone."""
        self.reasons.append(reason)
        if self.channels.get(channel.session.dpid) is channel:
            del self.channels[channel.session.dpid]
        self._news.set()

    async def until(self, there: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until this is true; what it then is."""
        async with asyncio.timeout(seconds):
            while not (found := there()):
                self._news.clear()
                await self._news.wait()
            return found

    async def event(self, kind: type, seconds: float = PATIENCE) -> Any:
        """Wait for an event of this kind and take it out."""
        found = await self.until(lambda: next((event for event in self.events if isinstance(event, kind)), None), seconds)
        self.events.remove(found)
        return found

    async def connected(self, dpid: int = 1) -> Channel:
        """Wait for a switch."""
        channel: Channel = await self.until(lambda: self.channels.get(dpid))
        return channel

    async def push(self, channel: Channel, changes: list[Change], blocks: Sequence[Block] = ()) -> Pushed:
        """Push and wait for the outcome."""
        channel.session.push(changes, blocks=blocks)
        channel.flush()
        pushed: Pushed = await self.event(Pushed)
        return pushed

    async def read_back(self, channel: Channel) -> ReadBack:
        """What the switch holds."""
        channel.session.read_back()
        channel.flush()
        back: ReadBack = await self.event(ReadBack)
        return back
