"""A stream of bytes cut into OpenFlow messages.

Every message says its own length in 16 bits, so what waits for its end is never more than 64 KiB.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.openflow.errors import ProtocolError

HEADER = 8


class Framer:
    """Bytes as they come in, complete messages out."""

    __slots__ = ("_rest", "version")

    def __init__(self) -> None:
        self._rest = b""
        self.version = 0  # 0 until it is negotiated: then every header must carry it

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every message that is complete now. Raises ProtocolError where the bytes cannot be OpenFlow."""
        if self._rest:
            data = self._rest + data
        size, pos = len(data), 0
        while size - pos >= HEADER:
            length = data[pos + 2] << 8 | data[pos + 3]
            if length < HEADER or data[pos] != self.version:
                self._check(data[pos], length)
            end = pos + length
            if end > size:
                break
            yield data[pos:end]
            pos = end
        self._rest = data[pos:] if pos else data

    def _check(self, version: int, length: int) -> None:
        if length < HEADER:
            raise ProtocolError(f"a message says that it is {length} bytes long; no OpenFlow message is shorter than {HEADER}")
        if self.version:
            raise ProtocolError(f"a message of version {version:#04x} after version {self.version:#04x} was agreed on")
        if not 1 <= version <= 6:
            raise ProtocolError(f"this is not OpenFlow: it starts with the byte {version:#04x}")
