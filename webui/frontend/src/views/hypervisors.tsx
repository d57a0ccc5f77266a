// Hypervisors: is what the network file wants there, and who hears whom by tunnel; as a matrix and as a table.

import type { JSX } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import { ago, bytes, date, integer } from '../lib/format'
import { now } from '../lib/live'
import { matrixOf, meshesOf, tunnelKey } from '../lib/matrix'
import { change, param } from '../lib/route'
import { hypervisors, tunnels, useSource } from '../lib/store'
import type { HypervisorView, TunnelView } from '../types'
import { Empty, Facts, Failed, Go, Loading, Segment, State, type Tone } from '../ui/bits'
import type { Column } from '../ui/grid'
import { Choice, Listing, NothingFound, Search } from '../ui/listing'
import { Panel } from '../ui/panel'
import { Legend, MatrixTable, TUNNEL_TONES } from './matrix'

const TONES: Record<HypervisorView['state'], Tone> = { applied: 'ok', waiting: 'wait', refused: 'bad', unreachable: 'bad' }
const READ_AGAIN = 5000 // milliseconds; counters change all the time

const columns: Column<HypervisorView>[] = [
  { key: 'name', title: 'Name', width: 'minmax(80px, 0.8fr)', mono: true, sort: (row) => row.name, cell: (row) => <strong>{row.name}</strong> },
  { key: 'state', title: 'State', width: '122px', sort: (row) => row.state, cell: (row) => <State tone={TONES[row.state]}>{row.state}</State> },
  { key: 'since', title: 'For', width: '84px', end: true, sort: (row) => -row.since, cell: (row) => ago(row.since, now.value) },
  { key: 'ports', title: 'Ports', width: '56px', end: true, sort: (row) => row.ports, cell: (row) => integer(row.ports) },
  { key: 'remote', title: 'Database', width: 'minmax(130px, 1.2fr)', mono: true, from: 700, sort: (row) => row.remote, cell: (row) => row.remote },
  { key: 'version', title: 'Open vSwitch', width: '96px', from: 900, sort: (row) => row.version, cell: (row) => row.version || '–' },
  { key: 'problems', title: 'Problems', width: 'minmax(140px, 2fr)', sort: (row) => -row.problems.length, cell: problems },
]

function problems(row: HypervisorView): string {
  const all = row.reason ? [row.reason, ...row.problems] : row.problems
  return all.length > 1 ? `${all.length}: ${all.join('; ')}` : (all[0] ?? 'none')
}

function HypervisorDetail({ one }: { one: HypervisorView }): JSX.Element {
  return (
    <>
      <p>
        <State tone={TONES[one.state]}>{one.state}</State> for {ago(one.since, now.value)}
      </p>
      {one.reason && <p class="note bad">{one.reason}</p>}
      <Facts
        of={[
          ['Database', <code>{one.remote}</code>],
          ['Open vSwitch', one.version],
          ['Since', date(one.since)],
          ['Ports', integer(one.ports)],
          ['BFD', one.bfd.length ? <code>{one.bfd.join(', ')}</code> : ''],
        ]}
      />
      <Problems of={one.problems} />
      <p class="links">
        <Go to="hypervisors" params={{ as: 'tunnels', q: one.name }}>Tunnels of {one.name}</Go>
        <Go to="hosts" params={{ bridge: one.name }}>Hosts on {one.name}</Go>
        <Go to="events" params={{ q: one.name }}>Events of {one.name}</Go>
      </p>
    </>
  )
}

function Problems({ of }: { of: readonly string[] }): JSX.Element | null {
  if (!of.length) return null
  return (
    <>
      <h3>Problems</h3>
      <ul class="problems">
        {of.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </>
  )
}

const tunnelColumns: Column<TunnelView>[] = [
  { key: 'mesh', title: 'Mesh', width: 'minmax(64px, 0.7fr)', mono: true, from: 900, sort: (row) => row.mesh, cell: (row) => row.mesh },
  { key: 'hypervisor', title: 'Hypervisor', width: 'minmax(80px, 1fr)', mono: true, sort: (row) => row.hypervisor, cell: (row) => <strong>{row.hypervisor}</strong> },
  { key: 'peer', title: 'Hears', width: 'minmax(80px, 1fr)', mono: true, sort: (row) => row.peer, cell: (row) => row.peer },
  { key: 'state', title: 'State', width: '96px', sort: (row) => row.state, cell: (row) => <TunnelState row={row} /> },
  { key: 'since', title: 'For', width: '84px', end: true, sort: (row) => -row.since, cell: (row) => ago(row.since, now.value) },
  { key: 'cause', title: 'Because', width: 'minmax(140px, 1.8fr)', from: 560, sort: (row) => row.cause, cell: (row) => row.cause },
  { key: 'rx', title: 'Received', width: '88px', end: true, from: 640, sort: (row) => row.rx_bytes, cell: (row) => bytes(row.rx_bytes) },
  { key: 'tx', title: 'Sent', width: '88px', end: true, from: 640, sort: (row) => row.tx_bytes, cell: (row) => bytes(row.tx_bytes) },
  { key: 'mtu', title: 'MTU', width: '60px', end: true, from: 760, sort: (row) => row.mtu, cell: (row) => row.mtu },
]

const TunnelState = ({ row }: { row: TunnelView }): JSX.Element => <State tone={TUNNEL_TONES[row.state]}>{row.state}</State>

function TunnelDetail({ row }: { row: TunnelView }): JSX.Element {
  const frames = (count: number | null, octets: number | null): string => (count === null ? 'not known' : `${integer(count)} frames, ${bytes(octets)}`)
  return (
    <>
      <p>
        <TunnelState row={row} /> for {ago(row.since, now.value)}
      </p>
      <p class={row.state === 'down' ? 'note bad' : 'note'}>{row.cause}</p>
      <Facts
        of={[
          ['Mesh', <code>{row.mesh}</code>],
          ['Type', row.type],
          ['Since', date(row.since)],
          [row.hypervisor, <code>{row.local}</code>],
          [row.peer, <code>{row.remote}</code>],
          ['Received', frames(row.rx_packets, row.rx_bytes)],
          ['Sent', frames(row.tx_packets, row.tx_bytes)],
          ['MTU', `${row.mtu} for an IP packet`],
        ]}
      />
      <Problems of={row.problems} />
      <p class="links">
        <Go to="hypervisors" params={{ sel: row.hypervisor }}>{row.hypervisor}</Go>
        <Go to="hypervisors" params={{ sel: row.peer }}>{row.peer}</Go>
        <Go to="events" params={{ q: `tunnel ${row.hypervisor}` }}>Events of its tunnels</Go>
      </p>
    </>
  )
}

/** What two hypervisors hear of each other, by every mesh. */
export function TunnelsBetween({ one, other }: { one: string; other: string }): JSX.Element {
  const rows = tunnels.data.value.filter((row) => [one, other].includes(row.hypervisor) && [one, other].includes(row.peer))
  return (
    <>
      {rows.map((row) => (
        <section key={tunnelKey(row)} class="heard">
          <h3>{row.hypervisor} from {row.peer}</h3>
          <p>
            <TunnelState row={row} /> for {ago(row.since, now.value)}
          </p>
          <p class={row.state === 'down' ? 'note bad' : 'note'}>{row.cause}</p>
          <Go to="hypervisors" params={{ as: 'tunnels', sel: tunnelKey(row) }}>Tunnel of {row.mesh}</Go>
        </section>
      ))}
    </>
  )
}

const WAYS: [as: string, text: string][] = [['', 'List'], ['matrix', 'Matrix'], ['tunnels', 'Tunnels']]

function Ways(): JSX.Element {
  return (
    <div class="segments" role="group" aria-label="Show as">
      {WAYS.map(([as, text]) => (
        <Segment key={as} on={param('as') === as} onClick={() => change({ as, sel: '', sort: '' })}>{text}</Segment>
      ))}
    </div>
  )
}

const NoTunnels = (): JSX.Element => (
  <Empty title="There is no tunnel">
    <p>Hypervisors and the meshes that join them stand in the network file, under hypervisors: and meshes:.</p>
  </Empty>
)

function MatrixView({ rows }: { rows: TunnelView[] }): JSX.Element {
  const meshes = meshesOf(rows)
  const mesh = meshes.includes(param('mesh')) ? param('mesh') : (meshes[0] ?? '')
  const words = param('q')
  const matrix = useMemo(() => matrixOf(rows, mesh, words), [rows, mesh, words])
  const chosen = rows.find((row) => tunnelKey(row) === param('sel'))
  const select = (key: string): void => change({ sel: key === param('sel') ? '' : key })
  if (tunnels.error.value && !tunnels.loaded.value) return <Failed error={tunnels.error.value} />
  if (!tunnels.loaded.value) return <Loading />
  if (!rows.length) return <NoTunnels />
  return (
    <div class="split">
      <section class="pane" aria-label={`Tunnels of ${mesh}`}>
        <div class="toolbar">
          <Search hint="Names of hypervisors" />
          {meshes.length > 1 && <Choice label="Mesh" name="mesh" all={meshes[0] ?? ''} options={meshes.slice(1).map((name) => [name, name])} />}
          <Legend matrix={matrix} />
          <Ways />
        </div>
        {matrix.names.length ? <MatrixTable matrix={matrix} selected={param('sel')} onSelect={select} /> : <NothingFound names={[]} />}
      </section>
      {chosen && <TunnelPanel row={chosen} />}
    </div>
  )
}

function TunnelPanel({ row }: { row: TunnelView }): JSX.Element {
  return (
    <Panel kind="Tunnel" title={`${row.hypervisor} from ${row.peer}`} onClose={() => change({ sel: '' })}>
      <TunnelDetail row={row} />
    </Panel>
  )
}

function TunnelList({ rows }: { rows: TunnelView[] }): JSX.Element {
  const state = param('state')
  const states: [string, string][] = (['up', 'down', 'idle', 'unknown'] as const).map((one) => [one, one])
  return (
    <Listing
      label="Tunnels"
      one="Tunnel"
      source={tunnels}
      rows={state ? rows.filter((row) => row.state === state) : rows}
      columns={tunnelColumns}
      rowKey={tunnelKey}
      searched={{
        hypervisor: (row) => `${row.hypervisor} ${row.peer}`,
        mesh: (row) => row.mesh,
        state: (row) => row.state,
        cause: (row) => row.cause,
        address: (row) => `${row.local} ${row.remote}`,
      }}
      sort="hypervisor"
      filterNames={['state']}
      filters={
        <>
          <Choice label="State" name="state" all="all states" options={states} />
          <Ways />
        </>
      }
      empty={<NoTunnels />}
      titleOf={(row) => `${row.hypervisor} from ${row.peer}`}
      detail={(row) => <TunnelDetail row={row} />}
    />
  )
}

function List(): JSX.Element {
  const rows = useSource(hypervisors)
  return (
    <Listing
      label="Hypervisors"
      one="Hypervisor"
      source={hypervisors}
      rows={rows}
      columns={columns}
      rowKey={(row) => row.name}
      searched={{
        name: (row) => row.name,
        state: (row) => row.state,
        database: (row) => row.remote,
        version: (row) => row.version,
        problem: (row) => `${row.reason} ${row.problems.join(' ')}`,
      }}
      sort="name"
      filters={<Ways />}
      empty={<Empty title="There is no hypervisor"><p>Those whose Open vSwitch weft sets up stand in the network file, under hypervisors:, with ovsdb: or listen:.</p></Empty>}
      titleOf={(row) => row.name}
      detail={(row) => <HypervisorDetail one={row} />}
      dim={(row) => row.state === 'unreachable'}
    />
  )
}

function Tunnels({ as }: { as: string }): JSX.Element {
  const rows = useSource(tunnels)
  useEffect(() => {
    const timer = setInterval(() => tunnels.touch(), READ_AGAIN)
    return () => clearInterval(timer)
  }, [])
  return as === 'matrix' ? <MatrixView rows={rows} /> : <TunnelList rows={rows} />
}

export function Hypervisors(): JSX.Element {
  const as = param('as')
  return as === 'matrix' || as === 'tunnels' ? <Tunnels as={as} /> : <List />
}
