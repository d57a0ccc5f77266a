// Tags on cables: the names of ports, what passes, what is wrong. Each has the place on its cable where it covers nothing else.

import { boxesOf, boxRound, crosses, overlap, Squares, type Box } from './boxes'
import { along, lengthOf, pieces, type Piece, type Way } from './cables'
import { bitRate } from './format'
import { NOT_WELL, type Edge, type End, type Graph } from './graph'
import type { TunnelState } from './matrix'
import type { Place } from './places'

export interface Tag {
  edge: string
  text: string
  kind: '' | 'rate' | TunnelState
  place: Place
}

interface Wish {
  edge: Edge
  way: Way
  text: string
  kind: Tag['kind']
  /** How far along the cable it may be, the best first. */
  spots: number[]
}

const STEP = 7
const TRIES = 16
const LEAST_RATE = 1000 // bits a second

/** Half of what a tag covers. */
export const tagSize = (text: string): { across: number; up: number } => ({ across: text.length * 3.1 + 4, up: 7.5 })

/** `eth3` where the port is called `s1-eth3` and the bridge is s1. */
export const portLabel = (name: string, bridge: string): string => (name.startsWith(`${bridge}-`) ? name.slice(bridge.length + 1) : name)

/** What is said of a drawing besides its tags. */
export interface Look {
  /** How much larger than life tags are. */
  scale: number
  names: boolean
  /** The cable whose tags are shown even where they cover something. */
  selected: string
  passing: (end: End) => number
}

/** Tags where there is room for them: clear of nodes, of each other and, if possible, of other cables. The others are left out. */
export function tagsOf(graph: Graph, ways: ReadonlyMap<string, Way>, places: ReadonlyMap<string, Place>, look: Look): Tag[] {
  const room = new Room(graph, ways, places)
  const found: Tag[] = []
  for (const { edge, way, text, kind, spots } of wishes(graph, ways, look)) {
    const { across, up } = tagSize(text)
    const boxes = spots.map((spot): Box => ({ ...along(way, spot), across: across * look.scale, up: up * look.scale }))
    // where cables cross a rate could be that of either
    const box = room.choose(boxes, edge.id, kind === 'rate') ?? (edge.id === look.selected ? boxes[0] : undefined)
    if (!box) continue
    room.take(box)
    found.push({ edge: edge.id, text, kind, place: { x: box.x, y: box.y } })
  }
  return found.filter(notAlone(graph, found))
}

/** What is taken in the drawing. */
class Room {
  private readonly boxes = new Squares<Box>()
  private readonly cables = new Squares<{ id: string; piece: Piece }>()

  constructor(graph: Graph, ways: ReadonlyMap<string, Way>, places: ReadonlyMap<string, Place>) {
    for (const node of graph.nodes) {
      const place = places.get(node.id)
      if (place) boxesOf(node, place).forEach((box) => this.take(box))
    }
    for (const [id, way] of ways) for (const piece of pieces(way)) this.cables.add(boxRound(...piece), { id, piece })
  }

  take(box: Box): void {
    this.boxes.add(box, box)
  }

  /** The first box in which nothing is; else, unless it must be `clear`, the first that only other cables go through. */
  choose(boxes: readonly Box[], cable: string, clear: boolean): Box | undefined {
    let open: Box | undefined
    for (const box of boxes) {
      if (this.boxes.some(box, (other) => overlap(box, other))) continue
      if (!this.cables.some(box, ({ id, piece }) => id !== cable && crosses(box, ...piece))) return box
      open ??= box
    }
    return clear ? undefined : open
  }
}

/** A name alone on a cable between bridges could be that of either end. */
function notAlone(graph: Graph, tags: readonly Tag[]): (tag: Tag) => boolean {
  const between = new Set(graph.edges.filter((edge) => edge.far).map((edge) => edge.id))
  const names = new Map<string, number>()
  for (const tag of tags) if (!tag.kind) names.set(tag.edge, (names.get(tag.edge) ?? 0) + 1)
  return (tag) => tag.kind !== '' || !between.has(tag.edge) || names.get(tag.edge) === 2
}

/** All tags that are wanted: first of what is selected, then what is wrong, then names, and rates, which come and go, last. */
function wishes(graph: Graph, ways: ReadonlyMap<string, Way>, look: Look): Wish[] {
  const [first, faults, names, rates]: [Wish[], Wish[], Wish[], Wish[]] = [[], [], [], []]
  for (const edge of graph.edges) {
    const way = ways.get(edge.id)
    if (!way) continue
    const length = lengthOf(way)
    const add = (list: Wish[], text: string, kind: Tag['kind'], spots: number[]): void => {
      if (text) (edge.id === look.selected ? first : list).push({ edge, way, text, kind, spots })
    }
    if (NOT_WELL.includes(edge.state)) add(faults, edge.state, edge.state, around(length / 2, length))
    if (look.names) {
      const far = edge.far
      add(names, portLabel(edge.near.name, edge.near.bridge), '', far ? outwards(length) : nearHost(way, length))
      if (far) add(names, portLabel(far.name, far.bridge), '', outwards(length).map((spot) => length - spot))
    }
    const rate = edge.kind === 'link' ? look.passing(edge.near) : 0
    if (rate >= LEAST_RATE) add(rates, bitRate(rate), 'rate', around(length / 2, length))
  }
  names.sort((one, other) => one.spots.length - other.spots.length) // a short cable has the least choice
  return [...first, ...faults, ...names, ...rates]
}

/** From an end to the middle. */
const outwards = (length: number): number[] =>
  Array.from({ length: TRIES }, (_, index) => 30 + index * STEP).filter((spot) => spot < length * 0.48)

/** From a spot to both sides. */
const around = (middle: number, length: number): number[] =>
  Array.from({ length: TRIES }, (_, index) => middle + Math.ceil(index / 2) * STEP * (index % 2 ? 1 : -1)).filter((spot) => spot > 0 && spot < length)

/** On a straight cable half way; where there are corners behind the last, on the piece that no other host has. */
const nearHost = (way: Way, length: number): number[] => (way.length > 2 ? [length - 22, length - 40] : around(length / 2, length))
