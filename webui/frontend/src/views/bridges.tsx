// Bridges: who is connected, since when, and whether what we want is what they hold.

import type { JSX } from 'preact'
import { ago, date, integer } from '../lib/format'
import { now } from '../lib/live'
import { bridges, status, useSource } from '../lib/store'
import type { BridgeView } from '../types'
import { Command, Empty, Facts, Go, State, type Tone } from '../ui/bits'
import type { Column } from '../ui/grid'
import { Listing } from '../ui/listing'

const TONES: Record<BridgeView['state'], Tone> = { connected: 'ok', syncing: 'wait', disconnected: 'bad' }

export const BridgeState = ({ bridge }: { bridge: BridgeView }): JSX.Element => <State tone={TONES[bridge.state]}>{bridge.state}</State>

const columns: Column<BridgeView>[] = [
  { key: 'name', title: 'Name', width: 'minmax(80px, 1fr)', mono: true, sort: (row) => row.name, cell: (row) => <strong>{row.name}</strong> },
  { key: 'state', title: 'State', width: '122px', sort: (row) => row.state, cell: (row) => <BridgeState bridge={row} /> },
  { key: 'since', title: 'For', width: '84px', end: true, sort: (row) => -row.since, cell: (row) => ago(row.since, now.value) },
  { key: 'dpid', title: 'Datapath id', width: '130px', mono: true, from: 780, sort: (row) => row.dpid, cell: (row) => row.dpid },
  { key: 'address', title: 'Address', width: 'minmax(126px, 1fr)', mono: true, from: 640, sort: (row) => row.address, cell: (row) => row.address },
  { key: 'protocol', title: 'OpenFlow', width: '74px', end: true, from: 900, sort: (row) => row.protocol, cell: (row) => row.protocol || '–' },
  { key: 'ports', title: 'Ports', width: '50px', end: true, sort: (row) => row.ports, cell: (row) => integer(row.ports) },
  { key: 'flows', title: 'Flows', width: '62px', end: true, sort: (row) => row.flows, cell: (row) => integer(row.flows) },
  { key: 'pending', title: 'Pending', width: '64px', end: true, from: 700, sort: (row) => row.pending, cell: (row) => integer(row.pending) },
  { key: 'rejected', title: 'Rejected', width: '72px', end: true, from: 560, sort: (row) => row.rejected, cell: rejected },
  { key: 'flow_mods', title: 'Flow-mods', width: '82px', end: true, from: 980, sort: (row) => row.flow_mods, cell: (row) => integer(row.flow_mods) },
]

function rejected(row: BridgeView): JSX.Element | string {
  return row.rejected ? <State tone="bad">{integer(row.rejected)}</State> : '0'
}

export function BridgeDetail({ bridge }: { bridge: BridgeView }): JSX.Element {
  return (
    <>
      <p>
        <BridgeState bridge={bridge} /> for {ago(bridge.since, now.value)}
      </p>
      {bridge.reason && <p class="note bad">{bridge.reason}</p>}
      {bridge.state === 'disconnected' && (
        <p class="note">
          It keeps forwarding with the flows that it has. Look whether it reaches the controller: <code>ovs-vsctl show</code> says{' '}
          <code>is_connected: true</code> where it does.
        </p>
      )}
      <Facts
        of={[
          ['Datapath id', <code>{bridge.dpid}</code>],
          ['Address', <code>{bridge.address}</code>],
          ['OpenFlow', bridge.protocol],
          ['Switch', bridge.description],
          ['Since', date(bridge.since)],
          ['Ports', <Go to="ports" params={{ bridge: bridge.name }}>{integer(bridge.ports)}</Go>],
          ['Flows', <Go to="flows" params={{ bridge: bridge.name }}>{integer(bridge.flows)}</Go>],
          ['Pending', integer(bridge.pending)],
          ['Rejected', rejected(bridge)],
          ['Flow-mods sent', integer(bridge.flow_mods)],
        ]}
      />
      <p class="links">
        <Go to="hosts" params={{ bridge: bridge.name }}>Hosts on {bridge.name}</Go>
        <Go to="events" params={{ q: bridge.name }}>Events of {bridge.name}</Go>
      </p>
    </>
  )
}

/** What to do where no bridge ever connected. */
export function NoBridges(): JSX.Element {
  const listen = status.data.value?.listen[0] ?? 'tcp:127.0.0.1:6653'
  return (
    <Empty title="No bridge has connected yet">
      <p>The controller listens on {listen}. Point a bridge of Open vSwitch at it:</p>
      <Command text={`ovs-vsctl set-controller s1 ${listen}`} />
      <p>Or build a whole network to try it on:</p>
      <Command text="sudo weft emulate tree" />
      <p>It appears here by itself.</p>
    </Empty>
  )
}

export function Bridges(): JSX.Element {
  const rows = useSource(bridges)
  return (
    <Listing
      label="Bridges"
      one="Bridge"
      source={bridges}
      rows={rows}
      columns={columns}
      rowKey={(row) => row.name}
      searched={{
        name: (row) => row.name,
        state: (row) => row.state,
        'datapath id': (row) => row.dpid,
        address: (row) => row.address,
        description: (row) => row.description,
      }}
      sort="name"
      empty={<NoBridges />}
      titleOf={(row) => row.name}
      detail={(row) => <BridgeDetail bridge={row} />}
      dim={(row) => row.state === 'disconnected'}
    />
  )
}
