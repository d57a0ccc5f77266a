"""All that the author of an app needs: `App`, `on`, `rules`, `every`.

    class NoTelnet(App, stages=(POLICY,)):
        port: int = 23

        @rules(each=Bridge)
        def block(self, bridge):
            for family in (IPV4, IPV6):
                yield POLICY.flow(DROP, eth_type=family, tcp_dst=self.port, why="telnet is banned")

An app is frozen: its fields are its configuration, its state lives in rows. Rules must be pure, and they never
delete: when a row goes, its flows go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc, getmodule, signature
from typing import Annotated, Any, ClassVar, TypeVar, dataclass_transform

from annotated_types import Ge, Le

from controller.model import Address, Host, PacketIn, Row
from controller.pipeline import Stage
from controller.state.engine import RuleSpec, TimerSpec
from controller.state.reader import Reader
from controller.state.tables import Tx

__all__ = ["App", "Count", "Rate", "Reader", "Seconds", "Tx", "derives", "every", "forget_hosts", "on", "rules"]

Seconds = Annotated[int, Ge(0), Le(0xFFFF)]  # configuration: a timeout, as flows can have it
Rate = Annotated[int, Ge(1), Le(0xFFFFFFFF)]  # configuration: so many a second
Count = Annotated[int, Ge(0), Le(0xFFFFFFFF)]  # configuration: a number of things, or of frames a second

Method = TypeVar("Method", bound=Callable[..., Any])


def on(*events: type, pure: bool = False) -> Callable[[Method], Method]:
    """Mark a handler, `def handler(self, event, tx)`: it is called for events of these types and changes rows by `tx`.

    One for packet-ins may be `pure`: what it does follows from the packet and the rows that it reads, and from nothing else, such
    as the time. Where it did nothing but `tx.answer(packet, ...)`, frames with the same headers are then answered without a call.
    """
    if pure and events != (PacketIn,):
        raise TypeError("a handler that is pure is one for packet-ins alone: @on(PacketIn, pure=True)")

    def mark(method: Method) -> Method:
        vars(method).update(on_events=events, is_pure=pure)
        return method

    return mark


def rules(*, each: type[Row], given: type[Row] | None = None, first: bool = False) -> Callable[[Method], Method]:
    """Mark a rule, `def rule(self, row)` or `def rule(self, row, rows)`: a generator of Flow, Group and Meter for each row.

    A rule that takes `rows` reruns also when something changes that it read. One that yields nothing without rows of another type
    may say so, `given=Vtep`: while there are none it costs nothing. A bridge that connects gets the flows and meters of a rule
    that is `first` before all others: they have to be right by themselves.
    """

    def mark(method: Method) -> Method:
        vars(method).update(rule_each=each, given=given, is_first=first)
        return method

    return mark


def derives(*, each: type[Row]) -> Callable[[Method], Method]:
    """Mark a rule that yields rows instead of flows: they are there as long as the row that they follow from."""

    def mark(method: Method) -> Method:
        vars(method).update(rule_each=each, derives=True)
        return method

    return mark


def every(seconds: float, *, each: type[Row]) -> Callable[[Method], Method]:
    """Mark a timer, `def timer(self, row, tx)`: it is called every so many seconds for each row, while the row exists.

    Timers of the same period fire together, the first time after a quarter of it to five quarters.
    """
    if seconds <= 0:
        raise ValueError(f"every({seconds}): the period must be above 0 seconds")

    def mark(method: Method) -> Method:
        vars(method)["timer"] = (float(seconds), each)
        return method

    return mark


@dataclass_transform(frozen_default=True)
class App:
    """Base of all apps. `class X(App, stages=(POLICY,))`: frozen, its annotated fields are its configuration.

    `name` is the word by which it is asked for: of its entry point or its file; without these that of the class, in snake case.
    """

    name: ClassVar[str]
    stages: ClassVar[tuple[Stage, ...]] = ()
    handlers: ClassVar[dict[type, Callable[..., None]]] = {}
    is_pure: ClassVar[bool] = False  # the handler for packet-ins is
    rule_specs: ClassVar[tuple[RuleSpec, ...]] = ()
    timers: ClassVar[tuple[TimerSpec, ...]] = ()
    whole_pipeline: ClassVar[bool] = False  # may write every table: only for what makes tables a pipeline

    def __init_subclass__(cls, *, stages: tuple[Stage, ...] = ()) -> None:
        super().__init_subclass__()
        dataclass(frozen=True)(cls)
        cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        cls.stages = stages
        methods = [m for m in vars(cls).values() if callable(m)]
        cls.handlers = {event: m for m in methods for event in getattr(m, "on_events", ())}
        cls.is_pure = vars(cls.handlers.get(PacketIn, on)).get("is_pure", False)
        cls.rule_specs = tuple(_rule(cls, m) for m in methods if hasattr(m, "rule_each"))
        cls.timers = tuple(TimerSpec(m.__name__, m, *m.timer) for m in methods if hasattr(m, "timer"))

    @classmethod
    def description(cls) -> str:
        """The first line of the docstring of the class, or of its module."""
        text = cls.__doc__ or ""
        if not text or text.startswith(f"{cls.__name__}("):  # dataclass writes a signature where there is no docstring
            module = getmodule(cls)
            text = (module.__doc__ if module else "") or ""
        return cleandoc(text).partition("\n")[0]


def _rule(cls: type[App], method: Callable[..., Any]) -> RuleSpec:
    parameters = len(signature(method).parameters)
    if parameters not in (2, 3):
        raise TypeError(f"{cls.__name__}.{method.__name__}: a rule is `def {method.__name__}(self, row)` or `(self, row, rows)`")
    said = vars(method)
    return RuleSpec(
        method.__name__,
        method,
        said["rule_each"],
        reads=parameters == 3,
        derives="derives" in said,
        given=said.get("given"),
        first=said.get("is_first", False),
    )


def forget_hosts(tx: Tx, *hosts: Host) -> None:
    """Drop hosts, and what is said of their IP addresses."""
    for host in hosts:
        for ip in host.ips:
            tx.drop(Address, host.network, ip)
        tx.drop(host)
