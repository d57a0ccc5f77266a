// Rates of ports from their counters: differences over the time between two readings, kept for the sparklines.

import type { PortView } from '../types'

const KEEP = 60
const SHORTEST = 400 // milliseconds; below that a difference says nothing

export interface Sample {
  time: number
  rx: number
  tx: number
}

interface Reading {
  time: number
  rx_bytes: number
  tx_bytes: number
}

export const portKey = (bridge: string, port: number): string => `${bridge}:${port}`

export class Rates {
  private readonly last = new Map<string, Reading>()
  private readonly kept = new Map<string, Sample[]>()

  /** Take counters as read at `time` (milliseconds). Unchanged ones count only after a while: the switch was not asked again. */
  push(ports: readonly PortView[], time: number): void {
    for (const port of ports) {
      if (port.rx_bytes === null || port.tx_bytes === null) continue
      this.add(portKey(port.bridge, port.port), { time, rx_bytes: port.rx_bytes, tx_bytes: port.tx_bytes })
    }
  }

  /** Bits a second over time, oldest first. */
  series(bridge: string, port: number): readonly Sample[] {
    return this.kept.get(portKey(bridge, port)) ?? []
  }

  latest(bridge: string, port: number): Sample | null {
    return this.series(bridge, port).at(-1) ?? null
  }

  private add(key: string, reading: Reading): void {
    const before = this.last.get(key)
    const elapsed = before ? reading.time - before.time : 0
    if (before && (reading.rx_bytes < before.rx_bytes || reading.tx_bytes < before.tx_bytes)) {
      this.kept.delete(key) // the counters began anew
    } else if (before) {
      const same = reading.rx_bytes === before.rx_bytes && reading.tx_bytes === before.tx_bytes
      if (elapsed < SHORTEST || (same && elapsed < 12_000)) return
      const sample = {
        time: reading.time,
        rx: ((reading.rx_bytes - before.rx_bytes) * 8000) / elapsed,
        tx: ((reading.tx_bytes - before.tx_bytes) * 8000) / elapsed,
      }
      this.kept.set(key, [...(this.kept.get(key) ?? []).slice(1 - KEEP), sample])
    }
    this.last.set(key, reading)
  }
}
