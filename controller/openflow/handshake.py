"""The first exchange with a switch: which version to speak, what it is, which ports it has.

All questions are sent at once when the version is known; the switch is ready when the last answer is there.
"""

from __future__ import annotations

from functools import lru_cache
from struct import unpack_from

from controller.openflow import codec
from controller.openflow.errors import OfError, ProtocolError
from controller.openflow.events import Description, Event, Features, PortDesc, PortStatus, Ready
from controller.openflow.request import Request

_WHOLE_FRAME = 0xFFFF  # how much of a frame a table miss sends to us
_MULTIPART = {"description": codec.MP_DESC, "ports": codec.MP_PORT_DESC, "meters": codec.MP_METER_FEATURES}
_QUESTIONS = ("features", *_MULTIPART, "role")
_OPTIONAL = ("description", "meters", "role")  # a switch may refuse to tell these


def negotiate(hello: bytes) -> int:
    """The version to speak with the sender of this hello; raises ProtocolError where there is none."""
    version = codec.agreed_version(hello)
    if not version:
        theirs = {1: "1.0", 2: "1.1", 3: "1.2", 6: "1.5"}.get(hello[0], f"version {hello[0]:#04x}")
        raise ProtocolError(
            f"the switch offers OpenFlow {theirs} but neither 1.4 nor 1.3; on the switch: "
            "ovs-vsctl set bridge NAME protocols=OpenFlow13,OpenFlow14"
        )
    return version


@lru_cache(maxsize=8)
def _requests(version: int, first_xid: int) -> bytes:
    """The same for nearly all switches, as it is the first thing that they are asked."""
    out = [codec.set_config(version, first_xid + len(_QUESTIONS), _WHOLE_FRAME)]
    out += [codec.question(version, question, xid) for xid, question in enumerate(_QUESTIONS[:-1], first_xid)]
    out.append(codec.role_request(version, first_xid + len(_QUESTIONS) - 1, "nochange", 0))
    return b"".join(out)


class Handshake(Request):
    """The questions of the handshake, and what was answered so far."""

    what = "handshake"

    def __init__(self, version: int) -> None:
        self._version = version
        self._waits: dict[int, str] = {}
        self._dpid = 0
        self._tables = self._capabilities = 0
        self._meters = (0, 0)
        self._description = Description()
        self._ports: dict[int, PortDesc] = {}
        self._late: list[PortStatus] = []  # what changed after the ports were told
        self.role = "equal"
        self.generation = 0

    def requests(self, first_xid: int) -> list[bytes]:
        """All questions, with consecutive transaction ids, and the one thing that is set."""
        self._waits = dict(enumerate(_QUESTIONS, first_xid))
        return [_requests(self._version, first_xid)]

    @property
    def xids(self) -> tuple[int, ...]:
        """Transaction ids of the questions that are not answered yet."""
        return tuple(self._waits)

    @property
    def missing(self) -> str:
        """What has not been answered yet, for people."""
        return ", ".join(self._waits.values())

    def reply(self, message: bytes, events: list[Event]) -> bool:
        """Take an answer or a part of one."""
        xid = int.from_bytes(message[4:8], "big")
        question = self._waits[xid]
        self._check(question, message)
        more = question in _MULTIPART and message[11] & codec.MORE
        if question == "features":
            self._dpid, self._tables, auxiliary, self._capabilities = codec.read_features(message)
            if auxiliary:
                raise ProtocolError("this is an auxiliary connection; weft takes main connections only")
        elif question == "ports":
            self._ports.update((port.port, port) for port in codec.read_ports(message))
            self._late.clear()
        elif question == "role":
            answer = codec.read_role(message)
            self.role, self.generation = answer.role, answer.generation
        elif question == "description":
            self._description = codec.read_description(message)
        else:
            self._meters = codec.read_meter_features(message)
        if more:
            return False
        self._done(xid, events)
        return True

    def refused(self, xid: int, error: OfError, events: list[Event]) -> None:
        """Some questions may stay unanswered."""
        question = self._waits[xid]
        if question not in _OPTIONAL:
            raise ProtocolError(f"the switch does not tell its {question}: {error}")
        self._done(xid, events)

    def port_changed(self, status: PortStatus) -> None:
        """A port changed while the handshake goes on: told after it."""
        self._late.append(status)

    def _check(self, question: str, message: bytes) -> None:
        expected = {"features": codec.FEATURES_REPLY, "role": codec.ROLE_REPLY}.get(question, codec.MULTIPART_REPLY)
        if message[1] != expected or (question in _MULTIPART and unpack_from("!H", message, 8)[0] != _MULTIPART[question]):
            raise ProtocolError(f"the switch answered the question for its {question} with something else")

    def _done(self, xid: int, events: list[Event]) -> None:
        del self._waits[xid]
        if self._waits:
            return
        features = Features(self._tables, self._capabilities, *self._meters)
        ports = tuple(self._ports[number] for number in sorted(self._ports))
        events.append(Ready(self._dpid, features, ports, self._description))
        events.extend(self._late)
