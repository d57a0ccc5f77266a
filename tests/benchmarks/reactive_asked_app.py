"""The app of `reactive_app`, but not pure: its handler is called for each packet-in."""

from controller.app import App, on
from controller.model import PacketIn
from controller.pipeline import LEARN
from tests.benchmarks.reactive_app import Reactive

THE_SAME = Reactive()


class ReactiveAsked(App, stages=(LEARN,)):
    """Answers every frame that no flow matches, each time anew."""

    ask, forward = Reactive.ask, Reactive.forward

    @on(PacketIn)
    def answer(self, packet, tx):
        THE_SAME.answer(packet, tx)
