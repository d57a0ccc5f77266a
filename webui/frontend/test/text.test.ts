import { describe, expect, it } from 'vitest'
import { asCommand, onlyLeadsOn, pieces, split, tone } from '../src/lib/flowtext'
import { ago, bitRate, bytes, integer, plural, span } from '../src/lib/format'
import { Parser } from '../src/lib/sse'
import type { FlowView } from '../src/types'

const FLOW: FlowView = {
  kind: 'flow', bridge: 's1', table: 40, stage: 'LEARN', priority: 100, match: 'in_port=1,dl_src=00:00:00:00:00:01',
  actions: 'resubmit(,41)', cookie: '0x5e', app: 'l2_learning', rule: 'known', row: 'Host', why: '', status: 'installed',
  packets: 1, bytes: 98, idle: 300, hard: 0,
}

describe('numbers', () => {
  it('scales rates and sizes by thousands', () => {
    const rates = [0, 999, 1000, 12_340, 999_949, 10_000_000_000].map(bitRate)
    expect(rates).toEqual(['0 b/s', '999 b/s', '1.00 kb/s', '12.3 kb/s', '1.00 Mb/s', '10.0 Gb/s'])
    expect(bytes(null)).toBe('–')
    expect(bytes(148_184)).toBe('148 kB')
  })
  it('keeps thousands apart', () => {
    expect(integer(1234567)).toBe('1\u2009234\u2009567')
    expect(integer(123)).toBe('123')
    expect(plural(1, 'event')).toBe('1 event')
    expect(plural(0, 'event')).toBe('0 events')
  })
  it('says spans in two units', () => {
    expect([0, 59, 60, 200, 3600, 8040, 90_000].map(span)).toEqual(['0 s', '59 s', '1 min', '3 min 20 s', '1 h', '2 h 14 min', '1 d 1 h'])
    expect(ago(100, 105_000)).toBe('5 s')
    expect(ago(100, 99_000)).toBe('0 s')
  })
})

describe('flow text', () => {
  it('splits outside brackets only', () => {
    expect(split('ct(commit,zone=2,nat(dst=10.0.0.1)),resubmit(,41)')).toEqual(['ct(commit,zone=2,nat(dst=10.0.0.1))', 'resubmit(,41)'])
    expect(split('')).toEqual([])
  })
  it('tells fields from values', () => {
    expect(pieces('ip,nw_dst=10.0.0.5,output:2,drop')).toEqual([
      { field: 'ip', value: '' },
      { field: 'nw_dst', value: '=10.0.0.5' },
      { field: 'output', value: ':2' },
      { field: 'drop', value: '' },
    ])
  })
  it('writes the command that installs it', () => {
    expect(asCommand(FLOW)).toBe(
      "ovs-ofctl -O OpenFlow14 add-flow s1 'cookie=0x5e,table=40,priority=100,idle_timeout=300,in_port=1,dl_src=00:00:00:00:00:01,actions=resubmit(,41)'",
    )
    expect(asCommand({ ...FLOW, match: '', actions: '', idle: 0 })).toBe("ovs-ofctl -O OpenFlow14 add-flow s1 'cookie=0x5e,table=40,priority=100,actions=drop'")
    expect(asCommand({ ...FLOW, kind: 'group', match: 'group_id=1', actions: 'type=all,bucket=output:1' })).toBe("ovs-ofctl -O OpenFlow14 add-group s1 'group_id=1,type=all,bucket=output:1'")
    expect(asCommand({ ...FLOW, kind: 'meter', match: 'meter_id=1', actions: "it's" })).toContain(`'meter=1,it'\\''s'`)
  })
  it('knows what only leads on', () => {
    const leads = { ...FLOW, stage: 'after LEARN', match: '', actions: 'goto_table:50' }
    expect([leads, { ...leads, match: 'ip' }, { ...leads, stage: 'LEARN' }, { ...leads, actions: 'drop' }].map(onlyLeadsOn)).toEqual([true, false, false, false])
  })
  it('knows good from bad', () => {
    expect(['installed', 'pending', 'rejected: no such port', 'hidden by x', 'foreign'].map(tone)).toEqual(['ok', 'wait', 'bad', 'dim', 'dim'])
  })
})

describe('server-sent events', () => {
  it('puts chunks together and drops comments', () => {
    const parser = new Parser()
    expect(parser.feed('event: hel')).toEqual([])
    expect(parser.feed('lo\ndata: {"seq":1}\n\n: heartbeat\n\nid: 7\nevent: event\ndata: a\ndata: b\n')).toEqual([{ event: 'hello', data: '{"seq":1}', id: null }])
    expect(parser.feed('\n')).toEqual([{ event: 'event', data: 'a\nb', id: '7' }])
  })
})
