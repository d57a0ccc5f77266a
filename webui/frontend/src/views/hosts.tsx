// Hosts: which address is where, and since when.

import type { JSX } from 'preact'
import { ago, date } from '../lib/format'
import { hostKey } from '../lib/graph'
import { now } from '../lib/live'
import { param } from '../lib/route'
import { bridges, hosts, useSource } from '../lib/store'
import type { HostView } from '../types'
import { Command, Empty, Facts, Go, State } from '../ui/bits'
import type { Column } from '../ui/grid'
import { Choice, Listing } from '../ui/listing'
import { NoBridges } from './bridges'
import { portId } from './ports'

const HostState = ({ host }: { host: HostView }): JSX.Element => <State tone={host.state === 'reachable' ? 'ok' : 'bad'}>{host.state}</State>

const columns: Column<HostView>[] = [
  { key: 'mac', title: 'Address', width: '160px', mono: true, sort: (row) => row.mac, cell: (row) => <strong>{row.mac}</strong> },
  { key: 'ip', title: 'IP', width: 'minmax(130px, 4fr)', mono: true, sort: (row) => row.ips[0] ?? null, cell: (row) => row.ips.join(', ') || '–' },
  { key: 'bridge', title: 'Bridge', width: 'minmax(70px, 1fr)', mono: true, sort: (row) => row.bridge, cell: (row) => row.bridge },
  { key: 'port', title: 'Port', width: 'minmax(90px, 1fr)', mono: true, sort: (row) => row.port_name, cell: (row) => row.port_name },
  { key: 'state', title: 'State', width: '112px', from: 560, sort: (row) => row.state, cell: (row) => <HostState host={row} /> },
  { key: 'network', title: 'Network', width: 'minmax(80px, 1fr)', from: 640, sort: (row) => row.network, cell: (row) => row.network },
  { key: 'first', title: 'Known for', width: '116px', end: true, from: 760, sort: (row) => -row.first_seen, cell: (row) => ago(row.first_seen, now.value) },
  { key: 'last', title: 'Last heard', width: '116px', end: true, sort: (row) => -row.last_seen, cell: (row) => ago(row.last_seen, now.value) },
]

export function HostDetail({ host }: { host: HostView }): JSX.Element {
  return (
    <>
      <p>
        <HostState host={host} />
      </p>
      {host.why && <p class="note bad">{host.why}</p>}
      <Facts
        of={[
          ['Address', <code>{host.mac}</code>],
          ['IP', host.ips.length ? <code>{host.ips.join(', ')}</code> : ''],
          ['Network', <Go to="networks" params={{ sel: host.network }}>{host.network}</Go>],
          ['Bridge', <Go to="bridges" params={{ sel: host.bridge }}>{host.bridge}</Go>],
          ['Port', <Go to="ports" params={{ sel: portId(host) }}>{host.port_name}</Go>],
          ['First heard', date(host.first_seen)],
          ['Last heard', `${ago(host.last_seen, now.value)} ago`],
        ]}
      />
      <p class="links">
        <Go to="flows" params={{ q: host.mac }}>Flows of this host</Go>
      </p>
    </>
  )
}

function NoHosts(): JSX.Element {
  return (
    <Empty title="No host has been heard yet">
      <p>An address is learned from the first frame that its host sends. In an emulated network:</p>
      <Command text="h1 ping -c1 h2" />
      <p>
        Hosts that stay silent, or whose port is down, do not appear. If frames were sent, look whether <code>l2_learning</code> runs, under{' '}
        <Go to="apps">Apps</Go>.
      </p>
    </Empty>
  )
}

export function Hosts(): JSX.Element {
  const all = useSource(hosts)
  const known = useSource(bridges)
  const bridge = param('bridge')
  const rows = bridge ? all.filter((host) => host.bridge === bridge) : all
  return (
    <Listing
      label="Hosts"
      one="Host"
      source={hosts}
      rows={rows}
      columns={columns}
      rowKey={hostKey}
      searched={{
        MAC: (row) => row.mac,
        IP: (row) => row.ips.join(' '),
        bridge: (row) => row.bridge,
        port: (row) => row.port_name,
        state: (row) => row.state,
        network: (row) => row.network,
      }}
      sort="mac"
      filterNames={['bridge']}
      filters={<Choice label="Bridge" name="bridge" all="all bridges" options={known.map((one) => [one.name, one.name])} />}
      empty={known.length ? <NoHosts /> : <NoBridges />}
      titleOf={(row) => row.ips[0] ?? row.mac}
      detail={(row) => <HostDetail host={row} />}
      dim={(row) => row.state === 'unreachable'}
    />
  )
}
