"""Rows that follow from other rows: they are there as long as a rule yields them.

Where two rows yield the same one, the lower cookie's is seen, whatever the order in which they came. A row that somebody put
is hidden by one that follows from others, and seen again when that one goes.
"""

from __future__ import annotations

from controller.model.rows import Key, Row

What = tuple[type[Row], Key]


class Derived:
    """Who yields which row, and what is hidden by it."""

    def __init__(self) -> None:
        self.hidden: dict[What, Row] = {}
        self._claims: dict[What, dict[int, Row]] = {}  # row by the cookie of who yields it

    def __contains__(self, what: What) -> bool:
        return what in self._claims

    def claim(self, what: What, cookie: int, row: Row, present: Row | None) -> Row:
        """Somebody yields a row; `present` is the one that is there. Gives the row that is to be seen."""
        claims = self._claims.get(what)
        if claims is None:
            claims = self._claims[what] = {}
            if present is not None:
                self.hidden[what] = present
        claims[cookie] = row
        return claims[min(claims)]

    def release(self, what: What, cookie: int) -> Row | None:
        """Somebody yields a row no more. Gives the row that is to be seen now, if any."""
        claims = self._claims[what]
        del claims[cookie]
        if claims:
            return claims[min(claims)]
        del self._claims[what]
        return self.hidden.pop(what, None)

    def put(self, what: What, row: Row | None) -> None:
        """A transaction put or dropped a row under one that follows from others: it is seen when that one goes."""
        if row is None:
            self.hidden.pop(what, None)
        else:
            self.hidden[what] = row
