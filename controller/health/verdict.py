"""What single checks say of a backend: so many failures in a row, and it is down; so many answers in a row, and it is up."""

from __future__ import annotations

from dataclasses import dataclass

from controller.health.exchanges import Result


@dataclass
class Judge:
    """A backend's state. One that has never been up is up with its first answer; later it takes `rise` of them."""

    up: bool = False
    fresh: bool = True  # it has never been up
    against: int = 0  # results in a row that say otherwise
    text: str = ""  # the last result that was told of

    def take(self, result: Result, rise: int, fall: int) -> str:
        """A result. Gives the reason of the new state where there is something to tell, else nothing."""
        if result.well == self.up:
            self.against = 0
            if self.up or result.text == self.text:
                return ""
            self.text = result.text  # down as before, and for another reason
            return result.text
        self.against += 1
        if self.against < (fall if self.up else 1 if self.fresh else rise):
            return ""
        times = f" {self.against} times" if self.up and self.against > 1 else ""
        self.up, self.fresh, self.against, self.text = result.well, False, 0, result.text
        return result.text + times

    @property
    def doubted(self) -> bool:
        """It is up, and the last check failed."""
        return self.up and self.against > 0
