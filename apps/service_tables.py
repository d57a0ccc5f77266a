"""The tables of virtual services, and words that the apps which write them share.

SERVICE    a frame for a virtual address                    -> connection tracking, in the zone of its network on this bridge
CHOOSE     what is known of its connection                  -> an old one to SEND, a new one to SCHEDULE
STICKY     which backend a client had (bridges learn it)
SCHEDULE   who gets a new connection                        -> COMMIT; with a hash SLOTS
SLOTS      the backend of a slot; TAKES asks whether it takes connections, SPARES has others for those that do not
COMMIT     the connection is kept, with the backend's mark  -> SEND
SEND       the backend's MAC address                        -> LEARN, and on as any frame
UNSERVICE  a frame of a backend that leaves by a local port -> connection tracking, BACK
BACK       it comes from the virtual address                -> EGRESS
AGAIN, RETURN  connections of a backend to itself
CLOSE      frames of both directions pass it by the way: those that end a connection are counted
"""

from controller.model import IPv4, IPv6, Mac, Row, key
from controller.pipeline import IPV4, IPV6, Stage

ZONES = Stage("ZONES", private=True)
CHOOSE = Stage("CHOOSE", private=True)
SCHEDULE = Stage("SCHEDULE", private=True)
SLOTS = Stage("SLOTS", private=True)
TAKES = Stage("TAKES", private=True)
SPARES = Stage("SPARES", private=True)
REMEMBER = Stage("REMEMBER", private=True)
COMMIT = Stage("COMMIT", private=True)
SEND = Stage("SEND", private=True)
BACK = Stage("BACK", private=True)
AGAIN = Stage("AGAIN", private=True)
RETURN = Stage("RETURN", private=True)
CLOSE = Stage("CLOSE", private=True)
STICKY = Stage("STICKY", learned=True)

MARKED = 1 << 31  # in ct_mark: the connection has a backend
NEW, ESTABLISHED, RELATED, REPLY, INVALID, TRACKED = 1, 2, 4, 8, 16, 32  # bits of ct_state (ovs-fields(7))
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
ICMP = {4: 1, 6: 58}  # protocol by family


class Serving(Row):
    """There are services: the scope of flows that are the same for all of them."""

    name: str = key(default="weft")


class Reached(Row):
    """The MAC address of a backend, also of one that is in no service any more and may have connections."""

    service: str = key()
    address: IPv4 | IPv6 = key()
    mac: Mac = Mac(0)


class Answering(Row):
    """Frames from here may belong to a connection of a service. `port` 0: any."""

    network: str = key()
    address: IPv4 | IPv6 = key()
    protocol: int = key()
    port: int = key()


def mark_of(rows, service, address):
    """The number of a backend in registers and in ct_mark."""
    return MARKED | rows.number("backend", service, address, size=MARKED)


def is_state(on, off=0):
    """ct_state with these bits set and those clear."""
    return on | TRACKED, on | off | TRACKED


def family(address):
    """4 or 6."""
    return 4 if isinstance(address, IPv4) else 6


def ip(end, address):
    """The field of an address, as the source ("src") or the destination ("dst") of a frame."""
    return {f"ipv{family(address)}_{end}": address}


def ethertype(address):
    """The type of frames with such addresses."""
    return IPV4 if isinstance(address, IPv4) else IPV6


def port(protocol, end, value, address):
    """A match of a port: its protocol, its end and its value, which may have a mask."""
    return {"eth_type": ethertype(address), f"{protocol}_{end}": value}
