// Services: virtual addresses, what stands behind them, and who of it gets how much. Backends are drained here.

import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ago, bytes, date, integer, plural } from '../lib/format'
import { link, now } from '../lib/live'
import { backends, choose, drain, percent, services } from '../lib/services'
import { useSource } from '../lib/store'
import type { BackendView, ServiceView } from '../types'
import { Empty, Facts, Failed, Go, Loading, State, type Tone } from '../ui/bits'
import { Dialog } from '../ui/dialog'
import type { Column } from '../ui/grid'
import { Listing } from '../ui/listing'
import { Shares } from '../ui/shares'

const TONES: Record<ServiceView['state'], Tone> = { up: 'ok', degraded: 'warn', down: 'bad' }
const BACKEND_TONES: Record<BackendView['state'], Tone> = { up: 'ok', down: 'bad', draining: 'wait', unknown: 'warn' }

const columns: Column<ServiceView>[] = [
  { key: 'name', title: 'Name', width: 'minmax(90px, 1fr)', mono: true, sort: (row) => row.name, cell: (row) => <strong>{row.name}</strong> },
  { key: 'state', title: 'State', width: '108px', sort: (row) => row.state, cell: (row) => <State tone={TONES[row.state]}>{row.state}</State> },
  { key: 'vip', title: 'Address', width: 'minmax(110px, 1.4fr)', mono: true, sort: (row) => row.vip, cell: (row) => row.vip },
  { key: 'ports', title: 'Ports', width: 'minmax(110px, 2.4fr)', mono: true, from: 700, cell: (row) => row.ports.join(', ') },
  { key: 'network', title: 'Network', width: 'minmax(80px, 0.8fr)', mono: true, from: 800, sort: (row) => row.network, cell: (row) => row.network },
  { key: 'scheduler', title: 'Scheduler', width: '84px', from: 640, sort: (row) => row.scheduler, cell: (row) => row.scheduler },
  { key: 'up', title: 'Up', width: '112px', end: true, sort: (row) => row.up, cell: (row) => (row.draining ? <State tone="wait">{`${row.up} of ${row.backends}, ${row.draining} drain`}</State> : `${row.up} of ${row.backends}`) },
  { key: 'connections', title: 'Connections', width: '96px', end: true, from: 520, sort: (row) => row.connections, cell: (row) => integer(row.connections) },
  { key: 'active', title: 'Active', width: '72px', end: true, sort: (row) => row.active, cell: (row) => integer(row.active) },
  { key: 'bytes', title: 'Bytes', width: '78px', end: true, from: 900, sort: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
]

function Ask({ backend, service, onClose }: { backend: BackendView; service: ServiceView; onClose: () => void }): JSX.Element {
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState('')
  const drained = backend.state !== 'draining'
  const word = drained ? 'Drain' : 'Undrain'
  const act = async (): Promise<void> => {
    setBusy(true)
    try {
      await drain(backend, drained)
      onClose()
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }
  return (
    <Dialog title={`${word} ${backend.address}?`} onClose={onClose}>
      <p>{drained ? drainText(backend, service) : `${service.name} gives it new connections again${service.health ? ' when its checks pass' : ''}.`}</p>
      {fault && (
        <p class="note bad" role="alert">
          {fault}
        </p>
      )}
      <div class="actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class={`button ${drained ? 'danger' : 'primary'}`} disabled={busy} onClick={() => void act()}>
          {word}
        </button>
      </div>
    </Dialog>
  )
}

function drainText(backend: BackendView, service: ServiceView): string {
  const open = backend.active ? `Its ${plural(backend.active, 'open connection')}` : 'Connections that are open'
  const end = service.drain_deadline ? `finish within ${service.drain_deadline} s, then they are cut` : 'go on until they end'
  const left = backend.state === 'up' && service.up === 1 ? ' It is the last one that takes new connections.' : ''
  return `It gets no new connections from ${service.name}. ${open} ${end}.${left}`
}

interface RowProps {
  backend: BackendView
  onAsk: () => void
}

function BackendRow({ backend, onAsk }: RowProps): JSX.Element {
  const drained = backend.state === 'draining'
  const word = drained ? 'Undrain' : 'Drain'
  const weight = backend.tuned === null ? integer(backend.weight) : `${backend.weight} › ${backend.tuned}`
  return (
    <>
      <tr class={backend.reason ? 'told' : ''}>
        <th scope="row">
          <code>{backend.address}</code>
          {backend.bridge && (
            <Go to="ports" params={{ bridge: backend.bridge, q: backend.port_name }}>
              {backend.bridge}/{backend.port_name}
            </Go>
          )}
        </th>
        <td title={`since ${date(backend.since)}`}>
          <State tone={BACKEND_TONES[backend.state]}>{backend.state}</State>
          <div class="muted">{ago(backend.since, now.value)}</div>
        </td>
        <td class="end">{weight}</td>
        <td class="end">{percent(backend.share)}</td>
        <td class="end">
          {integer(backend.connections)}
          <div class="muted" title={`${integer(backend.packets)} packets`}>{bytes(backend.bytes)}</div>
        </td>
        <td class="end">{integer(backend.active)}</td>
        <td class="end">
          <button type="button" class="button small" aria-label={`${word} ${backend.address}`} disabled={link.value === 'down'} onClick={onAsk}>
            {word}
          </button>
        </td>
      </tr>
      {backend.reason && (
        <tr>
          <td class="reason" colSpan={7}>
            {backend.reason}
          </td>
        </tr>
      )}
    </>
  )
}

function BackendTable({ service, rows }: { service: ServiceView; rows: readonly BackendView[] }): JSX.Element {
  const [asked, ask] = useState('')
  const backend = rows.find((each) => each.address === asked)
  return (
    <div class="table-box" role="region" aria-label="Backends" tabIndex={0}>
      <table class="backends">
        <caption class="hidden">Backends of {service.name}</caption>
        <thead>
          <tr>
            {['Backend', 'State'].map((title) => (
              <th key={title} scope="col">{title}</th>
            ))}
            {['Weight', 'Share', 'Connections', 'Active'].map((title) => (
              <th key={title} scope="col" class="end">{title}</th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {rows.map((each) => (
            <BackendRow key={each.address} backend={each} onAsk={() => ask(each.address)} />
          ))}
        </tbody>
      </table>
      {backend && <Ask backend={backend} service={service} onClose={() => ask('')} />}
    </div>
  )
}

function ServiceDetail({ service }: { service: ServiceView }): JSX.Element {
  useEffect(() => choose(service.name), [service.name])
  const rows = useSource(backends).filter((each) => each.service === service.name)
  return (
    <>
      <p>
        <State tone={TONES[service.state]}>{service.state}</State> for {ago(service.since, now.value)}, {service.up} of {plural(service.backends, 'backend')} up
        {service.draining > 0 && `, ${service.draining} draining`}
      </p>
      {service.problems.length > 0 && (
        <section aria-label="Problems">
          <h3>Problems</h3>
          <ul class="problems">
            {service.problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </section>
      )}
      <h3>Backends</h3>
      {rows.length ? (
        <>
          <BackendTable service={service} rows={rows} />
          <h3>Share and weight</h3>
          <Shares of={rows} />
        </>
      ) : backends.error.value ? (
        <Failed error={backends.error.value} />
      ) : (
        <Loading />
      )}
      <ServiceFacts service={service} />
    </>
  )
}

function ServiceFacts({ service }: { service: ServiceView }): JSX.Element {
  return (
    <>
      <Facts
        of={[
          ['Address', <code>{service.vip}</code>],
          ['MAC address', service.mac && <code>{service.mac}</code>],
          ['Ports', <code>{service.ports.join(', ')}</code>],
          ['Network', <Go to="networks" params={{ sel: service.network }}>{service.network}</Go>],
          ['Scheduler', `${service.scheduler}, ${service.mode}`],
          ['Affinity', service.affinity ? `${service.affinity} s` : ''],
          ['Checked by', service.health || 'nothing: every backend counts as up'],
          ['Drain deadline', service.drain_deadline ? `${service.drain_deadline} s` : 'none'],
          ['Connections', `${integer(service.connections)}, ${integer(service.active)} active`],
          ['Traffic', `${integer(service.packets)} packets, ${bytes(service.bytes)}`],
        ]}
      />
      <p class="links">
        <Go to="flows" params={{ q: service.vip }}>Flows of this address</Go>
        <Go to="events" params={{ q: service.name }}>Events of {service.name}</Go>
      </p>
    </>
  )
}

function NoServices(): JSX.Element {
  return (
    <Empty title="There is no service">
      <p>A service is an address that stands for several backends. Services stand in the network file, under services:.</p>
    </Empty>
  )
}

export function Services(): JSX.Element {
  const rows = useSource(services)
  return (
    <Listing
      label="Services"
      one="Service"
      source={services}
      rows={rows}
      columns={columns}
      rowKey={(row) => row.name}
      searched={{
        name: (row) => row.name,
        state: (row) => row.state,
        address: (row) => row.vip,
        port: (row) => row.ports.join(' '),
        network: (row) => row.network,
        scheduler: (row) => row.scheduler,
      }}
      sort="name"
      empty={<NoServices />}
      titleOf={(row) => row.name}
      detail={(row) => <ServiceDetail service={row} />}
    />
  )
}
