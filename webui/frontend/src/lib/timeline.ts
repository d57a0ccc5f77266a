// Events counted into equal spans of time, for the strip above the list.

import type { EventView } from '../types'

export interface Bar {
  info: number
  warning: number
  error: number
}

export interface Timeline {
  label: string
  counts: Bar[]
}

const SPANS: [seconds: number, label: string][] = [
  [600, '10 min'],
  [3600, '1 h'],
  [4 * 3600, '4 h'],
  [24 * 3600, '24 h'],
  [7 * 24 * 3600, '7 d'],
]

/** The shortest of a few spans that holds all events, up to a week, cut into `bars` parts; `now` in seconds. */
export function buckets(events: readonly EventView[], now: number, bars: number): Timeline {
  const oldest = events.reduce((time, event) => Math.min(time, event.time), now)
  const [span, label] = SPANS.find(([seconds]) => now - oldest <= seconds) ?? [7 * 24 * 3600, '7 d']
  const counts = Array.from({ length: bars }, (): Bar => ({ info: 0, warning: 0, error: 0 }))
  for (const event of events) {
    const at = Math.floor(((event.time - (now - span)) / span) * bars)
    const bar = counts[Math.min(at, bars - 1)]
    if (bar) bar[event.severity] += event.count
  }
  return { label, counts }
}
