// The network as nodes and edges to draw, and where they start: bridges in layers from the middle of the tree, hosts below.

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
}

export interface Graph {
  nodes: Node[]
  edges: Edge[]
}

export interface Place {
  x: number
  y: number
}

const MANY_HOSTS = 150
const LAYER = 140
const STEP = 124

export const bridgeId = (name: string): string => `bridge:${name}`
export const hostId = (mac: string): string => `host:${mac}`

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
    })
  }
  return [...found.values()]
}

function single(host: HostView, down: ReadonlySet<string>): [Node, Edge] {
  const id = hostId(host.mac)
  const near = { bridge: host.bridge, port: host.port, name: host.port_name }
  const up = !down.has(`${host.bridge}:${host.port}`)
  const label = host.ips[0] ?? host.mac
  const node: Node = { id, kind: 'host', label, detail: host.ips.length ? host.mac : '', state: 'learned', bridge: host.bridge, degree: 1 }
  return [node, { id: `at:${host.mac}`, kind: 'host', source: bridgeId(host.bridge), target: id, near, far: null, up }]
}

function groups(hosts: readonly HostView[]): [Node, Edge][] {
  const counts = new Map<string, number>()
  for (const host of hosts) counts.set(host.bridge, (counts.get(host.bridge) ?? 0) + 1)
  return [...counts].map(([bridge, count]): [Node, Edge] => {
    const id = `hosts:${bridge}`
    const node: Node = { id, kind: 'hosts', label: `${count} hosts`, detail: '', state: 'learned', bridge, degree: count }
    const near = { bridge, port: 0, name: '' }
    return [node, { id: `at:${id}`, kind: 'host', source: bridgeId(bridge), target: id, near, far: null, up: true }]
  })
}

/** Where each node starts. Every component of the graph is a tidy tree of its own, side by side. */
export function seed(graph: Graph): Map<string, Place> {
  const neighbours = new Map<string, string[]>(graph.nodes.map((node) => [node.id, []]))
  for (const edge of graph.edges) {
    neighbours.get(edge.source)?.push(edge.target)
    neighbours.get(edge.target)?.push(edge.source)
  }
  const places = new Map<string, Place>()
  let left = 0
  for (const node of graph.nodes) {
    if (places.has(node.id)) continue
    left = placeTree(middle(node.id, neighbours), neighbours, places, left) + STEP
  }
  return places
}

function reach(from: string, neighbours: ReadonlyMap<string, string[]>): Map<string, string> {
  const parents = new Map([[from, '']])
  for (const id of parents.keys()) for (const next of neighbours.get(id) ?? []) if (!parents.has(next)) parents.set(next, id)
  return parents
}

/** Half way along a longest path: from anywhere to the farthest, and from there to its farthest. */
function middle(from: string, neighbours: ReadonlyMap<string, string[]>): string {
  const bridgesOnly = new Map(
    [...neighbours].filter(([id]) => id.startsWith('bridge:')).map(([id, all]) => [id, all.filter((next) => next.startsWith('bridge:'))]),
  )
  if (!bridgesOnly.has(from)) return from
  const end = [...reach(from, bridgesOnly).keys()].at(-1) ?? from
  const parents = reach(end, bridgesOnly)
  const path: string[] = []
  for (let id = [...parents.keys()].at(-1) ?? end; id; id = parents.get(id) ?? '') path.push(id)
  return path[Math.floor((path.length - 1) / 2)] ?? from
}

function placeTree(root: string, neighbours: ReadonlyMap<string, string[]>, places: Map<string, Place>, left: number): number {
  const parents = reach(root, neighbours)
  const children = new Map<string, string[]>()
  for (const [id, parent] of parents) if (parent) children.set(parent, [...(children.get(parent) ?? []), id])
  let next = left
  const put = (id: string, depth: number): number => {
    const below = (children.get(id) ?? []).sort()
    const leaves = below.filter((child) => !child.startsWith('bridge:'))
    const spots = below.filter((child) => child.startsWith('bridge:')).map((child) => put(child, depth + 1))
    spots.push(...putLeaves(leaves, depth + 1))
    const x = spots.length ? (Math.min(...spots) + Math.max(...spots)) / 2 : (next += STEP) - STEP
    places.set(id, { x, y: depth * LAYER })
    return x
  }
  const putLeaves = (ids: string[], depth: number): number[] => {
    const columns = Math.max(1, Math.ceil(Math.sqrt(ids.length * (ids.length > 6 ? 2 : ids.length || 1))))
    const start = next
    ids.forEach((id, index) => places.set(id, { x: start + (index % columns) * STEP, y: depth * LAYER + Math.floor(index / columns) * 72 }))
    if (ids.length) next = start + Math.min(columns, ids.length) * STEP
    return ids.map((id) => places.get(id)?.x ?? 0)
  }
  put(root, 0)
  return next
}

export type Direction = 'up' | 'down' | 'left' | 'right'

/** The node that an arrow key leads to: near, and more in that direction than beside it. */
export function towards(places: ReadonlyMap<string, Place>, from: string, direction: Direction): string | null {
  const origin = places.get(from)
  if (!origin) return null
  let best: string | null = null
  let least = Infinity
  for (const [id, place] of places) {
    const dx = place.x - origin.x
    const dy = place.y - origin.y
    const along = { up: -dy, down: dy, left: -dx, right: dx }[direction]
    const beside = Math.abs(direction === 'up' || direction === 'down' ? dx : dy)
    if (id === from || along < 1 || along < beside * 0.4) continue
    const distance = along + beside * 2
    if (distance < least) [best, least] = [id, distance]
  }
  return best
}
