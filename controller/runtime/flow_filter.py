"""Filters of flows: clauses as "nw_dst~=10.0.0.5", joined by and, or, not and brackets, over what ovs.flow reads in a flow.

The language is that of `ovs.flow.filter`, which takes any name and value, and finds nothing by those that cannot be. Here they
are mistakes that say what is expected, and names that apps write (`eth_src`, `network`, `table=FORWARD`) are understood too.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from ovs.flow.decoders import Decoder, EthMask, IPMask, decode_default, decode_flag, decode_int, decode_time
from ovs.flow.filter import ClauseExpression
from ovs.flow.ofp import OFPFlow

from controller.model import Mac
from controller.pipeline.field_text import PORTS
from controller.pipeline.fields import OFCTL
from controller.pipeline.registers import REGISTERS
from controller.pipeline.text import PROTOCOLS
from controller.query import FlowView, QueryError

TOKEN = re.compile(r"\s*(?:(&&|\|\||[()]|!(?!=))|([\w.]+)(?:\s*(!=|~=|=|<|>)\s*([\w.:/+-]+))?)")
COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.eq,  # and the clause is turned round, so that it holds where the field is not there at all
    "~=": operator.contains,
    "<": operator.lt,
    ">": operator.gt,
}


def _mac(value: str) -> EthMask:
    for part in value.split("/"):
        Mac(part)  # netaddr reads an address in 10.0.0.1 too
    return EthMask(value)


def _port(value: str) -> int | str:
    return value if value in PORTS.values() else int(value, 0)


def _alone(value: str) -> NoReturn:
    raise ValueError(value)


TYPES = {**ClauseExpression.type_decoders, float: decode_time}
STRICT = {EthMask: _mac, decode_flag: _alone}
ACTIONS: dict[str, Any] = OFPFlow.action_decoders()._decoders  # it has no other list of the names
KNOWN = {**ACTIONS, **OFPFlow.match_decoders()._decoders, **OFPFlow.info_decoders()._decoders}
WORDS = dict.fromkeys(PROTOCOLS.values(), _alone)
DECODERS: dict[str, Any] = {**{name: STRICT.get(each, each) for name, each in KNOWN.items()}, **WORDS, "in_port": _port}
SEVERAL = {name: text for name, text in OFCTL.items() if [*OFCTL.values()].count(text) > 1}  # tp_dst is of TCP, UDP and SCTP
INSTEAD = {**SEVERAL, "vlan_vid": "dl_vlan", "ip_dscp": "nw_tos"}
ALIASES = {name: text for name, text in OFCTL.items() if name not in SEVERAL}
ALIASES |= {"ip_src": "nw_src", "ip_dst": "nw_dst", **REGISTERS}
NAMES = [*(DECODERS.keys() - INSTEAD.keys()), *ALIASES]
NUMBER = "write a number, as 5 or 0x1f"
EXPECTED: dict[Any, str] = {
    IPMask: "write an IP address, as 10.0.0.5, 10.0.0.0/24 or fe80::1",
    _mac: "write a MAC address, as 02:00:00:00:00:01",
    _port: f"write the number of a port, or {', '.join(PORTS.values())}",
    _alone: "it stands alone, without a value",
    decode_int: NUMBER,
    decode_time: NUMBER,
}
TABLES = ("table", "goto_table")
RESERVED = {str(number): name for number, name in PORTS.items()}  # the API has numbers, flows have names
EXAMPLE = "write for example: nw_dst~=10.0.0.5 and n_packets>0"

Test = Callable[[OFPFlow], bool]


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison; without an operator it asks whether the field or action is there."""

    name: str
    operator: str
    value: str

    def __call__(self, flow: OFPFlow) -> bool:
        head, *parts = self.name.split(".")
        return any(self._holds(kv.value, parts) for section in flow.sections for kv in section.data if kv.key == head)

    def _holds(self, data: Any, parts: list[str]) -> bool:
        for part in parts:
            data = data.get(part) if isinstance(data, dict) else None
        if data is None or not self.operator:
            return data is not None
        decoder = type(data) if isinstance(data, Decoder) else TYPES.get(type(data), decode_default)
        return bool(COMPARE[self.operator](data, decoder(self.value)))


@dataclass(frozen=True, slots=True)
class Every:
    """All of them hold."""

    tests: list[Test]

    def __call__(self, flow: OFPFlow) -> bool:
        return all(test(flow) for test in self.tests)


@dataclass(frozen=True, slots=True)
class Some:
    """One of them holds."""

    tests: list[Test]

    def __call__(self, flow: OFPFlow) -> bool:
        return any(test(flow) for test in self.tests)


class Reader:
    """Reads a filter from left to right."""

    def __init__(self, text: str, stages: Mapping[str, int]) -> None:
        self._text, self._at, self._stages = text, 0, stages

    def read(self) -> Test:
        """The whole of it. Raises QueryError 422 for what is no filter."""
        try:
            test = self._some()
        except RecursionError:
            self._refuse(f"too many brackets; {EXAMPLE}")
        if self._text[self._at :].strip():
            self._lost()
        return test

    def _some(self) -> Test:
        return self._joined(self._every, Some, "or", "||")

    def _every(self) -> Test:
        return self._joined(self._one, Every, "and", "&&")

    def _joined(self, part: Callable[[], Test], join: Callable[[list[Test]], Test], *words: str) -> Test:
        tests = [part()]
        while self._take(*words):
            tests.append(part())
        return join(tests) if len(tests) > 1 else tests[0]

    def _one(self) -> Test:
        if self._take("not", "!"):
            return _denied(self._one())
        if self._take("("):
            test = self._some()
            return test if self._take(")") else self._lost()
        found = TOKEN.match(self._text, self._at)
        if found is None or found[1] or (not found[3] and found[2] in ("and", "or")):
            self._lost()
        self._at = found.end()
        return self._clause(found)

    def _take(self, *words: str) -> bool:
        found = TOKEN.match(self._text, self._at)
        fits = found is not None and not found[3] and (found[1] or found[2]) in words
        if found and fits:
            self._at = found.end()
        return fits

    def _clause(self, found: re.Match[str]) -> Test:
        name, sign, value = ALIASES.get(found[2], found[2]), found[3] or "", found[4] or ""
        head, _, part = name.partition(".")
        if head not in DECODERS or head in INSTEAD or (part and head not in ACTIONS):
            self._unknown(found[2], found.start(2))
        if head in TABLES:
            value = str(self._stages.get(value.upper(), value))
        if head == "in_port":
            value = RESERVED.get(value, value)
        if sign and not part:
            self._check(name, sign, value, found)
        clause = Clause(name, sign, value)
        return _denied(clause) if sign == "!=" else clause

    def _check(self, name: str, sign: str, value: str, found: re.Match[str]) -> None:
        """That the value can be of the field, and that the two can be compared so."""
        try:
            decoded = DECODERS[name](value)
        except Exception:  # netaddr and int have several for what they do not read
            decoded = {}
        if isinstance(decoded, dict | list):  # what has parts cannot be compared as a whole
            self._refuse(f"{found[4]!r} at character {found.start(4) + 1} is no value of {found[2]}: {self._expected(name)}")
        if not _comparable(decoded, sign):
            fitting = ", ".join(each for each in COMPARE if _comparable(decoded, each))
            at = f"{sign!r} at character {found.start(3) + 1}"
            self._refuse(f"{at} does not go with {found[2]} and {found[4]}; what goes: {fitting}")

    def _expected(self, name: str) -> str:
        decoder = DECODERS[name]
        if name in TABLES:
            stages = ", ".join(sorted(self._stages, key=lambda stage: self._stages[stage]))
            return f"write the number of a table, or the name of its stage: {stages}"
        if size := getattr(decoder, "size", 0):
            return f"write a number, 0 to {2**size - 1}, or with a mask, as 0x1/0xf"
        return EXPECTED.get(decoder) or f"write {name} alone, or one of its parts, as {name}.port=2"

    def _unknown(self, name: str, at: int) -> NoReturn:
        near = [INSTEAD[name]] if name in INSTEAD else get_close_matches(name, NAMES, 2)
        hint = f"did you mean {' or '.join(near)}?" if near else "such as: nw_dst, dl_src, in_port, n_packets, reg0"
        self._refuse(f"there is no field {name!r} in a flow, at character {at + 1}; {hint}")

    def _refuse(self, why: str) -> NoReturn:
        raise QueryError(422, "Not a filter", why) from None

    def _lost(self) -> NoReturn:
        rest = self._text[self._at :]
        at = self._at + len(rest) - len(rest.lstrip()) + 1
        self._refuse(f"{self._text!r} is not understood from character {at} on; {EXAMPLE}")


def _denied(test: Test) -> Test:
    return lambda flow: not test(flow)


def _comparable(decoded: Any, sign: str) -> bool:
    try:
        COMPARE[sign](decoded, decoded)
    except (TypeError, ValueError):  # of other types, or with a mask where none may be
        return False
    return True


def compile_filter(text: str, stages: Mapping[str, int]) -> Callable[[FlowView], bool]:
    """A filter as a function; `stages` are tables by the names of their stages. Raises QueryError 422 with what is wrong."""
    holds = Reader(text, stages).read()
    clauses = holds.tests if isinstance(holds, Every) else [holds]
    counted = Clause("n_packets", ">", "0") in clauses

    def matches(flow: FlowView) -> bool:
        if flow.kind != "flow" or (counted and not flow.packets):  # most flows, and to parse one for the filter takes long
            return False
        try:
            return holds(OFPFlow(_line(flow)))
        except Exception:  # an action or field that ovs.flow does not know: such a flow matches no filter
            return False

    return matches


def _line(flow: FlowView) -> str:
    """A flow as ovs-ofctl prints it."""
    head = f"cookie={flow.cookie}, n_packets={flow.packets or 0}, n_bytes={flow.bytes or 0}, table={flow.table}, "
    head += f"idle_timeout={flow.idle}, hard_timeout={flow.hard}, priority={flow.priority}"
    return f"{head}{',' + flow.match if flow.match else ''} actions={flow.actions.replace('CONTROLLER:', 'controller:')}"
