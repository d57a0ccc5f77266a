"""Whatever rows, scopes, members and contests do: a bridge that is sent what its ledger says holds what it should hold."""

import random

import pytest

from controller.app import App, Tx, rules
from controller.model import Mac, Member, Network, Row, key, scope_of
from controller.pipeline import FORWARD, output
from controller.state import desired, news, reconcile
from controller.state.check import differences
from controller.state.engine import Engine

BRIDGES = ("s1", "s2", "s3")
NETWORKS = (Network("blue", 1), Network("red", 2))


class Wish(Row):
    """Somebody wants a slot, on a bridge or on all members of a network."""

    name: int = key()
    slot: int = 0
    port: int = 1
    place: str = "s1"


class Wishes(App, stages=(FORWARD,)):
    """Few slots and many wishes, so that they meet."""

    @rules(each=Wish)
    def grant(self, wish):
        network = next((n for n in NETWORKS if n.name == wish.place), None)
        yield FORWARD.flow(output(wish.port), eth_dst=Mac(wish.slot)).on(network or wish.place)


class World:
    """An engine and what its bridges hold."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.blocks = 0
        self.engine = Engine()
        self.engine.enable(Wishes())
        self.held: dict[str, dict[bytes, tuple[int, bytes]]] = {name: {} for name in BRIDGES}
        for name in BRIDGES:
            self.engine.desired.open(name)

    def step(self):
        tx, choose = Tx(self.engine.tables), self.random.choice
        for _ in range(self.random.randrange(1, 4)):
            number, member = self.random.randrange(12), Member(scope_of(choose(NETWORKS)), choose(BRIDGES))
            places = [*BRIDGES, *(network.name for network in NETWORKS)]
            wish = Wish(number, self.random.randrange(4), self.random.randrange(1, 3), choose(places))
            choose((tx.put, tx.put, tx.drop))(choose((wish, wish, member)))
        self.engine.commit(tx)
        self.engine.run()

    def send(self, name):
        ledger, desired = self.engine.desired.ledgers[name], self.engine.desired
        changes = reconcile.plan(ledger, desired)
        self.blocks += len(ledger.blocks)
        for slot, cookie, flow in changes:
            if flow is None:
                del self.held[name][slot]  # nothing is deleted that is not there
            else:
                self.held[name][slot] = cookie, flow.body
        ledger.confirm()


@pytest.mark.parametrize("fewest", [1, 2, news.FEWEST])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_sent_adds_up_to_what_should_be_there(seed, fewest, monkeypatch):
    monkeypatch.setattr(news, "FEWEST", fewest)
    monkeypatch.setattr(desired, "MOST_NEWS", 12)
    world = World(seed)
    for _ in range(150):
        world.step()
        world.send(world.random.choice(BRIDGES))
    assert world.blocks or fewest == news.FEWEST
    assert differences(world.engine) == []
    for name in BRIDGES:
        world.send(name)
        view = world.engine.desired.view(name)
        assert world.held[name] == {slot: (owner.cookie, flow.body) for slot, (owner, flow) in view.items()}
