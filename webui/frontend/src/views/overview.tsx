// Overview: the sizes of everything, the network drawn or as a table, and what just happened.

import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { ago, bitRate, integer, plural } from '../lib/format'
import { bridgeId, build, hostId, type Edge, type End, type Graph, type Node } from '../lib/graph'
import { now } from '../lib/live'
import { MOST } from '../lib/matrix'
import { change, param, type Params, type ViewName } from '../lib/route'
import { bridges, events, hosts, links, ports, rates, status, tunnels, useSource } from '../lib/store'
import type { Status } from '../types'
import { Facts, Failed, Go, Loading, Segment, State, type Tone } from '../ui/bits'
import { Grid, type Column } from '../ui/grid'
import { Panel } from '../ui/panel'
import { BridgeDetail, NoBridges } from './bridges'
import { Drawing } from './drawing'
import { Severity } from './events'
import { HostDetail } from './hosts'
import { TunnelsBetween } from './hypervisors'
import { LOCAL } from './ports'

interface TileProps {
  to: ViewName
  params?: Params
  name: string
  value: string
  note: string
  tone?: Tone
}

function Tile({ to, params, name, value, note, tone }: TileProps): JSX.Element {
  return (
    <Go to={to} class="tile" {...(params ? { params } : {})}>
      <span class="name">{name}</span>
      <span class="value">{value}</span>
      <span class="remark">{tone ? <State tone={tone}>{note}</State> : note}</span>
    </Go>
  )
}

function Tiles({ of }: { of: Status }): JSX.Element {
  const known = bridges.data.value
  const pending = known.reduce((sum, bridge) => sum + bridge.pending, 0)
  const rejected = known.reduce((sum, bridge) => sum + bridge.rejected, 0)
  const closed = ports.data.value.filter((port) => port.state === 'down')
  const down = closed.filter((port) => port.port !== LOCAL).length // Open vSwitch makes LOCAL so
  const allUp = closed.length ? 'all up but LOCAL' : 'all up'
  const away = of.bridges - of.connected
  return (
    <nav class="tiles" aria-label="Counts">
      <Tile to="bridges" name="Bridges" value={integer(of.bridges)} note={away ? `${away} not connected` : of.bridges ? 'all connected' : 'none yet'} {...toneOf(away, of.bridges)} />
      <Tile to="ports" name="Ports" value={integer(of.ports)} note={down ? `${down} down` : of.ports ? allUp : 'none yet'} {...toneOf(down, of.ports)} params={down ? { state: 'down' } : {}} />
      <Tile to="overview" params={{ as: 'table' }} name="Links" value={integer(of.links)} {...joins(of)} />
      <Tile to="hosts" name="Hosts" value={integer(of.hosts)} note={of.hosts ? 'learned' : 'none heard yet'} />
      <Tile to="flows" name="Flows" value={integer(of.flows)} note={rejected ? `${rejected} rejected` : pending ? `${pending} pending` : of.flows ? 'installed' : 'none yet'} {...(rejected ? { tone: 'bad' as const } : pending ? { tone: 'wait' as const } : toneOf(0, of.flows))} />
      <Tile to="apps" name="Apps" value={integer(of.apps)} note={of.apps_failed ? `${of.apps_failed} failed` : 'none failed'} {...toneOf(of.apps_failed, of.apps)} />
    </nav>
  )
}

/** What joins bridges besides links, if anything does. */
function joins(of: Status): { note: string; tone?: Tone } {
  const known = fewTunnels(of) ? tunnels.data.value : []
  const down = known.filter((tunnel) => tunnel.state === 'down').length
  if (!known.length) return { note: 'between bridges' }
  const all = plural(known.length, 'tunnel')
  return { note: down ? `${down} of ${all} down` : `and ${all}`, ...toneOf(down, 0) }
}

/** Whether tunnels are read to be drawn: there are as many as the square of hypervisors. */
const fewTunnels = (of: Status | null): boolean => !!of && of.hypervisors > 1 && of.hypervisors <= MOST

function toneOf(faults: number, total: number): { tone?: Tone } {
  if (faults) return { tone: 'bad' }
  return total ? { tone: 'ok' } : {}
}

export function Overview(): JSX.Element {
  const known = useSource(bridges)
  const learned = useSource(hosts)
  const cables = useSource(links)
  const all = useSource(ports)
  const summary = status.data.value
  const few = fewTunnels(summary)
  const mesh = useSource(tunnels, few)
  const graph = useMemo(() => build(known, learned, cables, all, few ? mesh : []), [known, learned, cables, all, mesh, few])
  if (status.error.value && !summary) return <Failed error={status.error.value} />
  if (!summary || !bridges.loaded.value) return <Loading />
  if (!known.length) return <NoBridges />
  const asTable = param('as') === 'table'
  const select = (id: string): void => change({ sel: id === param('sel') ? '' : id })
  return (
    <>
      <Tiles of={summary} />
      <div class="split">
        <section class="pane" aria-label="Topology">
          <div class="toolbar">
            <h2>Topology</h2>
            <div class="segments" role="group" aria-label="Show as">
              <Segment on={!asTable} onClick={() => change({ as: '' })}>Drawing</Segment>
              <Segment on={asTable} onClick={() => change({ as: 'table' })}>Table</Segment>
            </div>
          </div>
          {asTable ? <Twin graph={graph} onSelect={select} /> : <Drawing graph={graph} selected={param('sel')} onSelect={select} />}
        </section>
        <Selected graph={graph} />
      </div>
    </>
  )
}

const betweenName = (edge: Edge): string => `${edge.near.bridge} - ${edge.far?.bridge}`

/** Bridge and port; that of a tunnel has no port of its own. */
const endName = (end: End | null): string => [end?.bridge, end?.name].filter(Boolean).join('/')

interface TwinRow {
  id: string
  kind: string
  name: string
  state: string
  ends: string
  cost: number | null
  rate: number | null
}

const twinColumns: Column<TwinRow>[] = [
  { key: 'kind', title: 'Kind', width: '80px', sort: (row) => row.kind, cell: (row) => row.kind },
  { key: 'name', title: 'Name', width: 'minmax(120px, 1fr)', mono: true, sort: (row) => row.name, cell: (row) => <strong>{row.name}</strong> },
  { key: 'state', title: 'State', width: '130px', sort: (row) => row.state, cell: (row) => row.state },
  { key: 'ends', title: 'Connected to', width: 'minmax(160px, 2fr)', mono: true, sort: (row) => row.ends, cell: (row) => row.ends },
  { key: 'cost', title: 'Cost', width: '72px', end: true, from: 560, sort: (row) => row.cost, cell: (row) => integer(row.cost) },
  { key: 'rate', title: 'Passing', width: '92px', end: true, from: 460, sort: (row) => row.rate, cell: (row) => bitRate(row.rate) },
]

/** What joins a bridge to others: 2 links, 8 tunnels. */
function joiner(graph: Graph): (id: string) => string {
  const counts = new Map<string, number>()
  for (const { kind, source, target } of graph.edges) {
    for (const key of [`${source} ${kind}`, `${target} ${kind}`]) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return (id) => {
    const found = ['link', 'tunnel', 'host'].map((kind): [string, number] => [kind, counts.get(`${id} ${kind}`) ?? 0])
    return found.filter(([, count]) => count).map(([kind, count]) => plural(count, kind)).join(', ') || 'nothing'
  }
}

/** What the drawing shows, as rows. */
export function twin(graph: Graph): TwinRow[] {
  const passing = (edge: Edge): number | null => {
    const rate = rates.latest(edge.near.bridge, edge.near.port)
    return rate && rate.rx + rate.tx
  }
  const joined = joiner(graph)
  const rows = graph.nodes.map((node: Node): TwinRow => {
    const edge = graph.edges.find((other) => other.target === node.id && other.kind === 'host')
    const ends = edge ? `${node.bridge}/${edge.near.name}` : joined(node.id)
    return { id: node.id, kind: node.kind, name: node.label, state: node.state, ends, cost: null, rate: edge ? passing(edge) : null }
  })
  const cables = graph.edges.filter((edge) => edge.far).map((edge): TwinRow => {
    const ends = [edge.near, edge.far].map(endName).join(' - ')
    return { id: edge.id, kind: edge.kind, name: betweenName(edge), state: edge.state, ends, cost: edge.cost, rate: passing(edge) }
  })
  return [...rows, ...cables]
}

function Twin({ graph, onSelect }: { graph: Graph; onSelect: (id: string) => void }): JSX.Element {
  return (
    <Grid
      label="Topology as a table"
      columns={twinColumns}
      rows={twin(graph)}
      rowKey={(row) => row.id}
      selected={param('sel')}
      onSelect={onSelect}
      sort={param('sort')}
      onSort={(sort) => change({ sort })}
    />
  )
}

function Selected({ graph }: { graph: Graph }): JSX.Element {
  const id = param('sel')
  const close = (): void => change({ sel: '' })
  const bridge = bridges.data.value.find((one) => bridgeId(one.name) === id)
  if (bridge) return <Panel kind="Bridge" title={bridge.name} onClose={close}><BridgeDetail bridge={bridge} /></Panel>
  const host = hosts.data.value.find((one) => hostId(one) === id)
  if (host) return <Panel kind="Host" title={host.ips[0] ?? host.mac} onClose={close}><HostDetail host={host} /></Panel>
  const edge = graph.edges.find((one) => one.id === id)
  if (edge?.kind === 'tunnel') return <Panel kind="Tunnels" title={betweenName(edge)} onClose={close}><TunnelsBetween one={edge.near.bridge} other={edge.far?.bridge ?? ''} /></Panel>
  if (edge) return <Panel kind="Link" title={betweenName(edge)} onClose={close}><LinkDetail edge={edge} /></Panel>
  const group = graph.nodes.find((one) => one.id === id)
  if (group) return <Panel kind="Hosts" title={`${group.label} on ${group.bridge}`} onClose={close}><Go to="hosts" params={{ bridge: group.bridge }}>Show them</Go></Panel>
  return <Recent />
}

function LinkDetail({ edge }: { edge: Edge }): JSX.Element {
  const rate = rates.latest(edge.near.bridge, edge.near.port)
  const end = (bridge: string, port: number, name: string): JSX.Element => <Go to="ports" params={{ sel: `${bridge}:${port}` }}>{name}</Go>
  return (
    <>
      <p>
        <State tone={edge.state === 'up' ? 'ok' : 'bad'}>{edge.state}</State>
      </p>
      <Facts
        of={[
          [edge.near.bridge, end(edge.near.bridge, edge.near.port, edge.near.name)],
          [edge.far?.bridge ?? '', edge.far && end(edge.far.bridge, edge.far.port, edge.far.name)],
          [`${edge.near.bridge} sends`, bitRate(rate?.tx ?? null)],
          [`${edge.near.bridge} receives`, bitRate(rate?.rx ?? null)],
          ['Cost', integer(edge.cost)],
          ['Floods', edge.networks.length ? edge.networks.map((name) => <Go key={name} to="networks" params={{ sel: name }}>{name} </Go>) : 'for no network'],
        ]}
      />
    </>
  )
}

function Recent(): JSX.Element {
  const recent = events.data.value.slice(-12).reverse()
  return (
    <section class="panel recent" aria-label="Recent events">
      <header>
        <h2>Recent events</h2>
        <Go to="events">All events</Go>
      </header>
      {recent.length ? (
        <ol>
          {recent.map((event) => (
            <li key={event.seq}>
              <Severity event={event} />
              <span class="when">{ago(event.time, now.value)} ago</span>
              <Go to="events" params={{ sel: String(event.seq) }}>{event.count > 1 ? `${event.text} ×${event.count}` : event.text}</Go>
            </li>
          ))}
        </ol>
      ) : (
        <p class="muted">Nothing has happened yet.</p>
      )}
    </section>
  )
}
