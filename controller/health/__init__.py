"""Health checks of backends, without sockets or clocks: frames and time in, frames and verdicts out.

    frames     the frames that are sent and heard, as bytes
    tcp        a client's end of one TCP connection
    exchanges  one check of each kind: connect, HTTP, UDP, echo, neighbour
    checks     all of them: who is asked when, who answers what, and what that says of a backend

The controller has no host in the network: it sends and hears these frames itself, through the bridge that a backend is behind.
"""
