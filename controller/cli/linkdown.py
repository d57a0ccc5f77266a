"""`weft emulate --fail LINK`: a link goes down and up under traffic that uses it; how long that stops, who is reached then."""

from contextlib import closing

from controller.cli.errors import ExitCode, Failure
from controller.cli.supervised import SupervisedController
from topologies.network import EmulatedNetwork, NetworkError
from topologies.outage import Ends, Link
from topologies.reachability import probe_again, probe_all
from topologies.traffic import RATE, Stream

RETURN = 5.0  # seconds in which traffic must come back
PAUSE = 0.1  # seconds between two looks
AGREE = 20.0  # seconds in which the controller must know
SETTLE = 0.5  # seconds
TRIES = 5


class LinkDown:
    """One link of a network, to be taken down and brought up again."""

    def __init__(self, network: EmulatedNetwork, controller: SupervisedController, ends: Ends) -> None:
        self._network, self._controller, self._ends = network, controller, ends
        self.wrong: list[str] = []

    def run(self) -> list[str]:
        """Down and up; the lines that say how it went. What was not as it should be is in `wrong` then."""
        self._wait_for_links(len(self._network.links))
        with Link(self._network, self._ends) as link, closing(self._begin(link)) as stream:
            one, other = stream.source.name, stream.target.name
            lines = [f"fail        {' - '.join(self._ends)}, which {RATE} datagrams a second from {one} to {other} use"]
            lines.append(self._change(link, stream, "down", len(self._network.links) - 1))
            lines.append(self._change(link, stream, "up", len(self._network.links)))
        return lines

    def _begin(self, link: Link) -> Stream:
        """A stream that runs and uses the link."""
        list(probe_all(self._network))  # where hosts are is known then, and their traffic takes the ways it keeps
        for _ in range(TRIES):
            self._controller.pause(SETTLE)
            stream = link.stream()
            stream.start()
            self._controller.pause(SETTLE)
            if link.carries(stream):
                return stream
            stream.close()
        raise NetworkError(f"traffic leaves the link {' - '.join(self._ends)} by itself")

    def _change(self, link: Link, stream: Stream, state: str, links: int) -> str:
        stream.heard()
        link.set(state)
        heard, back = stream.until_even(self._controller.pause, RETURN)
        self._wait_for_links(links)
        self._controller.pause(SETTLE)
        heard += stream.heard()
        pairs = self._reached(state)
        stream.heard()  # an answer to a ping may have waited a little longer, which is no outage
        if not back:
            stream.forget()
            self.wrong.append(f"{state}: traffic from {stream.source.name} to {stream.target.name} did not come back")
            return f"{state:<11} no traffic for {RETURN:g} s; {pairs}"
        if heard.twice:
            self.wrong.append(f"{state}: {heard.twice} datagrams came twice")
        return f"{state:<11} {heard.silence:g} ms without traffic, {heard.lost} lost, {heard.twice} twice; {pairs}"

    def _reached(self, state: str) -> str:
        first = list(probe_all(self._network))
        probes = probe_again(self._network, first)
        wrong = [f"{state}: {probe}" for probe in probes if not probe.right]
        self.wrong += wrong
        late = sum(before.lost and after.right for before, after in zip(first, probes, strict=True))
        return (
            f"{len(probes) - len(wrong)} of {len(probes)} pairs as they should be{f', {late} at the second try' if late else ''}"
        )

    def _wait_for_links(self, number: int) -> None:
        """Wait until the controller knows so many links, each of which it shows in both directions, and all ports."""
        for _ in range(round(AGREE / PAUSE)):
            roles = [port["role"] for port in self._controller.client.items("/ports")]
            if "held" not in roles and len(list(self._controller.client.items("/links"))) == 2 * number:
                return
            self._controller.pause(PAUSE)
        raise Failure(
            ExitCode.TIMED_OUT, f"after {AGREE:g} s the controller does not know {number} links", self._controller.last_words()
        )
