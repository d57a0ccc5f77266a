import { describe, expect, it } from 'vitest'
import { boxesOf, crosses, overlap, type Box } from '../src/lib/boxes'
import { along, lengthOf, pieces, ways } from '../src/lib/cables'
import { build, type Edge, type Graph } from '../src/lib/graph'
import { arrange, towards, type Place } from '../src/lib/places'
import { portLabel, tagsOf, tagSize, type Tag } from '../src/lib/tags'
import type { BridgeView, HostView, LinkView, TunnelView } from '../src/types'
import { fit } from '../src/views/drawing'

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
const tunnel = (hypervisor: string, peer: string, state: TunnelView['state']): TunnelView => ({
  mesh: 'core', hypervisor, peer, state, cause: '', since: 0, type: 'vxlan', mtu: 1450, local: '', remote: '', rx_packets: 0, rx_bytes: 0, tx_packets: 0, tx_bytes: 0, problems: [],
})

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

describe('cables', () => {
  const row = new Map([['bridge:a', { x: 0, y: 0 }], ['bridge:b', { x: 124, y: 0 }], ['bridge:c', { x: 248, y: 0 }]])
  const box = (name: string): Box => ({ ...(row.get(`bridge:${name}`) ?? { x: 0, y: 0 }), across: 29, up: 19 })
  it('go straight where nothing stands in between, else round it and upwards', () => {
    const graph = build(['a', 'b', 'c'].map(bridge), [], [...cable('a', 1, 'b', 1), ...cable('c', 1, 'a', 2)], [])
    const [short = [], long = []] = [...ways(graph, row, false).values()]
    expect(short).toEqual([{ x: 0, y: 0 }, { x: 124, y: 0 }])
    expect(pieces(long).some((piece) => crosses(box('b'), ...piece))).toBe(false)
    expect(Math.min(...long.map((place) => place.y))).toBeLessThan(-19)
    expect([long[0], long.at(-1)]).toEqual(expect.arrayContaining([{ x: 0, y: 0 }, { x: 248, y: 0 }]))
  })
  it('lie beside each other between the same two bridges', () => {
    const graph = build(['a', 'b'].map(bridge), [], [...cable('a', 1, 'b', 1), ...cable('a', 2, 'b', 2)], [], [tunnel('a', 'b', 'up')])
    const middles = [...ways(graph, row, false).values()].map((way) => along(way, lengthOf(way) / 2).y)
    expect(new Set(middles.map(Math.round)).size).toBe(3)
  })
})

describe('tags', () => {
  const leaves = ['l1', 'l2', 'l3', 'l4']
  const graph = build(['p1', 'p2', ...leaves].map(bridge), [], leaves.flatMap((leaf, index) => [...cable(leaf, 10, 'p1', index + 1), ...cable(leaf, 11, 'p2', index + 1)]), [])
  const places = new Map<string, Place>([...['p1', 'p2'].map((name, index) => [`bridge:${name}`, { x: 124 + index * 124, y: 0 }] as const), ...leaves.map((name, index) => [`bridge:${name}`, { x: index * 124, y: 140 }] as const)])
  const look = { scale: 1, names: true, selected: '', passing: () => 4000 }
  const made = (more = {}): Tag[] => tagsOf(graph, ways(graph, places, false), places, { ...look, ...more })
  const boxes = (tags: Tag[], scale: number): Box[] => tags.map(({ place, text }) => ({ ...place, across: tagSize(text).across * scale, up: tagSize(text).up * scale }))
  it.each([1, 1.5, 2])('cover neither each other nor a bridge, %d times as large as life', (scale) => {
    const all = [...boxes(made({ scale }), scale), ...graph.nodes.flatMap((node) => boxesOf(node, places.get(node.id) ?? { x: 0, y: 0 }))]
    expect(all.flatMap((one, index) => all.slice(index + 1).filter((other) => overlap(one, other)))).toEqual([])
  })
  it('are there for the ports of all cables where they fit', () => {
    expect(made().filter((tag) => !tag.kind)).toHaveLength(16)
    expect(made({ names: false }).every((tag) => tag.kind === 'rate')).toBe(true)
  })
  it('are left out where there is no room, but not those of what is selected', () => {
    const selected = 'link:l1:11-p2:1'
    const edges = made({ scale: 2 }).filter((tag) => !tag.kind).map((tag) => tag.edge)
    expect(edges.length).toBeLessThan(16)
    expect(edges.filter((id) => edges.filter((other) => other === id).length !== 2), 'one name alone').toEqual([])
    expect(made({ scale: 4, selected }).filter((tag) => tag.edge === selected).map((tag) => tag.text)).toEqual(['eth11', 'eth1', '4.00 kb/s'])
  })
})

describe('tunnels', () => {
  const mesh = (count: number, state: TunnelView['state'] = 'up'): TunnelView[] => {
    const names = Array.from({ length: count }, (_, index) => `hv${index}`)
    return names.flatMap((one) => names.filter((other) => other !== one).map((other) => tunnel(one, other, state)))
  }
  const of = (count: number, tunnels: TunnelView[]): Edge[] => build(Array.from({ length: count }, (_, index) => bridge(`hv${index}`)), [], [], [], tunnels).edges
  it('are drawn once for both directions, in the state of the worse', () => {
    const edges = of(3, [...mesh(2), tunnel('hv2', 'hv0', 'idle'), tunnel('hv0', 'hv2', 'down'), tunnel('hv0', 'gone', 'down')])
    expect(edges.map(({ id, kind, state }) => [id, kind, state])).toEqual([['tunnel:hv0-hv1', 'tunnel', 'up'], ['tunnel:hv0-hv2', 'tunnel', 'down']])
  })
  it('are drawn only where they are not well if there are many', () => {
    expect(of(20, mesh(20))).toHaveLength(190)
    expect(of(30, [...mesh(30), tunnel('hv3', 'hv4', 'down')]).map((edge) => edge.id)).toEqual(['tunnel:hv3-hv4'])
  })
  it('do not say where bridges stand', () => {
    const graph = (tunnels: TunnelView[]): Graph => build(['hv0', 'hv1', 'hv2', 'hv3'].map(bridge), [], [], [], tunnels)
    expect(arrange(graph(mesh(4))).places).toEqual(arrange(graph([])).places)
  })
})
