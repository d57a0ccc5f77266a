import { describe, expect, it } from 'vitest'
import { build } from '../src/lib/graph'
import { arrange, towards } from '../src/lib/places'
import type { BridgeView, HostView, LinkView } from '../src/types'
import { fit, portLabel } from '../src/views/drawing'

const bridge = (name: string): BridgeView => ({
  name, dpid: '', state: 'connected', address: '', protocol: '1.4', since: 0, description: '', ports: 0, flows: 0, pending: 0, rejected: 0, flow_mods: 0, reason: '',
})
const host = (mac: string, on: string, port: number, network = 'blue'): HostView => ({
  mac, ips: [], network, bridge: on, port, port_name: `${on}-eth${port}`, first_seen: 0, last_seen: 0, state: 'reachable', why: '',
})
const cable = (a: string, ap: number, b: string, bp: number): LinkView[] => {
  const link = (from: string, fp: number, to: string, tp: number): LinkView => ({
    bridge: from, port: fp, port_name: `${from}-eth${fp}`, peer: to, peer_port: tp, peer_port_name: `${to}-eth${tp}`, cost: 2000, networks: ['blue'], state: 'up',
  })
  return [link(a, ap, b, bp), link(b, bp, a, ap)]
}

const TREE = build(
  ['s2', 's1', 's3'].map(bridge),
  [host('01', 's2', 1), host('02', 's2', 2), host('03', 's3', 1), host('99', 'gone', 1)],
  [...cable('s1', 1, 's2', 3), ...cable('s1', 2, 's3', 3)],
  [],
)

describe('graph', () => {
  it('draws a cable once and leaves out what hangs in the air', () => {
    expect(TREE.edges.filter((edge) => edge.kind === 'link')).toHaveLength(2)
    expect(TREE.nodes.map((node) => node.id)).toEqual(['bridge:s2', 'bridge:s1', 'bridge:s3', 'host:blue/01', 'host:blue/02', 'host:blue/03'])
    expect(TREE.edges.map((edge) => edge.cost)).toEqual([2000, 2000, null, null, null])
  })
  it('keeps parallel cables', () => {
    const graph = build(['a', 'b'].map(bridge), [], [...cable('a', 1, 'b', 1), ...cable('a', 2, 'b', 2)], [])
    expect(graph.edges).toHaveLength(2)
  })
  it('draws one address in two networks twice', () => {
    const graph = build([bridge('s1')], [host('01', 's1', 1), host('01', 's1', 1, 'red')], [], [])
    expect(graph.nodes.map((node) => node.id)).toEqual(['bridge:s1', 'host:blue/01', 'host:red/01'])
    expect(new Set(graph.edges.map((edge) => edge.id)).size).toBe(2)
  })
  it('folds hosts where there are many', () => {
    const hosts = Array.from({ length: 200 }, (_, index) => host(String(index), 's1', 1))
    const graph = build([bridge('s1')], hosts, [], [])
    expect(graph.nodes.map((node) => node.label)).toEqual(['s1', '200 hosts'])
  })
})

describe('places', () => {
  it('put the middle of the tree on top, hosts under their bridge', () => {
    const places = arrange(TREE).places
    expect(places.get('bridge:s1')?.y).toBe(0)
    expect(places.get('bridge:s2')?.y).toBe(places.get('bridge:s3')?.y)
    expect(places.get('host:blue/01')?.y).toBeGreaterThan(places.get('bridge:s2')?.y ?? 0)
    expect(new Set([...places.values()].map((place) => `${place.x} ${place.y}`)).size).toBe(TREE.nodes.length)
  })
  it('put all spines in one layer over the leaves', () => {
    const leaves = ['l1', 'l2', 'l3', 'l4']
    const cables = leaves.flatMap((leaf, index) => [...cable(leaf, 10, 'p1', index + 1), ...cable(leaf, 11, 'p2', index + 1)])
    const hosts = leaves.map((leaf, index) => host(`0${index}`, leaf, 1))
    const { places } = arrange(build(['p1', 'p2', ...leaves].map(bridge), hosts, cables, []))
    const [spine, other, leaf] = ['p1', 'p2', 'l1'].map((name) => places.get(`bridge:${name}`))
    expect([spine?.y, other?.y]).toEqual([0, 0])
    expect((other?.x ?? 0) - (spine?.x ?? 0)).toBeGreaterThan(100)
    expect(new Set(leaves.map((name) => places.get(`bridge:${name}`)?.y))).toEqual(new Set([leaf?.y]))
    expect(leaf?.y).toBeGreaterThan(0)
    expect(leaves.map((name) => places.get(`bridge:${name}`)?.x ?? 0)).toEqual(leaves.map((name) => places.get(`bridge:${name}`)?.x ?? 0).sort((a, b) => a - b))
    expect(new Set([...places.values()].map((place) => `${place.x} ${place.y}`)).size).toBe(10)
  })
  it('set components beside each other', () => {
    const places = arrange(build(['a', 'b'].map(bridge), [], [], [])).places
    expect(places.get('bridge:a')?.x).not.toBe(places.get('bridge:b')?.x)
  })
  it('stack hosts where a row of them would be too wide', () => {
    const hosts = Array.from({ length: 60 }, (_, index) => host(String(index).padStart(2, '0'), index % 2 ? 's2' : 's3', 1))
    const { places, stacked } = arrange(build(['s1', 's2', 's3'].map(bridge), hosts, [...cable('s1', 1, 's2', 99), ...cable('s1', 2, 's3', 99)], []))
    expect(stacked).toBe(true)
    expect(new Set([...places.values()].map((place) => `${place.x} ${place.y}`)).size).toBe(63)
    expect(Math.max(...[...places.values()].map((place) => place.x))).toBeLessThan(1800)
  })
  it('put many components on shelves', () => {
    const { places } = arrange(build(Array.from({ length: 30 }, (_, index) => bridge(`b${index}`)), [], [], []))
    expect(new Set([...places.values()].map((place) => place.y)).size).toBeGreaterThan(2)
  })
  it('survive a ring', () => {
    const ring = build(['a', 'b', 'c'].map(bridge), [], [...cable('a', 1, 'b', 1), ...cable('b', 2, 'c', 1), ...cable('c', 2, 'a', 2)], [])
    expect(arrange(ring).places.size).toBe(3)
  })
  it('are reached by arrow keys', () => {
    const places = new Map([['top', { x: 0, y: 0 }], ['left', { x: -50, y: 100 }], ['right', { x: 60, y: 100 }]])
    expect(towards(places, 'top', 'down')).toBe('left')
    expect(towards(places, 'left', 'right')).toBe('right')
    expect(towards(places, 'right', 'up')).toBe('top')
    expect(towards(places, 'top', 'up')).toBeNull()
  })
  it('fit into the frame', () => {
    const camera = fit([{ x: 0, y: 0 }, { x: 1000, y: 100 }], 566, 400)
    expect(camera.zoom).toBeCloseTo(0.5)
    expect(camera.x + 500 * camera.zoom).toBeCloseTo(283)
    expect(fit([], 100, 100).zoom).toBe(1)
  })
  it('name ports shortly', () => {
    expect([portLabel('s1-eth3', 's1'), portLabel('vxlan0', 's1')]).toEqual(['eth3', 'vxlan0'])
  })
})
