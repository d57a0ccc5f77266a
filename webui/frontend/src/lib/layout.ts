// d3-force, held near where nodes belong: a live simulation of the bridges. Hosts go with their bridge; any node can be dragged.

import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type Simulation } from 'd3-force'
import { signal } from '@preact/signals'
import { bridgeId, type Graph } from './graph'
import { arrange, type Arrangement, type Place } from './places'
import { still } from './theme'

interface Body extends Place {
  id: string
  index?: number
  vx?: number
  vy?: number
  fx?: number | null
  fy?: number | null
}

/** A host, and how far it is from its bridge. */
interface Follower {
  bridge: string
  offset: Place
}

const SLICE = 12 // milliseconds of a frame that the simulation may take
const AT_ONCE = 250 // and of the first drawing

export class Layout {
  readonly places = signal<ReadonlyMap<string, Place>>(new Map())
  stacked = false
  private arrangement: Arrangement = { places: new Map(), stacked: false }
  private bodies = new Map<string, Body>()
  private followers = new Map<string, Follower>()
  private shape = ''
  private frame = 0
  private readonly simulation: Simulation<Body, undefined>

  constructor() {
    const anchor = (body: Body): Place => this.arrangement.places.get(body.id) ?? { x: 0, y: 0 }
    this.simulation = forceSimulation<Body>([]).stop().alphaMin(0.02)
    this.simulation.force('charge', forceManyBody<Body>().strength(-160).distanceMax(300))
    this.simulation.force('collide', forceCollide<Body>(52).strength(0.8))
    this.simulation.force('x', forceX<Body>((body) => anchor(body).x).strength(0.5))
    this.simulation.force('y', forceY<Body>((body) => anchor(body).y).strength(0.7))
  }

  /** Take a new graph; nothing moves where its shape is the same. */
  update(graph: Graph): void {
    const shape = [...graph.nodes.map((node) => node.id), ...graph.edges.map((edge) => edge.id)].sort().join(' ')
    if (shape === this.shape) return
    const first = this.bodies.size === 0
    this.shape = shape
    this.arrangement = arrange(graph)
    this.stacked = this.arrangement.stacked
    const bridges = graph.nodes.filter((node) => node.kind === 'bridge')
    this.bodies = new Map(bridges.map((node) => [node.id, this.bodies.get(node.id) ?? { id: node.id, ...this.home(node.id) }]))
    this.followers = new Map(
      graph.nodes.filter((node) => node.kind !== 'bridge').map((node) => [node.id, this.follow(node.id, bridgeId(node.bridge))]),
    )
    const links = graph.edges.filter((edge) => edge.kind === 'link').map(({ source, target }) => ({ source, target }))
    const force = forceLink<Body, { source: string; target: string }>(links)
    this.simulation.nodes([...this.bodies.values()])
    this.simulation.force('link', force.id((body) => body.id).distance(140).strength(0.03))
    this.simulation.alpha(first ? 0.5 : 0.4)
    this.run(first || still())
  }

  /** Hold a node where the pointer is. */
  drag(id: string, place: Place): void {
    const [body, follower] = [this.bodies.get(id), this.followers.get(id)]
    const bridge = follower && this.bodies.get(follower.bridge)
    if (bridge) follower.offset = { x: place.x - bridge.x, y: place.y - bridge.y }
    if (body) {
      body.fx = place.x
      body.fy = place.y
      this.simulation.alpha(Math.max(this.simulation.alpha(), 0.15))
    }
    this.run(still())
  }

  /** Let every node go back to where it belongs. */
  reset(): void {
    for (const body of this.bodies.values()) Object.assign(body, this.home(body.id), { vx: 0, vy: 0, fx: null, fy: null })
    for (const [id, follower] of this.followers) this.followers.set(id, this.follow(id, follower.bridge))
    this.simulation.alpha(0.5)
    this.run(true)
  }

  stop(): void {
    cancelAnimationFrame(this.frame)
  }

  private home(id: string): Place {
    return this.arrangement.places.get(id) ?? { x: 0, y: 0 }
  }

  private follow(id: string, bridge: string): Follower {
    const [host, top] = [this.home(id), this.home(bridge)]
    return { bridge, offset: { x: host.x - top.x, y: host.y - top.y } }
  }

  private run(atOnce: boolean): void {
    cancelAnimationFrame(this.frame)
    const moving = (): boolean => this.simulation.alpha() > this.simulation.alphaMin()
    const end = performance.now() + (atOnce ? AT_ONCE : SLICE)
    if (moving()) this.simulation.tick()
    while (atOnce && moving() && performance.now() < end) this.simulation.tick()
    this.publish()
    if (moving()) this.frame = requestAnimationFrame(() => this.run(false))
  }

  private publish(): void {
    const places = new Map<string, Place>()
    for (const [id, { x, y }] of this.bodies) places.set(id, { x, y })
    for (const [id, { bridge, offset }] of this.followers) {
      const body = this.bodies.get(bridge)
      if (body) places.set(id, { x: body.x + offset.x, y: body.y + offset.y })
    }
    this.places.value = places
  }
}
