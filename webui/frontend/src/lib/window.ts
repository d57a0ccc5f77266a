// Which rows of a long table exist: those in view and a few around them.

export interface Range {
  from: number
  to: number
}

const AROUND = 8

export function visible(scrollTop: number, height: number, rowHeight: number, count: number): Range {
  const from = Math.max(0, Math.floor(scrollTop / rowHeight) - AROUND)
  const to = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + AROUND)
  return { from: Math.min(from, to), to }
}

/** Where to scroll so that a row is seen whole below the head, or null where it is. */
export function reveal(index: number, scrollTop: number, height: number, rowHeight: number, head: number): number | null {
  const top = index * rowHeight
  if (top < scrollTop) return top
  const bottom = top + rowHeight + head
  return bottom > scrollTop + height ? bottom - height : null
}

export type Item<T> = { row: T; index: number } | { group: string }

/** Rows with a heading before each run of the same group. */
export function grouped<T>(rows: readonly T[], groupOf?: (row: T) => string): Item<T>[] {
  if (!groupOf) return rows.map((row, index) => ({ row, index }))
  const items: Item<T>[] = []
  let last: string | null = null
  rows.forEach((row, index) => {
    const group = groupOf(row)
    if (group !== last) items.push({ group })
    last = group
    items.push({ row, index })
  })
  return items
}

export type Key = string | number | null

/** Sorted by a key, numbers by value and text by its numbers (s2 before s10); missing ones last. */
export function sorted<T>(rows: readonly T[], key: (row: T) => Key, descending: boolean): T[] {
  const sign = descending ? -1 : 1
  return [...rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)]
    if (x === null || y === null) return Number(x === null) - Number(y === null)
    if (typeof x === 'number' && typeof y === 'number') return (x - y) * sign
    return compare(String(x), String(y)) * sign
  })
}

const { compare } = new Intl.Collator('en', { numeric: true })

export interface Sized {
  width: string
  from?: number
}

export const GAP = 18
const PADDING = 28

/** The least pixels of a CSS grid track: of `minmax(180px, 2fr)` and of `180px` it is 180. */
export const least = (track: string): number => Number(/(\d+)px/.exec(track)?.[1] ?? 0)

/** The least width of a row of columns. */
export const rowWidth = (columns: readonly Sized[]): number =>
  columns.reduce((sum, column) => sum + least(column.width), 0) + GAP * Math.max(0, columns.length - 1) + PADDING

/** Drop columns, the one with the highest `from` first, until the row fits; those without `from` stay. */
export function fitting<C extends Sized>(columns: readonly C[], width: number): C[] {
  let kept = [...columns]
  while (rowWidth(kept) > width) {
    const highest = Math.max(...kept.map((column) => column.from ?? 0))
    if (!highest) break
    const drop = kept.findLast((column) => column.from === highest)
    kept = kept.filter((column) => column !== drop)
  }
  return kept
}
