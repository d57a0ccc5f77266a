// The network drawn: every node and cable is a real element with a name, reached by pointer, Tab and arrow keys.

import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { bridgeWidth } from '../lib/boxes'
import { ways, type Way } from '../lib/cables'
import type { Edge, End, Graph, Node } from '../lib/graph'
import { Layout } from '../lib/layout'
import { SIGNS, type TunnelState } from '../lib/matrix'
import { towards, type Direction, type Place } from '../lib/places'
import { rates } from '../lib/store'
import { tagsOf, tagSize, type Tag } from '../lib/tags'
import { Icon } from '../ui/icons'

interface Props {
  graph: Graph
  selected: string
  onSelect: (id: string) => void
}

interface Camera {
  x: number
  y: number
  zoom: number
}

const MARGIN = 66
const TOOLS = 36 // pixels at the bottom that the buttons cover
const READABLE = 0.9 // the least size on the screen of what is written on cables
const TOO_FAR = 0.45 // the zoom below which nothing is
const ARROWS: Record<string, Direction> = { ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right' }

/** The camera that shows all places in a frame; never larger than life. */
export function fit(places: Iterable<Place>, width: number, height: number): Camera {
  const all = [...places]
  if (!all.length) return { x: 0, y: 0, zoom: 1 }
  const [xs, ys] = [all.map((place) => place.x), all.map((place) => place.y)]
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
  const zoom = Math.min(1.35, width / (right - left + 2 * MARGIN), height / (bottom - top + 2 * MARGIN))
  return { x: width / 2 - ((left + right) / 2) * zoom, y: height / 2 - ((top + bottom) / 2) * zoom - 4, zoom }
}

export function Drawing({ graph, selected, onSelect }: Props): JSX.Element {
  const layout = useMemo(() => new Layout(), [])
  const frame = useRef<SVGSVGElement>(null)
  const [size, setSize] = useState({ width: 800, height: 480 })
  const [held, setHeld] = useState<Camera | null>(null)
  const [names, setNames] = useState(true)
  useMemo(() => layout.update(graph), [graph])
  useEffect(() => () => layout.stop(), [])
  useEffect(() => {
    const element = frame.current
    if (!element) return undefined
    const observer = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const places = layout.places.value
  const cables = useMemo(() => ways(graph, places, layout.stacked), [graph, places])
  const camera = held ?? fit([...places.values(), ...[...cables.values()].flat()], size.width, size.height - TOOLS)
  const scale = Math.max(1, READABLE / camera.zoom)
  const tags = useMemo(
    () => (camera.zoom > TOO_FAR ? tagsOf(graph, cables, places, { scale, names, selected, passing }) : []),
    [graph, cables, scale, names, selected, camera.zoom > TOO_FAR],
  )
  const zoomBy = (factor: number, at = { x: size.width / 2, y: size.height / 2 }): void => {
    const zoom = Math.max(0.1, Math.min(4, camera.zoom * factor))
    const ratio = zoom / camera.zoom
    setHeld({ zoom, x: at.x - (at.x - camera.x) * ratio, y: at.y - (at.y - camera.y) * ratio })
  }
  const hand = useHand(camera, setHeld, layout)
  const keys = (event: KeyboardEvent, id: string): void => {
    const direction = ARROWS[event.key]
    const next = direction && towards(places, id, direction)
    if (next) frame.current?.querySelector<SVGGElement>(`[data-node="${CSS.escape(next)}"]`)?.focus()
    else if (event.key === 'Enter' || event.key === ' ') onSelect(id)
    else if (!direction) return
    event.preventDefault()
  }

  return (
    <div class="drawing">
      <svg
        ref={frame}
        class={camera.zoom < 0.6 ? 'far' : ''}
        role="group"
        aria-label="Topology: bridges, hosts and the links between them"
        onPointerDown={hand.down}
        onPointerMove={hand.move}
        onPointerUp={hand.up}
        onPointerCancel={hand.up}
        onWheel={(event) => {
          if (!event.ctrlKey && !event.metaKey) return
          event.preventDefault()
          zoomBy(Math.exp(-event.deltaY * 0.002), { x: event.offsetX, y: event.offsetY })
        }}
      >
        <g transform={`translate(${camera.x} ${camera.y}) scale(${camera.zoom})`}>
          {graph.edges.map((edge) => {
            const way = cables.get(edge.id)
            return way && <Cable key={edge.id} edge={edge} way={way} selected={edge.id === selected} onSelect={onSelect} />
          })}
          {tags.map((tag) => (
            <Label tag={tag} scale={scale} />
          ))}
          {graph.nodes.map((node) => (
            <Body key={node.id} node={node} place={places.get(node.id)} selected={node.id === selected} onSelect={onSelect} onKeys={keys} moved={hand.moved} />
          ))}
        </g>
      </svg>
      <Key edges={graph.edges} />
      <div class="tools" role="toolbar" aria-label="Drawing">
        <Tool icon="tag" label="Port names" pressed={names} onClick={() => setNames(!names)} />
        <Tool icon="plus" label="Larger" onClick={() => zoomBy(1.25)} />
        <Tool icon="minus" label="Smaller" onClick={() => zoomBy(0.8)} />
        <Tool icon="fit" label="Show all" onClick={() => setHeld(null)} />
        <Tool icon="reset" label="Arrange anew" onClick={() => { layout.reset(); setHeld(null) }} />
      </div>
    </div>
  )
}

/** Bits a second in both directions. */
function passing({ bridge, port }: End): number {
  const rate = rates.latest(bridge, port)
  return rate ? rate.rx + rate.tx : 0
}

interface ToolProps {
  icon: string
  label: string
  pressed?: boolean
  onClick: () => void
}

function Tool({ icon, label, pressed, onClick }: ToolProps): JSX.Element {
  const state = pressed === undefined ? {} : { 'aria-pressed': pressed }
  return (
    <button type="button" class="button icon-only" aria-label={label} title={label} onClick={onClick} {...state}>
      <Icon name={icon} />
    </button>
  )
}

interface Hand {
  down: (event: PointerEvent) => void
  move: (event: PointerEvent) => void
  up: (event: PointerEvent) => void
  /** Whether the press that just ended was a drag, so that it must not select. */
  moved: { current: boolean }
}

/** Drag a node to move it, drag the ground to move everything. */
function useHand(camera: Camera, setCamera: (camera: Camera) => void, layout: Layout): Hand {
  const grip = useRef<{ x: number; y: number; camera: Camera; node: string | null } | null>(null)
  const moved = useRef(false)
  const down = (event: PointerEvent): void => {
    if (event.button !== 0) return
    const node = (event.target as Element).closest('[data-node]')?.getAttribute('data-node') ?? null
    grip.current = { x: event.clientX, y: event.clientY, camera, node }
    moved.current = false
  }
  const move = (event: PointerEvent): void => {
    const from = grip.current
    if (!from) return
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y]
    if (!moved.current && Math.hypot(dx, dy) < 4) return
    moved.current = true
    const svg = event.currentTarget as SVGSVGElement
    if (!svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId)
    if (from.node === null) setCamera({ zoom: from.camera.zoom, x: from.camera.x + dx, y: from.camera.y + dy })
    else {
      const box = svg.getBoundingClientRect()
      const held = from.camera
      setCamera(held) // the frame must not follow the node that is dragged
      layout.drag(from.node, { x: (event.clientX - box.x - held.x) / held.zoom, y: (event.clientY - box.y - held.y) / held.zoom })
    }
  }
  const up = (): void => {
    grip.current = null
  }
  return { down, move, up, moved }
}

interface CableProps {
  edge: Edge
  way: Way
  selected: boolean
  onSelect: (id: string) => void
}

function Cable({ edge, way, selected, onSelect }: CableProps): JSX.Element {
  const line = `M${way.map(({ x, y }) => `${x} ${y}`).join('L')}`
  const press = edge.kind === 'host' ? {} : { onClick: () => onSelect(edge.id) }
  return (
    <g class={`cable ${edge.kind} ${edge.state}${selected ? ' selected' : ''}`} {...press}>
      <title>{cableName(edge)}</title>
      <path class="grip" d={line} />
      <path class="line" d={line} />
    </g>
  )
}

/** What a cable joins, for the pointer: there is not room for the names of all ports. */
function cableName({ kind, near, far, state }: Edge): string {
  const ends = [near, far].flatMap((end) => (end ? [end.name || end.bridge] : []))
  return `${kind === 'host' ? 'port' : kind} ${ends.join(' - ')}, ${state}`
}

function Label({ tag, scale }: { tag: Tag; scale: number }): JSX.Element {
  const { across, up } = tagSize(tag.text)
  return (
    <g class={`tag ${tag.kind}`} transform={`translate(${tag.place.x} ${tag.place.y}) scale(${scale})`}>
      <rect x={-across} y={-up} width={2 * across} height={2 * up} rx={3} />
      <text y={3.6}>{tag.text}</text>
    </g>
  )
}

/** What the lines are, where there are tunnels beside links. */
function Key({ edges }: { edges: readonly Edge[] }): JSX.Element | null {
  const states = (Object.keys(SIGNS) as TunnelState[]).filter((state) => edges.some((edge) => edge.kind === 'tunnel' && edge.state === state))
  const lines = [...(edges.some((edge) => edge.kind === 'link') ? [['link', 'up', 'link'] as const] : []), ...states.map((state) => ['tunnel', state, `tunnel ${state}`] as const)]
  if (!states.length) return null
  return (
    <ul class="key" aria-label="Lines">
      {lines.map(([kind, state, text]) => (
        <li key={text}>
          <svg class={`cable ${kind} ${state}`} width="30" height="10" aria-hidden="true">
            <path class="line" d="M1 5H29" />
          </svg>
          {text}
        </li>
      ))}
    </ul>
  )
}

interface BodyProps {
  node: Node
  place: Place | undefined
  selected: boolean
  onSelect: (id: string) => void
  onKeys: (event: KeyboardEvent, id: string) => void
  moved: { current: boolean }
}

function Body({ node, place, selected, onSelect, onKeys, moved }: BodyProps): JSX.Element | null {
  if (!place) return null
  // the name contains all text that is seen, so that it can be spoken to
  const name = node.kind === 'bridge' ? `Bridge ${node.label}, ${node.state}` : `Host ${node.label}${node.detail && ` ${node.detail}`} on ${node.bridge}${node.state === 'unreachable' ? ', unreachable' : ''}`
  return (
    <g
      class={`node ${node.kind} ${node.state}${selected ? ' selected' : ''}`}
      transform={`translate(${place.x} ${place.y})`}
      role="button"
      tabindex={0}
      aria-label={name}
      aria-pressed={selected}
      data-node={node.id}
      onClick={() => !moved.current && onSelect(node.id)}
      onKeyDown={(event) => onKeys(event, node.id)}
    >
      <Shape node={node} />
    </g>
  )
}

function Shape({ node }: { node: Node }): JSX.Element {
  if (node.kind === 'bridge') {
    const half = bridgeWidth(node.label)
    return (
      <>
        <rect class="halo" x={-half - 4} y={-21} width={2 * half + 8} height={42} rx={9} />
        <rect class="shape" x={-half} y={-17} width={2 * half} height={34} rx={6} />
        <path class="glyph" transform={`translate(${13 - half} 0)`} d="M-5 -3h10M2 -6l3 3l-3 3M5 4h-10M-2 1l-3 3l3 3" />
        <text class="label" x={10} y={4.5}>
          {node.label}
        </text>{' '}
        {node.detail && (
          <text class="detail fault" y={32}>
            {node.detail}
          </text>
        )}
      </>
    )
  }
  return (
    <>
      <rect class="hit" x={-50} y={-17} width={100} height={60} />
      <rect class="halo" x={-19} y={-17} width={38} height={32} rx={8} />
      <rect class="shape" x={-14} y={-12} width={28} height={18} rx={3} />
      <path class="glyph" d="M-9 -3h18M-9 -7h10" />
      <path class="base" d="M-18 10h36" />
      <text class="label" y={27}>
        {node.label}
      </text>{' '}
      {node.detail && (
        <text class="detail" y={40}>
          {node.detail}
        </text>
      )}
    </>
  )
}
