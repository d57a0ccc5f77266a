"""A program that sends numbered UDP datagrams at an even rate, with a socket that it was given: `sender FD IP PORT HZ TEXT`."""

import contextlib
import os
import socket
import sys
import time


def main() -> None:
    """Send until killed. A datagram is TEXT and a number."""
    descriptor, ip, port, rate, text = sys.argv[1:]
    sender, number, due = socket.socket(fileno=int(descriptor)), 0, time.monotonic()
    with contextlib.suppress(PermissionError):  # a pause of ours would look like one of the network
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    while True:
        with contextlib.suppress(OSError):  # the host does not know yet where the other one is, or its buffer is full
            sender.sendto(f"{text} {number}".encode(), (ip, int(port)))
        number += 1
        due += 1 / int(rate)
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
