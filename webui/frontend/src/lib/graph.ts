// The network as nodes and edges to draw.

import type { BridgeView, HostView, LinkView, PortView } from '../types'

export interface Node {
  id: string
  kind: 'bridge' | 'host' | 'hosts'
  label: string
  detail: string
  state: string
  bridge: string
  degree: number
}

export interface End {
  bridge: string
  port: number
  name: string
}

export interface Edge {
  id: string
  kind: 'link' | 'host'
  source: string
  target: string
  near: End
  far: End | null
  up: boolean
  cost: number | null
  networks: readonly string[]
}

export interface Graph {
  nodes: Node[]
  edges: Edge[]
}

const MANY_HOSTS = 150

export const bridgeId = (name: string): string => `bridge:${name}`
/** One address in two networks is two hosts. */
export const hostKey = (host: HostView): string => `${host.network}/${host.mac}`
export const hostId = (host: HostView): string => `host:${hostKey(host)}`

/** Hosts beyond `MANY_HOSTS` are drawn as one node a bridge. */
export function build(
  bridges: readonly BridgeView[],
  hosts: readonly HostView[],
  links: readonly LinkView[],
  ports: readonly PortView[],
): Graph {
  const known = new Set(bridges.map((bridge) => bridge.name))
  const down = new Set(ports.filter((port) => port.state === 'down').map((port) => `${port.bridge}:${port.port}`))
  const edges = cables(links, known, down)
  const shown = hosts.filter((host) => known.has(host.bridge))
  const attached = shown.length > MANY_HOSTS ? groups(shown) : shown.map((host) => single(host, down))
  const degrees = new Map<string, number>()
  for (const edge of edges) for (const id of [edge.source, edge.target]) degrees.set(id, (degrees.get(id) ?? 0) + 1)
  const nodes = bridges.map((bridge): Node => {
    const id = bridgeId(bridge.name)
    const detail = bridge.state === 'connected' ? '' : bridge.state
    return { id, kind: 'bridge', label: bridge.name, detail, state: bridge.state, bridge: bridge.name, degree: degrees.get(id) ?? 0 }
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
      up: !ends.some((end) => down.has(end)),
      cost: link.cost,
      networks: link.networks,
    })
  }
  return [...found.values()]
}

function single(host: HostView, down: ReadonlySet<string>): [Node, Edge] {
  const id = hostId(host)
  const near = { bridge: host.bridge, port: host.port, name: host.port_name }
  const up = !down.has(`${host.bridge}:${host.port}`)
  const label = host.ips[0] ?? host.mac
  const node: Node = { id, kind: 'host', label, detail: host.ips.length ? host.mac : '', state: host.state === 'unreachable' ? 'unreachable' : 'learned', bridge: host.bridge, degree: 1 }
  return [node, { id: `at:${hostKey(host)}`, kind: 'host', source: bridgeId(host.bridge), target: id, near, far: null, up, cost: null, networks: [] }]
}

function groups(hosts: readonly HostView[]): [Node, Edge][] {
  const counts = new Map<string, number>()
  for (const host of hosts) counts.set(host.bridge, (counts.get(host.bridge) ?? 0) + 1)
  return [...counts].map(([bridge, count]): [Node, Edge] => {
    const id = `hosts:${bridge}`
    const node: Node = { id, kind: 'hosts', label: `${count} hosts`, detail: '', state: 'learned', bridge, degree: count }
    const near = { bridge, port: 0, name: '' }
    return [node, { id: `at:${id}`, kind: 'host', source: bridgeId(bridge), target: id, near, far: null, up: true, cost: null, networks: [] }]
  })
}
