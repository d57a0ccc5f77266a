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
