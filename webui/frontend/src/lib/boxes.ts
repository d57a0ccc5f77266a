// Boxes in the drawing: what nodes and tags cover, and what meets them.

import type { Node } from './graph'
import type { Place } from './places'

/** A middle, and how far it reaches to either side of that. */
export interface Box extends Place {
  across: number
  up: number
}

/** Half the width of a bridge: its sign and its name. */
export const bridgeWidth = (label: string): number => Math.max(27, 19 + label.length * 4.2)

/** What a node covers: a bridge its frame, a host its picture and the text below it. */
export function boxesOf(node: Node, { x, y }: Place): Box[] {
  if (node.kind === 'bridge') return [{ x, y, across: bridgeWidth(node.label) + 2, up: 19 }]
  const lines = node.detail ? 2 : 1
  return [{ x, y: y - 1, across: 19, up: 14 }, { x, y: y + 17 + 6 * lines, across: 50, up: 6 * lines }]
}

export const overlap = (one: Box, other: Box): boolean =>
  Math.abs(one.x - other.x) < one.across + other.across && Math.abs(one.y - other.y) < one.up + other.up

/** Whether a line between two places goes through a box: no axis of either keeps them apart. */
export function crosses(box: Box, a: Place, b: Place): boolean {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const [x, y] = [(a.x + b.x) / 2 - box.x, (a.y + b.y) / 2 - box.y]
  if (Math.abs(x) > box.across + Math.abs(dx) / 2 || Math.abs(y) > box.up + Math.abs(dy) / 2) return false
  return Math.abs(dx * y - dy * x) <= Math.abs(dx) * box.up + Math.abs(dy) * box.across
}

/** The box round a line. */
export const boxRound = (a: Place, b: Place): Box => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, across: Math.abs(a.x - b.x) / 2, up: Math.abs(a.y - b.y) / 2 })

const SIDE = 80

/** Things by the squares of the drawing that they touch: in a network of a thousand bridges nobody looks at all of them for each tag. */
export class Squares<T> {
  private readonly held = new Map<string, T[]>()

  add(box: Box, thing: T): void {
    for (const square of squares(box)) {
      const there = this.held.get(square)
      if (there) there.push(thing)
      else this.held.set(square, [thing])
    }
  }

  /** Whether something near a box is so. */
  some(box: Box, wanted: (thing: T) => boolean): boolean {
    return squares(box).some((square) => this.held.get(square)?.some(wanted) ?? false)
  }
}

function squares({ x, y, across, up }: Box): string[] {
  const found: string[] = []
  for (let column = Math.floor((x - across) / SIDE); column <= (x + across) / SIDE; column += 1) {
    for (let row = Math.floor((y - up) / SIDE); row <= (y + up) / SIDE; row += 1) found.push(`${column} ${row}`)
  }
  return found
}
