"""The meters that a switch holds: as it told when they were read, and as they were pushed since."""

from collections.abc import Iterable


class Meters(dict[bytes, bytes]):
    """The body of each meter, by slot."""

    def __init__(self) -> None:
        super().__init__()
        self._newer: set[bytes] = set()  # pushed while they were read: the switch may tell what was before

    def asked(self, pushing: Iterable[bytes]) -> None:
        """They are being read from now on, while these are pushed."""
        self._newer = set(pushing)

    def pushed(self, slots: Iterable[bytes]) -> None:
        """These may change before the answer is here."""
        self._newer.update(slots)

    def read(self, found: dict[bytes, bytes]) -> None:
        """The switch has told what it holds."""
        newer = {slot: body for slot, body in self.items() if slot in self._newer}
        self.clear()
        self.update({slot: body for slot, body in found.items() if slot not in self._newer} | newer)
