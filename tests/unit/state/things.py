"""Rows and apps of no use, which do all that apps may do: share slots, read, wait, raise, and say groups and meters."""

from __future__ import annotations

from collections.abc import Iterator

from controller.app import App, Reader, derives, rules
from controller.model import Row, key
from controller.pipeline import ADMIT, FORWARD, NEXT, POLICY, Flow, Stage, bucket, output

BRIDGES = ("s1", "s2", "s3")
REFUSED = 7  # a port that bridges refuse
RAISES = 13


class Thing(Row):
    """Something on a bridge."""

    bridge: str = key()
    name: str = key()
    value: int = 0
    zone: str = ""


class Zone(Row):
    """Something on many bridges: a scope."""

    name: str = key()
    number: int = 0
    after: str = ""


class Alpha(App, stages=(POLICY,)):
    """Things of a bridge that have the same value want the same slot."""

    @rules(each=Thing)
    def slots(self, thing: Thing) -> Iterator[Flow]:
        yield POLICY.flow(output(thing.value), in_port=thing.value % 4)
        if thing.value == RAISES:
            raise RuntimeError("thirteen")
        yield POLICY.flow(output(thing.value), NEXT, network=thing.value, why=thing.name)


class Beta(App, stages=(FORWARD,)):
    """Reads things from zones: a group and a meter on all bridges of the zone; waits for another zone."""

    @rules(each=Zone)
    def members(self, zone: Zone, rows: Reader) -> Iterator[Flow]:
        things = rows.where(Thing, zone=zone.name)
        if zone.after:
            rows.need(Zone, zone.after)
        if any(thing.value == RAISES for thing in things):
            raise RuntimeError("thirteen in the zone")
        group = rows.group("all", "beta", zone.name, buckets=[bucket(output(thing.value)) for thing in things])
        meter = rows.meter("beta", zone.name, pps=zone.number + 1)
        yield group.on(zone)
        yield meter.on(zone)
        yield FORWARD.flow(group.use, meter.use, network=zone.number % 3).on(zone)
        for thing in things:
            yield FORWARD.flow(group.use, network=zone.number % 3, in_port=thing.value).on(thing.bridge)

    @rules(each=Zone)
    def first(self, zone: Zone, rows: Reader) -> Iterator[Flow]:
        number = rows.value(Zone, zone.after or zone.name, field="number")
        yield FORWARD.flow(NEXT, metadata=number).on(zone)


class Copy(Row):
    """A row that follows from things; few of them, so that several things yield the same one."""

    number: int = key()
    bridge: str = "s1"
    value: int = 0


class Delta(App, stages=(FORWARD,)):
    """Derives rows, and flows from them."""

    @derives(each=Thing)
    def copies(self, thing: Thing, rows: Reader) -> Iterator[Row]:
        if thing.value == RAISES and rows.get(Zone, thing.zone):
            raise RuntimeError("thirteen to copy")
        for number in range(thing.value % 3):
            yield Copy(number, thing.bridge, thing.value)

    @rules(each=Copy)
    def shown(self, copy: Copy) -> Iterator[Flow]:
        yield FORWARD.flow(output(copy.value), in_port=90 + copy.number)


class Epsilon(App, stages=(POLICY,)):
    """Has something to say of things only while there are copies, which follow from things themselves."""

    @rules(each=Thing, given=Copy)
    def copied(self, thing: Thing) -> Iterator[Flow]:
        yield POLICY.flow(output(thing.value), metadata=40 + thing.value)


MIRROR = Stage("MIRROR", after=ADMIT)


class Gamma(App, stages=(POLICY, MIRROR)):
    """Wants slots of Alpha's on all bridges of a zone, and has a stage of its own."""

    @rules(each=Zone)
    def shadows(self, zone: Zone) -> Iterator[Flow]:
        yield POLICY.flow(NEXT, in_port=zone.number % 4).on(zone)
        yield POLICY.flow(output(zone.number), network=zone.number).on(zone)

    @rules(each=Thing)
    def mirror(self, thing: Thing, rows: Reader) -> Iterator[Flow]:
        zone = rows.get(Zone, thing.zone)
        yield MIRROR.flow(NEXT, in_port=thing.value, metadata=zone.number if zone else 99)
        if zone:
            yield MIRROR.flow(NEXT, metadata=3).on(zone)
        yield MIRROR.flow(output(1), metadata=3)
        for other in rows.where(Zone):
            yield MIRROR.flow(output(other.number), network=3).on(other)
