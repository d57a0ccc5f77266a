// The network as nodes and edges to draw.

import type { BridgeView, HostView, LinkView, PortView, TunnelView } from '../types'
import { SIGNS, type TunnelState } from './matrix'

export interface Node {
  id: string
  kind: 'bridge' | 'host' | 'hosts'
  label: string
  detail: string
  state: string
  bridge: string
}

export interface End {
  bridge: string
  port: number
  name: string
}

export interface Edge {
  id: string
  kind: 'link' | 'host' | 'tunnel'
  source: string
  target: string
  near: End
  far: End | null
  /** Of a link and the cable of a host up or down; tunnels may be in doubt. */
  state: TunnelState
  cost: number | null
  networks: readonly string[]
}

export interface Graph {
  nodes: Node[]
  edges: Edge[]
}

const MANY_HOSTS = 150
const MANY_TUNNELS = 200

/** States that are worth a look, of cables and of tunnels. */
export const NOT_WELL: readonly TunnelState[] = ['unknown', 'down']

export const bridgeId = (name: string): string => `bridge:${name}`
/** One address in two networks is two hosts. */
export const hostKey = (host: HostView): string => `${host.network}/${host.mac}`
export const hostId = (host: HostView): string => `host:${hostKey(host)}`

/** Hosts beyond `MANY_HOSTS` are drawn as one node a bridge; of tunnels beyond `MANY_TUNNELS` those that are not well. */
export function build(
  bridges: readonly BridgeView[],
  hosts: readonly HostView[],
  links: readonly LinkView[],
  ports: readonly PortView[],
  tunnels: readonly TunnelView[] = [],
): Graph {
  const known = new Set(bridges.map((bridge) => bridge.name))
  const down = new Set(ports.filter((port) => port.state === 'down').map((port) => `${port.bridge}:${port.port}`))
  const edges = [...cables(links, known, down), ...joined(tunnels, known)]
  const shown = hosts.filter((host) => known.has(host.bridge))
  const attached = shown.length > MANY_HOSTS ? groups(shown) : shown.map((host) => single(host, down))
  const nodes = bridges.map((bridge): Node => {
    const id = bridgeId(bridge.name)
    const detail = bridge.state === 'connected' ? '' : bridge.state
    return { id, kind: 'bridge', label: bridge.name, detail, state: bridge.state, bridge: bridge.name }
  })
  return { nodes: [...nodes, ...attached.map(([node]) => node)], edges: [...edges, ...attached.map(([, edge]) => edge)] }
}

function cables(links: readonly LinkView[], known: ReadonlySet<string>, down: ReadonlySet<string>): Edge[] {
  const found = new Map<string, Edge>()
  for (const link of links) {
    if (!known.has(link.bridge) || !known.has(link.peer)) continue
    const ends = [`${link.bridge}:${link.port}`, `${link.peer}:${link.peer_port}`].sort()
    const id = `link:${ends.join('-')}`
    if (found.has(id)) continue
    found.set(id, {
      id,
      kind: 'link',
      source: bridgeId(link.bridge),
      target: bridgeId(link.peer),
      near: { bridge: link.bridge, port: link.port, name: link.port_name },
      far: { bridge: link.peer, port: link.peer_port, name: link.peer_port_name },
      state: ends.some((end) => down.has(end)) ? 'down' : 'up',
      cost: link.cost,
      networks: link.networks,
    })
  }
  return [...found.values()]
}

/** The tunnels between two bridges as one, in the state of the worst. The bridge of a hypervisor goes by its name. */
function joined(tunnels: readonly TunnelView[], known: ReadonlySet<string>): Edge[] {
  const found = new Map<string, Edge>()
  for (const { hypervisor, peer, state } of tunnels) {
    if (!known.has(hypervisor) || !known.has(peer)) continue
    const [one = '', other = ''] = [hypervisor, peer].sort()
    const id = `tunnel:${one}-${other}`
    const end = (bridge: string): End => ({ bridge, port: 0, name: '' })
    const edge = found.get(id) ?? { id, kind: 'tunnel', source: bridgeId(one), target: bridgeId(other), near: end(one), far: end(other), state, cost: null, networks: [] }
    found.set(id, { ...edge, state: worse(edge.state, state) })
  }
  const all = [...found.values()]
  return all.length > MANY_TUNNELS ? all.filter((edge) => NOT_WELL.includes(edge.state)) : all
}

const FROM_GOOD_TO_BAD = Object.keys(SIGNS) as TunnelState[]
const worse = (one: TunnelState, other: TunnelState): TunnelState => (FROM_GOOD_TO_BAD.indexOf(one) < FROM_GOOD_TO_BAD.indexOf(other) ? other : one)

function single(host: HostView, down: ReadonlySet<string>): [Node, Edge] {
  const id = hostId(host)
  const near = { bridge: host.bridge, port: host.port, name: host.port_name }
  const state = down.has(`${host.bridge}:${host.port}`) ? 'down' : 'up'
  const label = host.ips[0] ?? host.mac
  const node: Node = { id, kind: 'host', label, detail: host.ips.length ? host.mac : '', state: host.state === 'unreachable' ? 'unreachable' : 'learned', bridge: host.bridge }
  return [node, { id: `at:${hostKey(host)}`, kind: 'host', source: bridgeId(host.bridge), target: id, near, far: null, state, cost: null, networks: [] }]
}

function groups(hosts: readonly HostView[]): [Node, Edge][] {
  const counts = new Map<string, number>()
  for (const host of hosts) counts.set(host.bridge, (counts.get(host.bridge) ?? 0) + 1)
  return [...counts].map(([bridge, count]): [Node, Edge] => {
    const id = `hosts:${bridge}`
    const node: Node = { id, kind: 'hosts', label: `${count} hosts`, detail: '', state: 'learned', bridge }
    const near = { bridge, port: 0, name: '' }
    return [node, { id: `at:${id}`, kind: 'host', source: bridgeId(bridge), target: id, near, far: null, state: 'up', cost: null, networks: [] }]
  })
}
