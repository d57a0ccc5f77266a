import { describe, expect, it } from 'vitest'
import { drawn, percent } from '../src/lib/services'
import type { BackendView } from '../src/types'

const backend = (number: number, share: number): BackendView => ({
  service: 'web', address: `10.0.0.${number}`, mac: '', bridge: '', port_name: '', weight: 1, tuned: null, expected: 0.1, share, state: 'up',
  reason: '', since: 0, connections: 0, active: 0, packets: 0, bytes: 0,
})

describe('shares', () => {
  it('are read as parts of the whole', () => {
    expect([percent(null), percent(0), percent(0.004), percent(0.0996), percent(0.25), percent(1)]).toEqual(['–', '0 %', '0.4 %', '10 %', '25 %', '100 %'])
  })
  it('of many backends are drawn where they are furthest from the weight, in the order of the table', () => {
    const all = [backend(1, 0.5), backend(2, 0.1), backend(3, 0.11), backend(4, 0)]
    expect(drawn(all, 4)).toBe(all)
    expect(drawn(all, 2).map((each) => each.address)).toEqual(['10.0.0.1', '10.0.0.4'])
  })
})
