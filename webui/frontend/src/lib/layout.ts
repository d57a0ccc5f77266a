// d3-force, held near the tidy tree: a live simulation that keeps the places of nodes that stay, and lets one be dragged.

import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type Simulation } from 'd3-force'
import { signal } from '@preact/signals'
import { seed, type Graph, type Place } from './graph'
import { still } from './theme'

interface Body extends Place {
  id: string
  index?: number
  vx?: number
  vy?: number
  fx?: number | null
  fy?: number | null
}

const SLICE = 12 // milliseconds of a frame that the simulation may take

export class Layout {
  readonly places = signal<ReadonlyMap<string, Place>>(new Map())
  private bodies = new Map<string, Body>()
  private anchors = new Map<string, Place>()
  private shape = ''
  private readonly simulation: Simulation<Body, undefined>
  private frame = 0

  constructor() {
    this.simulation = forceSimulation<Body>([]).stop().alphaMin(0.02)
    this.simulation.force('charge', forceManyBody<Body>().strength(-260).distanceMax(420))
    this.simulation.force('collide', forceCollide<Body>(54).strength(0.8))
    this.simulation.force('x', forceX<Body>((body) => this.anchors.get(body.id)?.x ?? 0).strength(0.22))
    this.simulation.force('y', forceY<Body>((body) => this.anchors.get(body.id)?.y ?? 0).strength(0.4))
  }

  /** Take a new graph; nothing moves where its shape is the same. */
  update(graph: Graph): void {
    const shape = [...graph.nodes.map((node) => node.id), ...graph.edges.map((edge) => edge.id)].sort().join(' ')
    if (shape === this.shape) return
    const first = this.bodies.size === 0
    this.shape = shape
    this.anchors = seed(graph)
    this.bodies = new Map(graph.nodes.map((node) => [node.id, this.bodies.get(node.id) ?? this.fresh(node.id)]))
    const edges = graph.edges.map((edge) => ({ source: edge.source, target: edge.target }))
    this.simulation.nodes([...this.bodies.values()])
    this.simulation.force('link', forceLink<Body, { source: string; target: string }>(edges).id((body) => body.id).distance(110).strength(0.08))
    this.simulation.alpha(first ? 0.6 : 0.4)
    this.run(first || still())
  }

  /** Hold a node where the pointer is. */
  drag(id: string, place: Place): void {
    const body = this.bodies.get(id)
    if (!body) return
    body.fx = place.x
    body.fy = place.y
    this.simulation.alpha(Math.max(this.simulation.alpha(), 0.15))
    this.run(still())
  }

  /** Let every node go back to where it belongs. */
  reset(): void {
    for (const body of this.bodies.values()) {
      Object.assign(body, this.anchors.get(body.id), { vx: 0, vy: 0, fx: null, fy: null })
    }
    this.simulation.alpha(0.6)
    this.run(true)
  }

  stop(): void {
    cancelAnimationFrame(this.frame)
  }

  private fresh(id: string): Body {
    const anchor = this.anchors.get(id) ?? { x: 0, y: 0 }
    return { id, x: anchor.x, y: anchor.y }
  }

  private run(atOnce: boolean): void {
    cancelAnimationFrame(this.frame)
    const limit = atOnce ? 250 : SLICE
    const end = performance.now() + limit
    do this.simulation.tick()
    while (performance.now() < end && atOnce && this.simulation.alpha() > this.simulation.alphaMin())
    this.places.value = new Map([...this.bodies].map(([id, body]) => [id, { x: body.x, y: body.y }]))
    if (this.simulation.alpha() > this.simulation.alphaMin()) this.frame = requestAnimationFrame(() => this.run(false))
  }
}
