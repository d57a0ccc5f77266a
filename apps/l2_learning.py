"""L2 learning: on which port of which bridge an address lives, so that frames to it need not go everywhere.

1. A frame from a source that is not known goes on at once; a copy of its first bytes, metered, comes to `learn`.
2. `learn` puts a Host row: network, address, bridge, port. Only ports of networks learn. ARP, neighbour discovery (IPv6) and DHCP
   say which IP addresses the host has, and are not copied when that is known.
3. From the row follow the flows: all know its bridge, which knows its port (FORWARD) and it as a source (LEARN) once all do.
4. When the LEARN flow was idle for `idle_timeout` seconds, or the port goes down, the row goes, and its flows with it.
"""

from dataclasses import replace

from controller.app import App, Count, Rate, Seconds, forget_hosts, on, rules
from controller.model import (
    BY_MESH,
    EVERYWHERE,
    Address,
    Attachment,
    BridgeUp,
    FlowExpired,
    Host,
    Introduced,
    MovedLongAgo,
    Moves,
    Network,
    PacketIn,
    Port,
    PortDown,
    PortRole,
    Thawed,
    Vtep,
)
from controller.packet import SAYING, says, sender_address
from controller.pipeline import FORWARD, LEARN, NEXT, NEXTHOP, controller, load, resubmit, to, to_port


class L2Learning(App, stages=(LEARN, FORWARD)):
    """Learns on which port of which bridge an address lives."""

    idle_timeout: Seconds = 300  # seconds without a frame from an address until it is forgotten; 0 = never
    max_hosts_per_port: Count = 0  # addresses learned on one port at the most; 0 = no limit
    max_ips_per_host: Count = 16  # addresses of one host that are kept; 0 = no limit
    copies_per_second: Rate = 100  # frames that a port may send to the controller
    max_moves: Count = 10  # moves of an address in `moves_window` seconds; one more, and it stays for `freeze_time`; 0 = no limit
    moves_window: Seconds = 10  # seconds
    freeze_time: Seconds = 60  # seconds

    @on(PacketIn)
    def learn(self, packet, tx):
        networks, mac, at = tx.where(Network, number=packet.network), packet.eth_src, (packet.bridge, packet.in_port)
        if not networks or mac.is_multicast or tx.get(Attachment, *at, networks[0].name) is None:
            return  # also what comes late, from a port that has just left the network
        known = tx.get(Host, name := networks[0].name, mac)
        moved = known is not None and (known.bridge, known.port) != at
        most = self.max_hosts_per_port if known is None or moved else 0
        if (most and most <= len(tx.where(Host, bridge=at[0], port=at[1]))) or (moved and not self.may_move(tx, known, *at)):
            return
        ips, ip = known.ips if known else (), sender_address(packet.data)
        if ip is not None and ip not in ips and (not self.max_ips_per_host or len(ips) < self.max_ips_per_host):
            self.claim(tx, Address(name, ip, mac))
            ips = (*ips, ip)
        told = known.told if known and not moved else tx.get(Vtep, packet.bridge) is None
        tx.put(host := Host(name, mac, *at, ips, told))
        if not told:
            tx.when(host, Introduced(host))

    def may_move(self, tx, host, bridge, port):
        """Count the moves of a host. Too many of them are a loop behind the ports, or somebody with a false address."""
        moves = tx.get(Moves, host.network, host.mac) or Moves(host.network, host.mac)
        if moves.frozen:
            return False
        mac, there = host.mac, f"{host.bridge} port {host.port}"
        if 0 < self.max_moves <= moves.count:
            tx.put(replace(moves, frozen=True))
            tx.after(self.freeze_time, Thawed(host.network, mac))
            tx.tell("warning", "host.flapping", str(mac), f"{mac} moves too often; it stays on {there} for {self.freeze_time} s")
            return False
        tx.put(replace(moves, count=moves.count + 1))
        tx.after(self.moves_window, MovedLongAgo(host.network, mac))
        tx.tell("info", "host.moved", str(mac), f"{mac} moved from {there} to {bridge} port {port}")
        return True

    @on(MovedLongAgo, Thawed)
    def forget_moves(self, event, tx):
        if moves := tx.get(Moves, event.network, event.mac):
            left = replace(moves, frozen=False) if isinstance(event, Thawed) else replace(moves, count=max(0, moves.count - 1))
            (tx.put if left.frozen or left.count else tx.drop)(left)

    def claim(self, tx, address):
        """Who says last that an IP address is its own, has it: as in the ARP cache of any host."""
        last = tx.get(Address, address.network, address.ip)
        if last and last.mac != address.mac and (before := tx.get(Host, last.network, last.mac)):
            tx.put(replace(before, ips=tuple(ip for ip in before.ips if ip != address.ip)))
            tx.tell("info", "address.moved", str(address.ip), f"{address.ip} is now {address.mac}, it was {before.mac}")
        tx.put(address)

    @on(PortDown)
    def forget_port(self, event, tx):
        forget_hosts(tx, *tx.where(Host, bridge=event.bridge, port=event.port))

    @on(BridgeUp)
    def forget_missing_ports(self, event, tx):
        hosts = tx.where(Host, bridge=event.bridge)
        forget_hosts(tx, *[host for host in hosts if tx.get(Port, host.bridge, host.port) is None])

    @on(FlowExpired)
    def age(self, event, tx):
        if isinstance(event.row, Host):
            forget_hosts(tx, event.row)

    @rules(each=PortRole)
    def unknown_source(self, role, rows):
        if role.role != "edge":
            return
        yield (meter := rows.meter("learn", role.bridge, role.port, pps=self.copies_per_second, burst=self.copies_per_second))
        copy = controller(128, meter=meter.number)  # so many bytes are enough for the addresses
        plain = rows.get(Vtep, role.bridge) is None  # else once more, to see whether it is a stranger (apps/strangers.py)
        then = (NEXT,) if plain else (load("stranger", 1), resubmit(LEARN.table))
        at = {"in_port": role.port} | ({} if plain else {"stranger": 0})
        yield LEARN.flow(copy, *then, **at, priority=1, why="the source is not known yet")
        for frames in SAYING:
            yield LEARN.flow(copy, *then, **at, **frames, priority=110, why="may say an IP address of the source")

    @rules(each=Moves)
    def frozen(self, moves, rows):
        if moves.frozen:
            at = rows.value(Network, moves.network, field="number")
            yield LEARN.flow(NEXT, network=at, eth_src=moves.mac, priority=50, on=EVERYWHERE, why="moved too often, stays")

    @rules(each=Host)
    def known(self, host, rows):
        network = rows.value(Network, host.network, field="number")
        source, it = {"network": network, "in_port": host.port, "eth_src": host.mac}, {"network": network, "eth_dst": host.mac}
        if host.told:
            yield LEARN.flow(NEXT, **source, idle=self.idle_timeout, why="the source is known here")
            for ip in host.ips:
                for frames in says(ip):
                    yield LEARN.flow(NEXT, **source, **frames, priority=120, why=f"it is known that {ip} is here")
        by = BY_MESH if rows.value(Network, host.network, field="mesh") and rows.get(Vtep, host.bridge) else 0
        home = load("to_bridge", by + rows.number("bridge", host.bridge, size=4095))
        yield FORWARD.flow(home, to(NEXTHOP), **it, on=EVERYWHERE, why=f"the host is behind {host.bridge}")
        yield FORWARD.flow(*to_port(host.port), **it, priority=101, why="the host is on this port")
