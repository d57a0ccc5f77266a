"""What each port is there for, and the links between bridges, by signed LLDP frames.

Roles of a port:

    held    it came up a moment ago: nothing passes until it is known what is behind it, HOLD seconds at the most
    edge    no bridge of ours is behind it: hosts
    link    one port of another bridge is behind it, and both hear each other
    oneway  it hears a bridge that does not hear it, or another one: nothing passes
    shared  it hears several bridges, through a switch of somebody else, or a bridge behind a port with hosts: nothing passes
    self    it hears its own bridge: nothing passes
    tunnel  it carries a mesh of tunnels, and `bfd` watches one of them: known by name (see tunnels.py), no frames are sent there

Frames are sent at once when a port comes up, then in turn, so many a second at the most. A link that is not heard of in
MISSES turns is gone; a port that goes down ends its link at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from controller.app import App, Reader, Tx, every, on, rules
from controller.model import (
    Bridge,
    BridgeDown,
    BridgeUp,
    Greeted,
    Host,
    Link,
    PacketIn,
    Pipeline,
    Port,
    PortDown,
    PortRole,
    PortUp,
    Prepared,
    Row,
    TunnelPort,
    key,
)
from controller.packet import NEAREST_BRIDGE, Beacon, beacon, parse_beacon
from controller.pipeline import ADMIT, LLDP, Flow, controller, output
from controller.pipeline.actions import PORT_LOCAL

HOLD = 0.5  # seconds that a port waits for a bridge behind it
TRIES = 3  # ticks in which it says who it is meanwhile: time in which this process did not run proves nothing
TICK = 0.1  # seconds between two frames of a port that is held, and between two shares of a beat
BEAT = 0.5  # seconds between two parts of a turn: to wake up costs more than to send what is due then
BEATS, MOST_BEATS = 2, 10  # of a turn: it takes one to five seconds, if not longer because of RATE
LEAST = 50  # ports of a part, where there are so many; a part with more than that is sent in shares
GROWTH = ((100, 4), (1000, MOST_BEATS))  # for more frames a second than so many, a turn grows up to so many beats
RATE = 4000  # frames a second over all bridges, at the most
MISSES = 3  # turns without a frame until a link is gone
FRESH = 2  # turns that a frame is good for: what a host sends again later is too old

TUNNELS = ("tunnel", "bfd")

COPIES = 20  # discovery frames a second that a port may send to the controller
SEEN = 128  # bytes of them that are looked at; ours are shorter

KEY = secrets.token_bytes(32)  # signs our frames; another one each time the controller starts


class Heard(Row):
    """Who was heard on a port, and when. Apart from Link, because it changes all the time.

    `turn`: the last turn in which the port had had its share by then (`Turn.of`): so it ages without being written.
    `crowd`: before this turn it counts as one of several that are heard there.
    """

    bridge: str = key()
    port: int = key()
    peer: str = ""
    peer_port: int = 0
    turn: int = 0
    crowd: int = 0


class Held(Row):
    """How often a port was held, so that the end of an earlier time does not end a later one, and in which tick it began."""

    bridge: str = key()
    port: int = key()
    times: int = 0
    tick: int = 0


class Holding(Row):
    """There are ports that are held: they say again and again who they are."""

    name: str = key(default="discovery")


class Turn(Row):
    """Where the turn is: the place of the next port, the number of the turn, its beats so far; and all ticks.

    `ends`: the ports of this turn, in their order; who comes later has said already who it is.
    """

    name: str = key(default="discovery")
    place: int = 0
    number: int = 1
    beats: int = 0
    ticks: int = 0
    ends: tuple[tuple[str, int], ...] = ()

    def of(self, end: tuple[str, int]) -> int:
        """The last turn in which a port has had its share."""
        return self.number if self.place >= len(self.ends) or end < self.ends[self.place] else self.number - 1


class Listening(Row):
    """A bridge that sends discovery frames up to us. Its pipeline may not be there yet."""

    bridge: str = key()


@dataclass(frozen=True, slots=True)
class HoldOver:
    """A port was held for HOLD seconds, for the so manieth time."""

    bridge: str
    port: int
    times: int


@dataclass(frozen=True, slots=True)
class Share:
    """The next so many ports have their turn."""

    ports: int


class Discovery(App, stages=(ADMIT,)):
    """Says what each port is there for, and finds the links between bridges."""

    @rules(each=PortRole, first=True)
    def listen(self, role: PortRole, rows: Reader) -> Iterator[Flow]:
        """Discovery frames come to the controller, so many a second from each port, and go no further."""
        if role.port == PORT_LOCAL or role.role in TUNNELS:
            return
        meter = rows.meter("discovery", role.bridge, role.port, pps=COPIES, burst=COPIES, why="discovery frames of the port")
        yield meter
        copy, port = controller(SEEN, meter=meter.number), role.port
        yield ADMIT.flow(copy, priority=300, in_port=port, eth_dst=NEAREST_BRIDGE, eth_type=LLDP, why="discovery of links")

    # ------------------------------------------------------------------ ports

    @on(PortUp)
    def hold(self, event: PortUp, tx: Tx) -> None:
        """A port that comes up is held until it is known what is behind it; one that was known before a restart is not."""
        port = tx.get(Port, event.bridge, event.port)
        if port is None or tx.get(TunnelPort, port.name) is not None:
            return
        if tx.get(PortRole, event.bridge, event.port) is None:
            role = "edge" if event.port == PORT_LOCAL else "held"
            tx.put(PortRole(event.bridge, event.port, role, "it came up"))
        if tx.get(Listening, event.bridge):
            self.announce(port, tx)
            self._wait(tx, event.bridge, event.port)

    @on(Greeted)
    def introduce(self, event: Greeted, tx: Tx) -> None:
        """A bridge will hear us when frames arrive that are sent now: it says who it is on all its ports."""
        for port in tx.where(Port, bridge=event.bridge):
            self.announce(port, tx)

    @on(Prepared)
    def start(self, event: Prepared, tx: Tx) -> None:
        """A bridge hears us: from now on it counts what its ports do not hear."""
        tx.put(Listening(event.bridge))
        for port in tx.where(Port, bridge=event.bridge):
            if port.port != PORT_LOCAL:
                self._wait(tx, port.bridge, port.port)

    @on(BridgeDown)
    def stop(self, event: BridgeDown, tx: Tx) -> None:
        """A bridge that is away hears nothing: that says nothing about its links."""
        tx.drop(Listening, event.bridge)

    @on(BridgeUp)
    def forget_missing_ports(self, event: BridgeUp, tx: Tx) -> None:
        """Ports that are known from before, and that the bridge does not have any more."""
        for role in tx.where(PortRole, bridge=event.bridge):
            if tx.get(Port, role.bridge, role.port) is None:
                self.lose(PortDown(role.bridge, role.port), tx)

    @on(HoldOver)
    def classify(self, event: HoldOver, tx: Tx) -> None:
        """The time is over: with no bridge heard it is an edge port."""
        role = tx.get(PortRole, event.bridge, event.port)
        if role is None or role.role != "held" or not tx.get(Listening, event.bridge):
            return
        held, turn = tx.get(Held, event.bridge, event.port), tx.get(Turn, "discovery") or Turn()
        if held is None or held.times != event.times:
            return
        if turn.ticks < held.tick + TRIES:
            tx.after(TICK, event)
            return
        heard = tx.get(Heard, event.bridge, event.port)
        if heard is None:
            tx.put(PortRole(event.bridge, event.port, "edge", "no bridge of ours is behind it"))
        else:
            self._block(tx, role, "oneway", f"it hears {heard.peer} port {heard.peer_port}, which does not hear it")

    @on(PortDown)
    def lose(self, event: PortDown, tx: Tx) -> None:
        """A port that is down has no role, and its link is gone in both directions."""
        link = tx.get(Link, event.bridge, event.port)
        if link is not None:
            self._unlink(link, tx, "its other end is down")
        tx.drop(PortRole, event.bridge, event.port)
        tx.drop(Heard, event.bridge, event.port)
        tx.drop(Held, event.bridge, event.port)

    # ------------------------------------------------------------------ frames out

    def announce(self, port: Port, tx: Tx) -> None:
        """Send a frame that names the bridge and the port."""
        bridge, turn = tx.get(Bridge, port.bridge), tx.get(Turn, "discovery") or Turn()
        if bridge is not None and port.up and port.port != PORT_LOCAL and tx.get(TunnelPort, port.name) is None:
            frame = beacon(Beacon(bridge.dpid, port.port, turn.number), port.mac, KEY)
            tx.packet_out(port.bridge, frame, output(port.port))

    @every(TICK, each=Holding)
    def repeat(self, holding: Holding, tx: Tx) -> None:
        """Ports that are held say who they are again, before HOLD is over: a frame may have been lost."""
        turn = tx.get(Turn, "discovery") or Turn()
        tx.put(replace(turn, ticks=turn.ticks + 1))
        held = [*islice((role for role in tx.where(PortRole, role="held") if tx.get(Listening, role.bridge)), int(RATE * TICK))]
        if not held:
            tx.drop(holding)
        for role in held:
            port = tx.get(Port, role.bridge, role.port)
            if port is not None:
                self.announce(port, tx)

    @every(BEAT, each=Pipeline)
    def take_turns(self, pipeline: Pipeline, tx: Tx) -> None:
        """The next part of the ports, at once where they are few, else in shares until the next beat."""
        turn = tx.get(Turn, "discovery") or Turn()
        if turn.place >= len(turn.ends) and turn.beats >= _part(len(turn.ends))[1]:
            ends = tuple((role.bridge, role.port) for role in tx.where(PortRole) if role.port != PORT_LOCAL)
            turn = Turn("discovery", 0, turn.number + 1, 0, turn.ticks, ends)
        tx.put(replace(turn, beats=turn.beats + 1))
        part = _part(len(turn.ends))[0]
        shares = min(round(BEAT / TICK), -(-part // LEAST))
        share = Share(-(-part // shares))
        self.take_share(share, tx)
        for number in range(1, shares):
            tx.after(number * TICK, share)

    @on(Share)
    def take_share(self, share: Share, tx: Tx) -> None:
        """Each of these ports says who it is, and what it heard ages."""
        turn = tx.get(Turn, "discovery") or Turn()
        for end in turn.ends[turn.place : turn.place + share.ports]:
            role, port = tx.get(PortRole, *end), tx.get(Port, *end)
            if role is not None and port is not None and role.role not in TUNNELS:
                if tx.get(Listening, role.bridge):
                    self.announce(port, tx)
                self._age(role, turn.number, tx)
        tx.put(replace(turn, place=turn.place + share.ports))

    def _age(self, role: PortRole, number: int, tx: Tx) -> None:
        heard, link = tx.get(Heard, role.bridge, role.port), None
        if heard is None or heard.turn < number - MISSES:
            link = tx.get(Link, role.bridge, role.port)
        peer = heard.peer if heard else link.peer if link else ""
        if not tx.get(Listening, role.bridge) or (peer and not tx.get(Listening, peer)):
            if heard is not None:  # it cannot say or hear anything at present: that it is silent says nothing about the link
                tx.put(replace(heard, turn=heard.turn + 1, crowd=heard.crowd + 1))
            return
        if heard is not None and heard.turn >= number - MISSES:
            return
        tx.drop(Heard, role.bridge, role.port)
        if link is not None and heard is not None:
            text = f"{link.peer} was not heard on {link.bridge} port {link.port} for {MISSES} turns"
            tx.tell("warning", "link.lost", f"{link.bridge}/{link.port}", text)
            self._unlink(link, tx, "nothing was heard on it")
        elif link is not None:  # known from before a restart: it counts from now
            tx.put(Heard(link.bridge, link.port, link.peer, link.peer_port, number))
        elif role.role not in ("edge", "held"):
            self._hold(tx, role.bridge, role.port, "what it heard is silent")

    # ------------------------------------------------------------------ frames in

    @on(PacketIn)
    def hear(self, packet: PacketIn, tx: Tx) -> None:
        """A frame of ours came in: who is behind this port?"""
        said, turn = parse_beacon(packet.data, KEY), tx.get(Turn, "discovery") or Turn()
        end = bridge, port = packet.bridge, packet.in_port
        if said is None or said.round < turn.number - FRESH:
            return
        if not tx.get(Listening, bridge):  # it may still have the flows of another time
            return
        now, before, link = turn.of(end), tx.get(Heard, bridge, port), tx.get(Link, bridge, port)
        if link is not None and before is not None and before.crowd <= now:
            peer, peer_port = link.peer, link.peer_port
            sender = tx.get(Bridge, peer)
            if (before.peer, before.peer_port, sender and sender.dpid, said.port) == (peer, peer_port, said.dpid, peer_port):
                tx.put(Heard(bridge, port, peer, peer_port, now))  # nearly all frames: a link that goes on
                return
        role, senders = tx.get(PortRole, bridge, port), tx.where(Bridge, dpid=said.dpid)
        if role is not None and senders:
            self._heard(Heard(bridge, port, senders[0].bridge, said.port, now), role, tx)

    def _heard(self, heard: Heard, role: PortRole, tx: Tx) -> None:
        peer, peer_port = heard.peer, heard.peer_port
        before = tx.get(Heard, role.bridge, role.port)
        if role.role == "edge" and tx.where(Host, bridge=role.bridge, port=role.port):
            text = f"{role.bridge} port {role.port}, which has hosts, received a discovery frame of {peer} port {peer_port}"
            tx.tell("warning", "link.suspect", f"{role.bridge}/{role.port}", f"{text}; it does not become a link")
            return
        recent = before is not None and before.turn > heard.turn - MISSES
        if before is not None and recent and (before.peer, before.peer_port) != (peer, peer_port):
            heard = replace(heard, crowd=heard.turn + MISSES)
        elif before is not None:
            heard = replace(heard, crowd=before.crowd)
        self._part(role, (peer, peer_port), tx)
        tx.put(heard)
        if peer == role.bridge:
            self._block(tx, role, "self", f"it hears port {peer_port} of its own bridge")
        elif heard.crowd > heard.turn:
            self._block(tx, role, "shared", f"it hears several bridges, {peer} port {peer_port} among them")
        else:
            self._pair(heard, role, tx)

    def _part(self, role: PortRole, peer: tuple[str, int], tx: Tx) -> None:
        """A port that hears another one than that at the other end of its link has no link any more."""
        link = tx.get(Link, role.bridge, role.port)
        if link is not None and (link.peer, link.peer_port) != peer:
            self._unlink(link, tx, f"it hears {peer[0]} port {peer[1]} instead")

    def _pair(self, heard: Heard, role: PortRole, tx: Tx) -> None:
        """Where both ends hear each other there is a link; where they do not yet, the other end is told at once."""
        back, far = tx.get(Heard, heard.peer, heard.peer_port), tx.get(PortRole, heard.peer, heard.peer_port)
        if back is None or (back.peer, back.peer_port) != (role.bridge, role.port) or _is_crowded(back, tx) or far is None:
            if role.role in ("edge", "shared", "self"):
                self._hold(tx, role.bridge, role.port, "a bridge was heard on it")
            port = tx.get(Port, role.bridge, role.port)
            if port is not None:
                self.announce(port, tx)
            return
        if role.role != "link" or tx.get(Link, role.bridge, role.port) is None:
            self._part(far, (role.bridge, role.port), tx)
            for bridge, port_no, peer, peer_port in (
                (role.bridge, role.port, heard.peer, heard.peer_port),
                (heard.peer, heard.peer_port, role.bridge, role.port),
            ):
                tx.put(PortRole(bridge, port_no, "link", f"to {peer} port {peer_port}"))
                tx.put(Link(bridge, port_no, peer, peer_port))

    # ------------------------------------------------------------------ changes

    def _block(self, tx: Tx, role: PortRole, why: str, text: str) -> None:
        link = tx.get(Link, role.bridge, role.port)
        if link is not None:
            self._unlink(link, tx, text)
        if role.role != why:
            said = f"nothing passes {role.bridge} port {role.port}: {text}"
            tx.tell("warning", f"port.{why}", f"{role.bridge}/{role.port}", said)
        tx.put(PortRole(role.bridge, role.port, why, text))

    def _unlink(self, link: Link, tx: Tx, why: str) -> None:
        """The link is gone; its ports are held again, and say who they are."""
        for bridge, port in ((link.bridge, link.port), (link.peer, link.peer_port)):
            tx.drop(Link, bridge, port)
            tx.drop(Heard, bridge, port)
            if tx.get(PortRole, bridge, port) is not None:
                self._hold(tx, bridge, port, why)

    def _hold(self, tx: Tx, bridge: str, port: int, why: str) -> None:
        tx.put(PortRole(bridge, port, "held", why))
        self._wait(tx, bridge, port)

    def _wait(self, tx: Tx, bridge: str, port: int) -> None:
        """From now on for HOLD seconds."""
        held, turn = tx.get(Held, bridge, port) or Held(bridge, port), tx.get(Turn, "discovery") or Turn()
        tx.put(replace(held, times=held.times + 1, tick=turn.ticks))
        tx.after(HOLD, HoldOver(bridge, port, held.times + 1))
        tx.put(Holding())


def _part(ports: int) -> tuple[int, int]:
    """How many of so many ports have their turn in a BEAT, and how many beats a turn takes at least."""
    beats = max(BEATS, *(min(most, -(-ports // round(frames * BEAT))) for frames, most in GROWTH))
    return min(max(LEAST, -(-ports // beats)), round(RATE * BEAT)), beats


def _is_crowded(heard: Heard, tx: Tx) -> bool:
    """True where a port counts as one that hears several."""
    return heard.crowd > (tx.get(Turn, "discovery") or Turn()).of((heard.bridge, heard.port))
