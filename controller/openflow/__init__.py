"""OpenFlow 1.4 and 1.3 without I/O: bytes in, events and bytes out.

No socket, no clock and no task lives here: time is handed in and `controller.runtime.channel` moves the bytes. A flow is its
canonical bytes (`slot`, `body`, `opts`), equal to what Open vSwitch reads back, and is never taken apart on the hot paths.
This package may import `controller.model` and nothing else of weft.
"""
