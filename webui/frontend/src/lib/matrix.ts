// Tunnels as a matrix: a row for each hypervisor that hears, a column for each that is heard.

import type { TunnelView } from '../types'
import { ago, bytes, integer } from './format'

export type TunnelState = TunnelView['state']

/** States from good to bad: each with a sign of its own, so that colour is never alone. */
export const SIGNS: Record<TunnelState, string> = { up: '✓', idle: '–', unknown: '?', down: '✕' }

export const MOST = 64 // hypervisors that a matrix shows

export interface Matrix {
  names: string[]
  /** How many hypervisors there are, shown or not. */
  total: number
  counts: Record<TunnelState, number>
  cell: (row: string, column: string) => TunnelView | undefined
}

export const tunnelKey = (row: { mesh: string; hypervisor: string; peer: string }): string => `${row.mesh}/${row.hypervisor}>${row.peer}`

const byNumber = new Intl.Collator('en', { numeric: true }).compare

export const meshesOf = (tunnels: readonly TunnelView[]): string[] => [...new Set(tunnels.map((row) => row.mesh))].sort(byNumber)

/** The matrix of one mesh, of hypervisors whose name contains the words; of many the first, those with a tunnel that is down before others. */
export function matrixOf(tunnels: readonly TunnelView[], mesh: string, words: string): Matrix {
  const counts: Record<TunnelState, number> = { up: 0, idle: 0, unknown: 0, down: 0 }
  const cells = new Map<string, TunnelView>()
  const faults = new Map<string, number>()
  for (const tunnel of tunnels) {
    if (tunnel.mesh !== mesh) continue
    counts[tunnel.state] += 1
    cells.set(`${tunnel.hypervisor} ${tunnel.peer}`, tunnel)
    for (const name of [tunnel.hypervisor, tunnel.peer]) faults.set(name, (faults.get(name) ?? 0) + Number(tunnel.state === 'down'))
  }
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  let names = [...faults.keys()].filter((name) => !wanted.length || wanted.some((word) => name.toLowerCase().includes(word)))
  if (names.length > MOST) names = names.sort((one, other) => (faults.get(other) ?? 0) - (faults.get(one) ?? 0) || byNumber(one, other)).slice(0, MOST)
  return { names: names.sort(byNumber), total: faults.size, counts, cell: (row, column) => cells.get(`${row} ${column}`) }
}

/** A tunnel in a sentence, for the pointer and for who cannot see it. */
export function sentence(tunnel: TunnelView, nowMs: number): string {
  const frames = (count: number | null, octets: number | null): string => (count === null ? 'unknown' : `${integer(count)} (${bytes(octets)})`)
  const passed = `received ${frames(tunnel.rx_packets, tunnel.rx_bytes)}, sent ${frames(tunnel.tx_packets, tunnel.tx_bytes)}`
  return `${tunnel.hypervisor} from ${tunnel.peer}: ${tunnel.state} for ${ago(tunnel.since, nowMs)}, ${tunnel.cause}; frames ${passed}; MTU ${tunnel.mtu}`
}
