// The network drawn: every node and cable is a real element with a name, reached by pointer, Tab and arrow keys.

import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { bitRate } from '../lib/format'
import type { Edge, Graph, Node } from '../lib/graph'
import { Layout } from '../lib/layout'
import { towards, type Direction, type Place } from '../lib/places'
import { rates } from '../lib/store'
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
  const camera = held ?? fit(places.values(), size.width, size.height - TOOLS)
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
          {graph.edges.map((edge) => (
            <Cable key={edge.id} edge={edge} places={places} names={names && camera.zoom > 0.45} corners={layout.stacked} selected={edge.id === selected} onSelect={onSelect} />
          ))}
          {graph.nodes.map((node) => (
            <Body key={node.id} node={node} place={places.get(node.id)} selected={node.id === selected} onSelect={onSelect} onKeys={keys} moved={hand.moved} />
          ))}
        </g>
      </svg>
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
  places: ReadonlyMap<string, Place>
  names: boolean
  corners: boolean
  selected: boolean
  onSelect: (id: string) => void
}

function Cable({ edge, places, names, corners, selected, onSelect }: CableProps): JSX.Element | null {
  const [a, b] = [places.get(edge.source), places.get(edge.target)]
  if (!a || !b) return null
  const length = Math.hypot(b.x - a.x, b.y - a.y) || 1
  const along = (distance: number): Place => ({ x: a.x + ((b.x - a.x) * distance) / length, y: a.y + ((b.y - a.y) * distance) / length })
  const rate = rates.latest(edge.near.bridge, edge.near.port)
  const passing = rate ? rate.rx + rate.tx : 0
  const cornered = corners && edge.kind === 'host'
  const middle = cornered ? { x: b.x - 36, y: b.y - 3 } : along(length / 2)
  const [near, far] = [along(44), along(length - 44)]
  const press = edge.kind === 'link' ? { onClick: () => onSelect(edge.id) } : {}
  return (
    <g class={`cable ${edge.kind}${edge.up ? '' : ' down'}${selected ? ' selected' : ''}`} {...press}>
      {edge.kind === 'link' && <line class="grip" x1={a.x} y1={a.y} x2={b.x} y2={b.y} />}
      {cornered ? <path d={corner(a, b)} /> : <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} />}
      {names && length > 70 && <Tag place={edge.far ? near : middle} text={portLabel(edge.near.name, edge.near.bridge)} />}
      {names && edge.far && length > 100 && <Tag place={far} text={portLabel(edge.far.name, edge.far.bridge)} />}
      {edge.kind === 'link' && passing >= 1000 && <Tag place={middle} text={bitRate(passing)} kind="rate" />}
      {!edge.up && <Tag place={middle} text="down" kind="fault" />}
    </g>
  )
}

/** Down from the bridge, across, and down again left of the hosts. */
const corner = (a: Place, b: Place): string => `M${a.x} ${a.y}V${a.y + 58}H${b.x - 54}V${b.y - 3}H${b.x - 14}`

/** `eth3` where the port is called `s1-eth3` and the bridge is s1. */
export const portLabel = (name: string, bridge: string): string => (name.startsWith(`${bridge}-`) ? name.slice(bridge.length + 1) : name)

function Tag({ place, text, kind = '' }: { place: Place; text: string; kind?: string }): JSX.Element | null {
  if (!text) return null
  const width = text.length * 6.2 + 8
  return (
    <g class={`tag ${kind}`} transform={`translate(${place.x} ${place.y})`}>
      <rect x={-width / 2} y={-7.5} width={width} height={15} rx={3} />
      <text y={3.6}>{text}</text>
    </g>
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
    const half = Math.max(27, 19 + node.label.length * 4.2)
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
