"""Long work is done in slices: the flows are the same, and an app that is switched off in the middle leaves nothing behind."""

from controller.app import App, Tx, rules
from controller.model import Host, Mac
from controller.pipeline import FORWARD, to_port
from controller.state.check import differences
from controller.state.engine import SLICE, Engine

MANY = 5 * SLICE + 7


class Forwarding(App, stages=(FORWARD,)):
    """A flow for each host."""

    @rules(each=Host)
    def forward(self, host):
        yield FORWARD.flow(*to_port(host.port), eth_dst=host.mac)


def engine_with_hosts():
    engine = Engine()
    engine.enable(Forwarding())
    put(engine, port=1)
    return engine


def put(engine, port):
    tx = Tx(engine.tables)
    for number in range(MANY):
        tx.put(Host("default", Mac(number), "s1", port))
    engine.commit(tx)


def never():
    return False


def test_slices_end_with_the_same_flows():
    engine = engine_with_hosts()
    runs = 1
    while not engine.run(never):
        runs += 1
    assert runs == MANY // SLICE + 1
    assert len(engine.desired.layers["s1"]) == MANY
    assert differences(engine) == []


def test_rows_that_change_between_slices_are_not_missed():
    engine = engine_with_hosts()
    engine.run(never)
    put(engine, port=2)
    while not engine.run(never):
        pass
    assert {flow.body for _, flow in engine.desired.layers["s1"].values()} == {FORWARD.flow(*to_port(2)).body}
    assert differences(engine) == []


def test_an_app_disabled_between_slices_has_no_flows():
    engine = engine_with_hosts()
    engine.run(never)
    engine.disable("forwarding")
    engine.run()
    assert engine.idle
    assert not engine.desired.layers["s1"]


def test_rules_run_in_the_order_in_which_rows_came():
    engine = engine_with_hosts()
    while not engine.run(never):
        pass
    assert [owner.key[1] for owner, _ in engine.desired.layers["s1"].values()] == [Mac(n) for n in range(MANY)]
