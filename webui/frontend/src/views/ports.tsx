// Ports: state, what is behind them, and how much passes.

import type { JSX } from 'preact'
import { bitRate, bytes, integer } from '../lib/format'
import { param } from '../lib/route'
import { bridges, ports, rates, useSource } from '../lib/store'
import type { PortView } from '../types'
import { Facts, Go, State } from '../ui/bits'
import type { Column } from '../ui/grid'
import { Choice, Listing } from '../ui/listing'
import { Spark } from '../ui/spark'
import { NoBridges } from './bridges'

export const portId = (row: { bridge: string; port: number }): string => `${row.bridge}:${row.port}`

/** OpenFlow's number of the port that is the bridge itself; down is how Open vSwitch makes it. */
export const LOCAL = 0xfffffffe

export const portNumber = (port: number): string => (port === LOCAL ? 'LOCAL' : String(port))

const latest = (row: PortView): { rx: number | null; tx: number | null } =>
  rates.latest(row.bridge, row.port) ?? { rx: null, tx: null }

const sum = (one: number | null, other: number | null): number | null => (one === null ? other : one + (other ?? 0))

function PortState({ port }: { port: PortView }): JSX.Element {
  const tone = port.state === 'up' ? 'ok' : port.port === LOCAL ? 'dim' : 'bad'
  return <State tone={tone}>{port.state}</State>
}

const BLOCKED = ['oneway', 'shared', 'self']

/** What the port is there for; a port that lets nothing pass stands out. */
function Role({ port }: { port: PortView }): JSX.Element {
  if (BLOCKED.includes(port.role)) return <State tone="bad">{port.role}</State>
  if (port.role === 'held') return <State tone="warn">held</State>
  return <>{port.role || '–'}</>
}

function behind(row: PortView): JSX.Element | string {
  if (row.peer) return <span class="mono">{row.peer}</span>
  return row.hosts ? `${row.hosts} ${row.hosts === 1 ? 'host' : 'hosts'}` : '–'
}

function faults(row: PortView): JSX.Element | string {
  if (row.problem) return <State tone="warn">MTU</State>
  const dropped = sum(row.rx_dropped, row.tx_dropped)
  const errors = sum(row.rx_errors, row.tx_errors)
  const total = sum(dropped, errors) // a frame more or less is dropped on every machine; errors are worth a look
  return errors ? <State tone="warn">{integer(total)}</State> : integer(total)
}

const columns: Column<PortView>[] = [
  { key: 'bridge', title: 'Bridge', width: 'minmax(60px, 0.6fr)', mono: true, sort: (row) => `${row.bridge} ${row.port}`, cell: (row) => row.bridge },
  { key: 'port', title: 'No.', width: '46px', end: true, from: 560, sort: (row) => row.port, cell: (row) => portNumber(row.port) },
  { key: 'name', title: 'Name', width: 'minmax(90px, 1fr)', mono: true, sort: (row) => row.name, cell: (row) => <strong>{row.name}</strong> },
  { key: 'state', title: 'State', width: '76px', sort: (row) => row.state, cell: (row) => <PortState port={row} /> },
  { key: 'role', title: 'Role', width: '84px', from: 700, sort: (row) => row.role, cell: (row) => <Role port={row} /> },
  { key: 'network', title: 'Network', width: 'minmax(80px, 0.7fr)', from: 500, sort: (row) => row.network, cell: (row) => row.network },
  { key: 'peer', title: 'Behind it', width: 'minmax(90px, 1fr)', from: 520, sort: (row) => row.peer || null, cell: behind },
  { key: 'speed', title: 'Speed', width: '84px', end: true, from: 1040, sort: (row) => row.speed, cell: (row) => bitRate(row.speed) },
  { key: 'rx', title: 'Receives', width: '82px', end: true, sort: (row) => latest(row).rx, cell: (row) => bitRate(latest(row).rx) },
  { key: 'tx', title: 'Sends', width: '82px', end: true, sort: (row) => latest(row).tx, cell: (row) => bitRate(latest(row).tx) },
  { key: 'trend', title: 'Last minute', width: '100px', from: 600, cell: (row) => <Spark series={rates.series(row.bridge, row.port)} /> },
  { key: 'rx_bytes', title: 'Received', width: '88px', end: true, from: 840, sort: (row) => row.rx_bytes, cell: (row) => bytes(row.rx_bytes) },
  { key: 'tx_bytes', title: 'Sent', width: '88px', end: true, from: 840, sort: (row) => row.tx_bytes, cell: (row) => bytes(row.tx_bytes) },
  { key: 'faults', title: 'Faults', width: '64px', end: true, from: 700, sort: (row) => sum(sum(row.rx_dropped, row.tx_dropped), sum(row.rx_errors, row.tx_errors)), cell: faults },
]

export function PortDetail({ port }: { port: PortView }): JSX.Element {
  const rate = latest(port)
  const pair = (one: number | null, other: number | null): string => `${integer(one)} in, ${integer(other)} out`
  return (
    <>
      <p>
        <PortState port={port} /> {port.speed ? `at ${bitRate(port.speed)}` : ''}
      </p>
      {port.problem && <p class="note bad">{port.problem}</p>}
      <div class="legend">
        <Spark series={rates.series(port.bridge, port.port)} />
        <span class="rx">receives {bitRate(rate.rx)}</span>
        <span class="tx">sends {bitRate(rate.tx)}</span>
      </div>
      <Facts
        of={[
          ['Bridge', <Go to="bridges" params={{ sel: port.bridge }}>{port.bridge}</Go>],
          ['Number', portNumber(port.port)],
          ['Address', <code>{port.mac}</code>],
          ['Role', <Role port={port} />],
          ['Network', port.network],
          ['Linked to', port.peer && <code>{port.peer}</code>],
          ['Hosts', port.hosts ? <Go to="hosts" params={{ q: port.name }}>{integer(port.hosts)}</Go> : '0'],
          ['Packets', pair(port.rx_packets, port.tx_packets)],
          ['Bytes', `${bytes(port.rx_bytes)} in, ${bytes(port.tx_bytes)} out`],
          ['Dropped', pair(port.rx_dropped, port.tx_dropped)],
          ['Errors', pair(port.rx_errors, port.tx_errors)],
        ]}
      />
      <p class="links">
        <Go to="flows" params={{ bridge: port.bridge, filter: `in_port=${port.port}` }}>Flows from this port</Go>
      </p>
    </>
  )
}

export function Ports(): JSX.Element {
  const all = useSource(ports)
  const names = useSource(bridges).map((bridge): [string, string] => [bridge.name, bridge.name])
  const [bridge, state] = [param('bridge'), param('state')]
  const rows = all.filter((port) => (!bridge || port.bridge === bridge) && (!state || port.state === state))
  return (
    <Listing
      label="Ports"
      one="Port"
      source={ports}
      rows={rows}
      columns={columns}
      rowKey={portId}
      searched={{
        name: (row) => row.name,
        bridge: (row) => row.bridge,
        state: (row) => row.state,
        role: (row) => row.role,
        network: (row) => row.network,
        peer: (row) => row.peer,
        MAC: (row) => row.mac,
      }}
      sort="bridge"
      filterNames={['bridge', 'state']}
      filters={
        <>
          <Choice label="Bridge" name="bridge" all="all bridges" options={names} />
          <Choice label="State" name="state" all="up and down" options={[['up', 'up'], ['down', 'down']]} />
        </>
      }
      empty={<NoBridges />}
      titleOf={(row) => row.name}
      detail={(row) => <PortDetail port={row} />}
      dim={(row) => row.state === 'down'}
    />
  )
}
