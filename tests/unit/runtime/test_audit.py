"""A bridge that is read again and again: what it holds is compared where it, or what it should hold, may be different."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from controller.app import App, rules
from controller.model import Bridge, Port
from controller.openflow.events import FlowRemoved, Pushed, ReadBack
from controller.pipeline import FORWARD, to_port
from controller.runtime.journal import Journal
from controller.runtime.peers import Peer
from controller.runtime.sync import Sync
from controller.state import reconcile
from controller.state.engine import Engine
from controller.state.tables import Tx
from tests.fakes.pump import join, pump


class Ways(App, stages=(FORWARD,)):
    """A flow for each port."""

    @rules(each=Port)
    def way(self, port: Port) -> Iterable[object]:
        yield FORWARD.flow(*to_port(port.port), network=port.port, idle=port.speed)


class Audited:
    """A bridge with two flows, in step."""

    def __init__(self) -> None:
        self.session, self.switch, _ = join()
        self.engine, self.journal = Engine(), Journal()
        self.engine.enable(Ways())
        channel: Any = SimpleNamespace(session=self.session, flush=lambda: None)
        self.peer = Peer("s1", 1, channel)
        self.sync = Sync(self.engine, self.journal, {"s1": self.peer}, lambda event: None, lambda peer: None, remove_foreign=True)
        self.put(Bridge("s1", 1), Port("s1", 1), Port("s1", 2))
        self.sync.ask(channel)
        self.turn()
        self.audit()

    def put(self, *rows: Any) -> None:
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.put(row)
        self.engine.commit(tx)
        self.engine.run()

    def drop(self, cls: Any, *key: Any) -> None:
        tx = Tx(self.engine.tables)
        tx.drop(cls, *key)
        self.engine.commit(tx)
        self.engine.run()

    def turn(self) -> None:
        """Let the two talk until they have nothing to say."""
        while events := pump(self.session, self.switch):
            for event in events:
                if isinstance(event, ReadBack):
                    self.sync.read_back(self.peer, event)
                elif isinstance(event, Pushed):
                    self.sync.pushed(self.peer, event)
            self.sync.greeting.step()
            self.sync.settle()

    def audit(self) -> None:
        assert self.sync.audit(self.peer)
        self.turn()

    @property
    def drift(self) -> int:
        return sum(event.count for event in self.journal.events(kind="flow.drift"))

    def is_right(self) -> bool:
        wanted = {slot: (owner.cookie, flow.opts, flow.body) for slot, (owner, flow) in self.engine.desired.view("s1").items()}
        return bool(wanted) and self.switch.things == wanted


@pytest.fixture
def audited() -> Audited:
    return Audited()


def test_a_bridge_that_is_as_it_was_is_not_compared(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audited.is_right()
    monkeypatch.setattr(reconcile, "compare", None)  # it would raise
    audited.audit()
    audited.audit()


def test_drift_is_found_after_many_readings_without_news(audited: Audited) -> None:
    for times in range(1, 4):
        audited.audit()
        audited.audit()
        audited.switch.things.pop(next(iter(audited.switch.things)))
        audited.audit()
        assert audited.drift == times
        assert audited.is_right()


def test_what_was_sent_meanwhile_is_compared_with_the_next(audited: Audited) -> None:
    audited.audit()
    assert audited.sync.audit(audited.peer)  # asked, and before the answer is here rows change
    audited.put(Port("s1", 3))
    audited.sync.settle()
    audited.turn()
    assert audited.is_right()
    audited.switch.things.pop(next(iter(audited.switch.things)))
    audited.audit()
    assert audited.is_right()
    assert audited.drift == 1


@pytest.mark.parametrize("wanted", [True, False])
def test_a_flow_whose_end_is_told_late_is_not_left(audited: Audited, wanted: bool) -> None:
    """Open vSwitch ends a flow, a read-back shows that, the flow is there again, and only then is its end told."""
    audited.put(Port("s1", 3, speed=60))
    audited.sync.settle()
    audited.turn()
    [(slot, (cookie, _, _))] = [(slot, thing) for slot, thing in audited.switch.things.items() if thing[1] != bytes(8)]
    del audited.switch.things[slot]
    audited.audit()
    assert slot in audited.switch.things
    owner = audited.sync.expired(audited.peer, FlowRemoved(slot, cookie, "idle", 0, 0))
    assert owner is not None
    assert owner.key == ("s1", 3)
    if not wanted:
        audited.drop(Port, "s1", 3)
    audited.sync.settle()
    audited.turn()
    assert (slot in audited.switch.things) == wanted
    assert audited.is_right()
    audited.audit()
    assert not audited.drift
