// Where nodes belong: bridges in layers from the middle of the tree, their hosts in a block below, components on shelves.

import type { Graph } from './graph'

export interface Place {
  x: number
  y: number
}

export interface Arrangement {
  places: Map<string, Place>
  /** Hosts stand in several rows below their bridge, so that their cables need corners. */
  stacked: boolean
}

const LAYER = 140
const ROW = 66
const STEP = 124
const FRAME = { width: 900, height: 640 } // what a drawing usually has
const COLUMNS = [24, 8, 5, 3, 2, 1]

type Neighbours = ReadonlyMap<string, string[]>

const isBridge = (id: string): boolean => id.startsWith('bridge:')

/** The arrangement that can be shown largest: hosts side by side where there is room, else in more and more rows. */
export function arrange(graph: Graph): Arrangement {
  const neighbours: Neighbours = new Map(graph.nodes.map((node) => [node.id, []]))
  for (const edge of graph.edges.filter((one) => one.kind !== 'tunnel')) { // a full mesh has no shape to follow
    neighbours.get(edge.source)?.push(edge.target)
    neighbours.get(edge.target)?.push(edge.source)
  }
  const most = Math.max(0, ...[...neighbours.values()].map((all) => all.filter((id) => !isBridge(id)).length))
  let best: Arrangement = { places: new Map(), stacked: false }
  let largest = 0
  for (const columns of COLUMNS) {
    const places = shelves(components(neighbours, columns))
    const zoom = Math.min(1, FRAME.width / (STEP + width(places)), FRAME.height / (LAYER + height(places)))
    if (zoom > largest * 1.05) [best, largest] = [{ places, stacked: most > columns }, zoom]
  }
  return best
}

const span = (values: number[]): number => (values.length ? Math.max(...values) - Math.min(...values) : 0)
const width = (places: ReadonlyMap<string, Place>): number => span([...places.values()].map((place) => place.x))
const height = (places: ReadonlyMap<string, Place>): number => span([...places.values()].map((place) => place.y))

function components(neighbours: Neighbours, columns: number): Map<string, Place>[] {
  const found: Map<string, Place>[] = []
  const seen = new Set<string>()
  for (const id of neighbours.keys()) {
    if (seen.has(id)) continue
    const top = middle(id, neighbours)
    const places = layers(reach(top, neighbours), neighbours, columns) ?? tree(top, neighbours, columns)
    for (const placed of places.keys()) seen.add(placed)
    found.push(places)
  }
  return found
}

/** Components beside each other, in rows about as wide as a frame. */
function shelves(parts: Map<string, Place>[]): Map<string, Place> {
  const area = parts.reduce((sum, part) => sum + (width(part) + STEP) * (height(part) + LAYER), 0)
  const limit = Math.max(Math.sqrt(area) * 1.3, ...parts.map(width))
  const all = new Map<string, Place>()
  let [left, top, deepest] = [0, 0, 0]
  for (const part of parts) {
    if (left > 0 && left + width(part) > limit) [left, top, deepest] = [0, top + deepest + LAYER, 0]
    for (const [id, place] of part) all.set(id, { x: place.x + left, y: place.y + top })
    left += width(part) + STEP * 1.4
    deepest = Math.max(deepest, height(part))
  }
  return all
}

function reach(from: string, neighbours: Neighbours): Map<string, string> {
  const parents = new Map([[from, '']])
  for (const id of parents.keys()) for (const next of neighbours.get(id) ?? []) if (!parents.has(next)) parents.set(next, id)
  return parents
}

/** Half way along a longest path: from anywhere to the farthest, and from there to its farthest. */
function middle(from: string, neighbours: Neighbours): string {
  if (!isBridge(from)) return from
  const bridges = new Map([...neighbours].filter(([id]) => isBridge(id)).map(([id, all]) => [id, all.filter(isBridge)]))
  const end = [...reach(from, bridges).keys()].at(-1) ?? from
  const parents = reach(end, bridges)
  const path: string[] = []
  for (let id = [...parents.keys()].at(-1) ?? end; id; id = parents.get(id) ?? '') path.push(id)
  return path[Math.floor((path.length - 1) / 2)] ?? from
}

/**
 * A component whose bridges stand in layers, as leaves and spines do: those with hosts below, each other one as high as it is far from
 * them, and cables from layer to layer only. Null where it is not so.
 */
function layers(component: ReadonlyMap<string, string>, neighbours: Neighbours, columns: number): Map<string, Place> | null {
  const bridges = [...component.keys()].filter(isBridge)
  const beside = (id: string): string[] => (neighbours.get(id) ?? []).filter(isBridge)
  const hosts = (id: string): string[] => (neighbours.get(id) ?? []).filter((other) => !isBridge(other))
  const heights = new Map(bridges.filter((id) => hosts(id).length).map((id) => [id, 0]))
  for (const [id, height] of heights) for (const next of beside(id)) if (!heights.has(next)) heights.set(next, height + 1)
  const highest = Math.max(0, ...heights.values())
  const height = (id: string): number => heights.get(id) ?? 0
  if (!highest || bridges.some((id) => beside(id).some((other) => Math.abs(height(id) - height(other)) !== 1))) return null
  const places = new Map<string, Place>()
  let next = 0
  for (const id of fromTheTop(bridges, height, beside)) {
    const [below, start] = [hosts(id).sort(), next]
    const across = Math.min(columns, below.length)
    below.forEach((host, index) => places.set(host, { x: start + (index % across) * STEP, y: (highest + 1) * LAYER + Math.floor(index / across) * ROW }))
    next += across * STEP
    places.set(id, { x: (start + next - STEP) / 2, y: highest * LAYER })
  }
  for (let level = 1; level <= highest; level += 1) {
    const wanted = bridges.filter((id) => height(id) === level).map((id): [string, number] => {
      const below = beside(id).filter((other) => height(other) < level).map((other) => places.get(other)?.x ?? 0)
      return [id, below.reduce((sum, x) => sum + x, 0) / below.length]
    })
    for (const [id, x] of apart(wanted)) places.set(id, { x, y: (highest - level) * LAYER })
  }
  const left = Math.min(...[...places.values()].map((place) => place.x))
  for (const place of places.values()) place.x -= left
  return places
}

/** The bridges with hosts, in the order in which they are met on the way down, so that what belongs together stands together. */
function fromTheTop(bridges: readonly string[], height: (id: string) => number, beside: (id: string) => string[]): string[] {
  const seen = new Set<string>()
  const down = (id: string): void => {
    if (seen.has(id)) return
    seen.add(id)
    beside(id).filter((other) => height(other) < height(id)).sort(byName).forEach(down)
  }
  ;[...bridges].sort((one, other) => height(other) - height(one) || byName(one, other)).forEach(down)
  return [...seen].filter((id) => height(id) === 0)
}

const byName = new Intl.Collator('en', { numeric: true }).compare

/** Places side by side near those that are wanted: in their order, a step apart, and in the middle of them all. */
function apart(wanted: [string, number][]): [string, number][] {
  const inOrder = wanted.sort(([one, x], [other, y]) => x - y || byName(one, other))
  let last = -Infinity
  const placed = inOrder.map(([id, x]): [string, number] => [id, (last = Math.max(x, last + STEP))])
  const mean = (all: [string, number][]): number => all.reduce((sum, [, x]) => sum + x, 0) / all.length
  const shift = mean(placed) - mean(inOrder)
  return placed.map(([id, x]) => [id, x - shift])
}

/** One component as a tidy tree: each node over the middle of what is below it. */
function tree(root: string, neighbours: Neighbours, columns: number): Map<string, Place> {
  const places = new Map<string, Place>()
  const children = new Map<string, string[]>()
  for (const [id, parent] of reach(root, neighbours)) if (parent) children.set(parent, [...(children.get(parent) ?? []), id])
  let next = 0
  const putHosts = (ids: string[], y: number): number[] => {
    const across = Math.min(columns, ids.length)
    const start = next
    next += across * STEP
    return ids.map((id, index) => {
      const place = { x: start + (index % across) * STEP, y: y + Math.floor(index / across) * ROW }
      places.set(id, place)
      return place.x
    })
  }
  const put = (id: string, depth: number): number => {
    const below = (children.get(id) ?? []).sort()
    const spots = below.filter(isBridge).map((child) => put(child, depth + 1))
    spots.push(...putHosts(below.filter((child) => !isBridge(child)), (depth + 1) * LAYER))
    const x = spots.length ? (Math.min(...spots) + Math.max(...spots)) / 2 : (next += STEP) - STEP
    places.set(id, { x, y: depth * LAYER })
    return x
  }
  put(root, 0)
  const left = Math.min(...[...places.values()].map((place) => place.x))
  for (const place of places.values()) place.x -= left
  return places
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
