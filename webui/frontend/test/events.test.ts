import { describe, expect, it } from 'vitest'
import { withEvent } from '../src/lib/store'
import type { EventView } from '../src/types'

const event = (seq: number, count = 1): EventView => ({ seq, time: seq, severity: 'info', kind: '', subject: '', text: '', count })

describe('events', () => {
  it('are appended', () => {
    expect(withEvent([event(1)], event(2)).map((one) => one.seq)).toEqual([1, 2])
    expect(withEvent([], event(7)).map((one) => one.seq)).toEqual([7])
  })
  it('are folded in place', () => {
    expect(withEvent([event(1), event(2)], event(1, 5)).map((one) => one.count)).toEqual([5, 1])
  })
  it('are kept up to a number', () => {
    const many = Array.from({ length: 2000 }, (_, index) => event(index + 1))
    const kept = withEvent(many, event(2001))
    expect([kept.length, kept[0]?.seq, kept.at(-1)?.seq]).toEqual([2000, 2, 2001])
  })
})
