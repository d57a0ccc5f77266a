"""The pipeline's registers: one line a field, and nowhere else are they numbered.

Registers hold zero when a frame enters a bridge and are lost when it leaves.
"""

REGISTERS = {
    "network": "reg0",  # number of the network that the frame belongs to, set in CLASSIFY
    "to_bridge": "reg1",  # number of the destination bridge, set in FORWARD
    "out_port": "reg2",  # OpenFlow port that EGRESS sends to
    "way": "reg3",  # how a frame goes from bridge to bridge (apps/fabric.py); 0 where it entered by an edge port
    "isolated": "reg4",  # 1: it came in by an isolated port, and leaves by none
    "zone": "reg5",  # of connection tracking, for services: of this network on this bridge
    "zone_back": "reg6",  # the same for connections of a backend to itself
    "backend": "reg7",  # mark of the backend that was chosen for a new connection
    "slot": "reg8",  # hash of a new connection, as a number of a slot
    "stranger": "reg9",  # on hypervisors, 1: it was copied for learning; 2: its source is not known (apps/strangers.py)
}
