import { describe, expect, it } from 'vitest'
import { matrixOf, meshesOf, MOST, sentence, tunnelKey } from '../src/lib/matrix'
import type { TunnelView } from '../src/types'

const tunnel = (hypervisor: string, peer: string, state: TunnelView['state'] = 'up', mesh = 'core'): TunnelView => ({
  mesh, hypervisor, peer, state, cause: 'BFD is up', since: 100, type: 'vxlan', mtu: 1450, local: '', remote: '',
  rx_packets: 1200, rx_bytes: 98_000, tx_packets: null, tx_bytes: null, problems: [],
})

const full = (count: number): TunnelView[] => {
  const names = Array.from({ length: count }, (_, index) => `hv${index + 1}`)
  return names.flatMap((name) => names.filter((peer) => peer !== name).map((peer) => tunnel(name, peer)))
}

describe('the matrix of tunnels', () => {
  it('has a row and a column for each hypervisor of one mesh, in the order of their numbers', () => {
    const rows = [...full(10), tunnel('hv1', 'hv99', 'up', 'other')]
    const matrix = matrixOf(rows, 'core', '')
    expect(matrix.names.slice(0, 3)).toEqual(['hv1', 'hv2', 'hv3'])
    expect(matrix.names.at(-1)).toBe('hv10')
    expect(matrix.cell('hv1', 'hv2')?.peer).toBe('hv2')
    expect(matrix.cell('hv1', 'hv1')).toBeUndefined()
    expect(matrix.counts).toEqual({ up: 90, idle: 0, unknown: 0, down: 0 })
    expect(meshesOf(rows)).toEqual(['core', 'other'])
  })
  it('is narrowed by names', () => {
    const matrix = matrixOf(full(20), 'core', 'hv1')
    expect([matrix.names.length, matrix.total]).toEqual([11, 20])
  })
  it('shows of too many those with faults first', () => {
    const rows = full(MOST + 6).map((row) => (row.hypervisor === 'hv70' && row.peer === 'hv69' ? { ...row, state: 'down' as const } : row))
    const { names, total } = matrixOf(rows, 'core', '')
    expect([names.length, total]).toEqual([MOST, MOST + 6])
    expect(names.slice(-2)).toEqual(['hv69', 'hv70'])
  })
  it('says a tunnel in a sentence', () => {
    const text = sentence(tunnel('hv1', 'hv2'), 160_000)
    expect(text).toBe('hv1 from hv2: up for 1 min, BFD is up; frames received 1\u2009200 (98.0 kB), sent unknown; MTU 1450')
    expect(tunnelKey(tunnel('hv1', 'hv2'))).toBe('core/hv1>hv2')
  })
})
