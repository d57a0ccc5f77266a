// Networks: their VLANs, who belongs to them, and the links that their broadcasts take.

import type { JSX } from 'preact'
import { integer } from '../lib/format'
import { networks, useSource } from '../lib/store'
import type { NetworkView } from '../types'
import { Empty, Facts, Go } from '../ui/bits'
import type { Column } from '../ui/grid'
import { Listing } from '../ui/listing'

const columns: Column<NetworkView>[] = [
  { key: 'name', title: 'Name', width: 'minmax(110px, 1fr)', mono: true, sort: (row) => row.name, cell: (row) => <strong>{row.name}</strong> },
  { key: 'vlan', title: 'VLAN', width: '60px', end: true, sort: (row) => row.vlan, cell: (row) => row.vlan },
  { key: 'ports', title: 'Ports', width: '60px', end: true, sort: (row) => row.ports, cell: (row) => integer(row.ports) },
  { key: 'isolated', title: 'Isolated', width: '72px', end: true, from: 560, sort: (row) => row.isolated, cell: (row) => integer(row.isolated) },
  { key: 'hosts', title: 'Hosts', width: '60px', end: true, sort: (row) => row.hosts, cell: (row) => integer(row.hosts) },
  { key: 'bridges', title: 'Bridges', width: 'minmax(90px, 1fr)', mono: true, sort: (row) => row.bridges.length, cell: (row) => row.bridges.join(', ') || '–' },
  { key: 'description', title: 'Description', width: 'minmax(140px, 1.6fr)', from: 700, sort: (row) => row.description, cell: (row) => row.description },
]

function NetworkDetail({ network }: { network: NetworkView }): JSX.Element {
  return (
    <>
      <Facts
        of={[
          ['Description', network.description],
          ['VLAN', String(network.vlan)],
          ['Tunnels', network.mesh && `${network.mesh}, VNI ${network.vni}`],
          ['Ports', <Go to="ports" params={{ q: network.name }}>{integer(network.ports)}</Go>],
          ['Isolated ports', integer(network.isolated)],
          ['Hosts', <Go to="hosts" params={{ q: network.name }}>{integer(network.hosts)}</Go>],
          ['Bridges', <code>{network.bridges.join(', ')}</code>],
        ]}
      />
      <h3>Flood tree</h3>
      {network.tree.length ? (
        <ul class="tree">
          {network.tree.map((link) => (
            <li key={link}>
              <code>{link.replace('>', ' - ')}</code>
            </li>
          ))}
        </ul>
      ) : (
        <p class="muted">Its broadcasts take no link between bridges.</p>
      )}
      <p class="links">
        <Go to="flows" params={{ q: network.name }}>Flows of this network</Go>
      </p>
    </>
  )
}

export function Networks(): JSX.Element {
  const rows = useSource(networks)
  return (
    <Listing
      label="Networks"
      one="Network"
      source={networks}
      rows={rows}
      columns={columns}
      rowKey={(row) => row.name}
      searched={{
        name: (row) => row.name,
        VLAN: (row) => String(row.vlan),
        bridge: (row) => row.bridges.join(' '),
        description: (row) => row.description,
      }}
      sort="name"
      empty={<Empty title="There is no network">Networks stand in the network file.</Empty>}
      titleOf={(row) => row.name}
      detail={(row) => <NetworkDetail network={row} />}
    />
  )
}
