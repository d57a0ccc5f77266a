import { describe, expect, it } from 'vitest'
import { chord } from '../src/lib/keys'
import { Rates } from '../src/lib/rates'
import { format, parse } from '../src/lib/route'
import { found, hintOf } from '../src/lib/search'
import { buckets } from '../src/lib/timeline'
import { fitting, grouped, least, reveal, rowWidth, sorted, visible } from '../src/lib/window'
import type { EventView, PortView } from '../src/types'
import { nextSort } from '../src/ui/grid'
import { line } from '../src/ui/spark'

describe('search', () => {
  const searched = { name: (row: string[]) => row[0] ?? '', 'datapath id': (row: string[]) => row[1] ?? '', MAC: (row: string[]) => row[2] ?? '' }
  const rows = [['s1', '01', 'AA:01'], ['s2', '02', 'aa:02']]
  it('names in its hint what is searched', () => {
    expect(hintOf(searched)).toBe('Name, datapath id or MAC')
    expect(hintOf({ name: searched.name })).toBe('Name')
  })
  it('leaves rows that have each word somewhere', () => {
    expect(found(rows, searched, ' AA s2 ')).toEqual([rows[1]])
    expect(found(rows, searched, 'aa')).toEqual(rows)
    expect(found(rows, searched, 's1 02')).toEqual([])
    expect(found(rows, searched, '')).toBe(rows)
  })
})

describe('windowed table', () => {
  it('makes only the rows in view and some around', () => {
    expect(visible(0, 300, 30, 10_000)).toEqual({ from: 0, to: 18 })
    expect(visible(30_000, 300, 30, 10_000)).toEqual({ from: 992, to: 1018 })
    expect(visible(900_000, 300, 30, 5)).toEqual({ from: 5, to: 5 })
  })
  it('scrolls a row into view below the head', () => {
    expect(reveal(0, 300, 300, 30, 30)).toBe(0)
    expect(reveal(5, 0, 300, 30, 30)).toBeNull()
    expect(reveal(20, 0, 300, 30, 30)).toBe(360)
  })
  it('heads each run of a group', () => {
    expect(grouped(['a1', 'a2', 'b1'], (row) => row.charAt(0)).map((item) => ('group' in item ? item.group : item.row))).toEqual(['a', 'a1', 'a2', 'b', 'b1'])
  })
  it('sorts numbers by value, names by their numbers, and missing ones last', () => {
    expect(sorted(['s10', 's2', 's1'], (row) => row, false)).toEqual(['s1', 's2', 's10'])
    expect(sorted([3, null, 20, 1], (row) => row, true)).toEqual([20, 3, 1, null])
    expect([nextSort('a', ''), nextSort('a', 'a'), nextSort('a', '-a')]).toEqual(['a', '-a', ''])
  })
  it('leaves out columns until the row fits', () => {
    const columns = [{ width: '100px' }, { width: 'minmax(200px, 1fr)', from: 2 }, { width: '50px', from: 1 }]
    expect(least('minmax(200px, 1fr)')).toBe(200)
    expect(rowWidth(columns)).toBe(350 + 36 + 28)
    expect(fitting(columns, 414)).toHaveLength(3)
    expect(fitting(columns, 400).map((column) => column.width)).toEqual(['100px', '50px'])
    expect(fitting(columns, 10).map((column) => column.width)).toEqual(['100px'])
  })
})

describe('address', () => {
  it('goes there and back', () => {
    const route = parse('/flows', '?bridge=s1&filter=nw_dst~%3D10.0.0.5')
    expect(route).toEqual({ view: 'flows', params: { bridge: 's1', filter: 'nw_dst~=10.0.0.5' } })
    expect(parse(...(format(route).split('?') as [string, string]))).toEqual(route)
    expect(format({ view: 'overview', params: { sel: '' } })).toBe('/')
    expect(parse('/nothing', '').view).toBe('overview')
  })
  it('knows chords', () => {
    expect(chord(false, 'g')).toEqual({ pending: true, view: null })
    expect(chord(true, 'f')).toEqual({ pending: false, view: 'flows' })
    expect(chord(true, 'x')).toEqual({ pending: false, view: null })
    expect(chord(false, 'f')).toEqual({ pending: false, view: null })
  })
})

const port = (rx_bytes: number | null, tx_bytes: number | null): PortView => ({
  bridge: 's1', port: 1, name: 's1-eth1', mac: '', state: 'up', role: 'edge', network: '', speed: null, peer: '', hosts: 0, rx_packets: 0, tx_packets: 0,
  rx_bytes, tx_bytes, rx_dropped: 0, tx_dropped: 0, rx_errors: 0, tx_errors: 0, problem: '',
})

describe('rates', () => {
  it('are differences over time', () => {
    const rates = new Rates()
    rates.push([port(0, 0)], 0)
    expect(rates.latest('s1', 1)).toBeNull()
    rates.push([port(1000, 500)], 1000)
    expect(rates.latest('s1', 1)).toEqual({ time: 1000, rx: 8000, tx: 4000 })
  })
  it('wait for new counters, and begin anew where they do', () => {
    const rates = new Rates()
    for (const [bytes, time] of [[0, 0], [1000, 1000], [1000, 2000], [2000, 3000]] as const) rates.push([port(bytes, 0)], time)
    expect(rates.series('s1', 1).map((sample) => sample.rx)).toEqual([8000, 4000])
    rates.push([port(10, 0)], 4000)
    expect(rates.series('s1', 1)).toEqual([])
  })
  it('ignore ports without counters', () => {
    const rates = new Rates()
    rates.push([port(null, null)], 0)
    rates.push([port(5, 5)], 1000)
    expect(rates.latest('s1', 1)).toBeNull()
  })
  it('draw as a line', () => {
    expect(line([1], 1)).toBe('')
    expect(line([0, 10], 10, 10, 13)).toBe('M0.0 11.5L10.0 1.5')
  })
})

describe('timeline', () => {
  const event = (time: number, severity: EventView['severity'], count = 1): EventView => ({ seq: time, time, severity, kind: '', subject: '', text: '', count })
  it('counts into the shortest span that holds all', () => {
    const { label, counts } = buckets([event(1000, 'info'), event(1590, 'error', 3)], 1600, 10)
    expect(label).toBe('10 min')
    expect(counts[0]).toEqual({ info: 1, warning: 0, error: 0 })
    expect(counts[9]).toEqual({ info: 0, warning: 0, error: 3 })
  })
  it('leaves out what is older than a week', () => {
    const { label, counts } = buckets([event(0, 'info')], 9e6, 4)
    expect(label).toBe('7 d')
    expect(counts.every((bar) => bar.info === 0)).toBe(true)
  })
})
