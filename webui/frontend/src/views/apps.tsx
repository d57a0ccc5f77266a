// Apps: what runs, what it wants, and why it failed.

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { put } from '../lib/api'
import { integer } from '../lib/format'
import { link } from '../lib/live'
import { apps, useSource } from '../lib/store'
import type { AppView } from '../types'
import { Copy, Empty, Facts, Go, State, type Tone } from '../ui/bits'
import { Dialog } from '../ui/dialog'
import type { Column } from '../ui/grid'
import { Listing } from '../ui/listing'

const TONES: Record<AppView['state'], Tone> = { running: 'ok', disabled: 'dim', failed: 'bad' }

const AppState = ({ app }: { app: AppView }): JSX.Element => <State tone={TONES[app.state]}>{app.state}</State>

const columns: Column<AppView>[] = [
  { key: 'name', title: 'Name', width: 'minmax(120px, 1fr)', mono: true, sort: (row) => row.name, cell: (row) => <strong>{row.name}</strong> },
  { key: 'state', title: 'State', width: '110px', sort: (row) => row.state, cell: (row) => <AppState app={row} /> },
  { key: 'description', title: 'What it does', width: 'minmax(160px, 3fr)', from: 640, cell: (row) => row.description },
  { key: 'stages', title: 'Stages', width: 'minmax(120px, 1.2fr)', from: 820, sort: (row) => row.stages[0] ?? null, cell: (row) => row.stages.join(', ') || '–' },
  { key: 'rows', title: 'Rows', width: '72px', end: true, sort: (row) => row.rows, cell: (row) => integer(row.rows) },
  { key: 'flows', title: 'Flows', width: '84px', end: true, sort: (row) => row.flows, cell: (row) => integer(row.flows) },
  { key: 'problems', title: 'Problems', width: '84px', end: true, sort: (row) => row.problems.length, cell: problems },
  { key: 'packet_ins', title: 'Packet-ins', width: '96px', end: true, from: 520, sort: (row) => row.packet_ins, cell: (row) => integer(row.packet_ins) },
]

function problems(row: AppView): JSX.Element | string {
  return row.problems.length ? <State tone="warn">{integer(row.problems.length)}</State> : '0'
}

function Ask({ app, onClose }: { app: AppView; onClose: () => void }): JSX.Element {
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState('')
  const enable = app.state !== 'running'
  const word = enable ? 'Enable' : 'Disable'
  const act = async (): Promise<void> => {
    setBusy(true)
    try {
      await put(`/apps/${encodeURIComponent(app.name)}`, { enabled: enable })
      apps.touch()
      onClose()
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }
  return (
    <Dialog title={`${word} ${app.name}?`} onClose={onClose}>
      <p>
        {enable
          ? 'It starts with its configuration, and its flows are installed while traffic goes on.'
          : `Its ${integer(app.flows)} flows are removed from every bridge. Traffic that needs them stops; other apps go on.`}
      </p>
      {fault && (
        <p class="note bad" role="alert">
          {fault}
        </p>
      )}
      <div class="actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class={`button ${enable ? 'primary' : 'danger'}`} disabled={busy} onClick={() => void act()}>
          {word}
        </button>
      </div>
    </Dialog>
  )
}

function AppDetail({ app }: { app: AppView }): JSX.Element {
  const [asking, setAsking] = useState(false)
  const config = Object.entries(app.config).map(([name, value]): [string, JSX.Element] => [name, <code>{JSON.stringify(value)}</code>])
  return (
    <>
      <p>
        <AppState app={app} />
      </p>
      <p>{app.description}</p>
      <p>
        <button type="button" class="button" disabled={link.value === 'down'} onClick={() => setAsking(true)}>
          {app.state === 'running' ? 'Disable' : app.state === 'failed' ? 'Start again' : 'Enable'}
        </button>
      </p>
      {app.error && <Traceback text={app.error} />}
      {app.problems.length > 0 && <Problems of={app.problems} />}
      <Facts
        of={[
          ['Stages', app.stages.join(', ')],
          ['Rows', integer(app.rows)],
          ['Flows', app.flows ? <Go to="flows" params={{ app: app.name }}>{integer(app.flows)}</Go> : '0'],
          ['Packet-ins', integer(app.packet_ins)],
        ]}
      />
      {config.length > 0 && (
        <>
          <h3>Configuration</h3>
          <Facts of={config} />
        </>
      )}
      {asking && <Ask app={app} onClose={() => setAsking(false)} />}
    </>
  )
}

function Traceback({ text }: { text: string }): JSX.Element {
  return (
    <section class="traceback" aria-label="Traceback">
      <p class="note bad">It raised an exception. The rows that caused it keep the flows they had; no other app is touched.</p>
      <pre tabIndex={0}>{text.trimEnd()}</pre>
      <Copy text={text} label="Copy traceback" />
    </section>
  )
}

function Problems({ of }: { of: string[] }): JSX.Element {
  return (
    <section aria-label="Problems">
      <h3>Rows without all their flows</h3>
      <ul class="problems">
        {of.map((problem) => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
    </section>
  )
}

export function Apps(): JSX.Element {
  const rows = useSource(apps)
  return (
    <Listing
      label="Apps"
      one="App"
      source={apps}
      rows={rows}
      columns={columns}
      rowKey={(row) => row.name}
      searched={{
        name: (row) => row.name,
        state: (row) => row.state,
        stage: (row) => row.stages.join(' '),
        description: (row) => row.description,
      }}
      sort="name"
      empty={
        <Empty title="No app is loaded">
          <p>
            Start the controller with one: <code>weft start --app l2_learning</code>, or with a file of your own: <code>--app my_app.py</code>.
          </p>
        </Empty>
      }
      titleOf={(row) => row.name}
      detail={(row) => <AppDetail key={row.name} app={row} />}
      dim={(row) => row.state === 'disabled'}
    />
  )
}
