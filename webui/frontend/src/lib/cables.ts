// The ways of cables: straight, but beside others between the same bridges and round bridges at which they do not end.

import { boxesOf, boxRound, crosses, Squares, type Box } from './boxes'
import type { Edge, Graph } from './graph'
import type { Place } from './places'

/** Corners from one end to the other. */
export type Way = readonly Place[]

interface Standing {
  id: string
  box: Box
}

const BENDS = [0, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45] // how far from straight, in lengths of the cable
const ROUND = 120 // added to that length, for a short cable has as much to go round
const PIECES = 16 // of a bent cable
const LONG = 120

/** The way of each cable. Where hosts are `stacked` their cables have corners. */
export function ways(graph: Graph, places: ReadonlyMap<string, Place>, stacked: boolean): Map<string, Way> {
  const bridges = new Squares<Standing>()
  for (const node of graph.nodes) {
    const place = places.get(node.id)
    if (node.kind === 'bridge' && place) for (const box of boxesOf(node, place)) bridges.add(box, { id: node.id, box })
  }
  const taken = new Set<string>()
  const found = new Map<string, Way>()
  for (const edge of graph.edges) {
    const [a, b] = [places.get(edge.source), places.get(edge.target)]
    if (!a || !b) continue
    if (edge.kind === 'host') found.set(edge.id, stacked ? cornered(a, b) : [a, b])
    else found.set(edge.id, free(edge, a, b, bridges, taken))
  }
  return found
}

/** Down from the bridge, across, and down again left of the hosts. */
const cornered = (a: Place, b: Place): Way => [
  a, { x: a.x, y: a.y + 58 }, { x: b.x - 54, y: a.y + 58 }, { x: b.x - 54, y: b.y - 3 }, { x: b.x - 14, y: b.y - 3 },
]

/** The least bent way that no other cable between the two has taken and on which no other bridge stands, if there is one. */
function free(edge: Edge, a: Place, b: Place, bridges: Squares<Standing>, taken: Set<string>): Way {
  const blocked = ([from, to]: Piece): boolean =>
    bridges.some(boxRound(from, to), ({ id, box }) => id !== edge.source && id !== edge.target && crosses(box, from, to))
  const name = (bend: number): string => `${[edge.source, edge.target].sort().join(' ')} ${bend}`
  const left = BENDS.filter((bend) => !taken.has(name(bend)))
  const bend = left.find((one) => !pieces(bent(a, b, one)).some(blocked)) ?? left[0] ?? 0
  taken.add(name(bend))
  return bent(a, b, bend)
}

/** A curve that is bent upwards, or by a negative number downwards, whichever end is which. */
function bent(a: Place, b: Place, bend: number): Way {
  if (!bend) return [a, b]
  const upwards = a.x < b.x || (a.x === b.x && a.y < b.y) ? bend : -bend
  const up = upwards * (1 + ROUND / (distance(a, b) || 1))
  const turn = { x: (a.x + b.x) / 2 + (b.y - a.y) * up, y: (a.y + b.y) / 2 - (b.x - a.x) * up }
  return Array.from({ length: PIECES + 1 }, (_, index) => {
    const [to, from] = [index / PIECES, 1 - index / PIECES]
    const mix = (start: number, middle: number, end: number): number => from * from * start + 2 * from * to * middle + to * to * end
    return { x: mix(a.x, turn.x, b.x), y: mix(a.y, turn.y, b.y) }
  })
}

export type Piece = readonly [from: Place, to: Place]

/** A way as straight pieces, none of them long. */
export function pieces(way: Way): Piece[] {
  return straights(way).flatMap(([a, b]) => {
    const count = Math.max(1, Math.ceil(distance(a, b) / LONG))
    const part = (index: number): Place => ({ x: a.x + ((b.x - a.x) * index) / count, y: a.y + ((b.y - a.y) * index) / count })
    return Array.from({ length: count }, (_, index): Piece => [part(index), part(index + 1)])
  })
}

const straights = (way: Way): Piece[] => way.slice(1).map((end, index): Piece => [way[index] as Place, end])

export const lengthOf = (way: Way): number => straights(way).reduce((sum, [a, b]) => sum + distance(a, b), 0)

const distance = (a: Place, b: Place): number => Math.hypot(b.x - a.x, b.y - a.y)

/** The place so far along a way. */
export function along(way: Way, far: number): Place {
  let left = far
  for (const [a, b] of straights(way)) {
    const length = distance(a, b)
    if (left <= length) return { x: a.x + ((b.x - a.x) * left) / (length || 1), y: a.y + ((b.y - a.y) * left) / (length || 1) }
    left -= length
  }
  return way.at(-1) ?? { x: 0, y: 0 }
}
