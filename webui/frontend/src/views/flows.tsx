// Flows: what every bridge holds, searchable, each with the app, rule and row that want it, and why.

import type { JSX } from 'preact'
import { useCallback, useMemo, useState } from 'preact/hooks'
import { bytes, integer } from '../lib/format'
import { useFlows, type Flows as FlowList } from '../lib/flows'
import { asCommand, onlyLeadsOn, pieces, tone } from '../lib/flowtext'
import { change, param } from '../lib/route'
import { apps, bridges, useSource } from '../lib/store'
import type { FlowView } from '../types'
import { Copy, Empty, Facts, Failed, Go, Loading, State, type Tone } from '../ui/bits'
import { Grid, type Column } from '../ui/grid'
import { Icon } from '../ui/icons'
import { Choice, Finding, NothingFound } from '../ui/listing'
import { Panel } from '../ui/panel'
import { NoBridges } from './bridges'

const TONES: Record<ReturnType<typeof tone>, Tone> = { ok: 'ok', wait: 'wait', bad: 'bad', dim: 'dim' }
const EXAMPLES = ['nw_dst~=10.0.0.5', 'n_packets>0', 'in_port=1 and not drop', 'dl_src=00:00:00:00:00:01', 'priority>100 or table=0']

const STAGE_TABLES: [string, string][] = [
  ['0', 'ADMIT'], ['10', 'CLASSIFY'], ['20', 'POLICY'], ['30', 'SERVICE'], ['40', 'LEARN'], ['50', 'ANSWER'],
  ['60', 'ROUTE'], ['70', 'FORWARD'], ['80', 'NEXTHOP'], ['90', 'FLOOD'], ['100', 'UNSERVICE'], ['110', 'EGRESS'],
]

export const flowKey = (flow: FlowView): string => `${flow.kind} ${flow.bridge} ${flow.table} ${flow.priority} ${flow.match}`

export function FlowText({ text, none }: { text: string; none: string }): JSX.Element {
  if (!text) return <span class="flowtext muted">{none}</span>
  return (
    <span class="flowtext" title={text}>
      {pieces(text).map((piece, index) => (
        <span key={index}>
          {index > 0 && <span class="comma">,</span>}
          <span class="field">{piece.field}</span>
          <span class="value">{piece.value}</span>
        </span>
      ))}
    </span>
  )
}

function FlowStatus({ flow }: { flow: FlowView }): JSX.Element {
  const short = flow.status.split(/[: ]/)[0] ?? flow.status
  return (
    <span title={flow.status}>
      <State tone={TONES[tone(flow.status)]}>{short}</State>
    </span>
  )
}

const columns: Column<FlowView>[] = [
  { key: 'priority', title: 'Priority', width: '66px', end: true, sort: (row) => row.priority, cell: (row) => (row.kind === 'flow' ? row.priority : row.kind) },
  { key: 'match', title: 'Match', width: 'minmax(220px, 2.8fr)', mono: true, sort: (row) => row.match, cell: (row) => <FlowText text={row.match} none="everything" /> },
  { key: 'actions', title: 'Actions', width: 'minmax(150px, 1.8fr)', mono: true, from: 620, cell: (row) => <FlowText text={row.actions} none="drop" /> },
  { key: 'app', title: 'App', width: 'minmax(104px, 0.8fr)', sort: (row) => row.app, cell: (row) => row.app || 'foreign' },
  { key: 'row', title: 'Row', width: 'minmax(190px, 1.1fr)', from: 1180, cell: (row) => row.row },
  { key: 'why', title: 'Why', width: 'minmax(200px, 2fr)', from: 860, cell: (row) => row.why },
  { key: 'packets', title: 'Packets', width: '76px', end: true, from: 520, sort: (row) => row.packets, cell: (row) => integer(row.packets) },
  { key: 'bytes', title: 'Bytes', width: '84px', end: true, from: 1280, sort: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
  { key: 'status', title: 'Status', width: '98px', sort: (row) => row.status, cell: (row) => <FlowStatus flow={row} /> },
]

function groupOf(flow: FlowView): string {
  if (flow.kind !== 'flow') return `${flow.bridge}  ${flow.kind}s`
  return `${flow.bridge}  table ${flow.table}  ${flow.stage}`
}

export function FlowDetail({ flow }: { flow: FlowView }): JSX.Element {
  return (
    <>
      <p>
        <State tone={TONES[tone(flow.status)]}>{flow.status}</State>
      </p>
      {flow.why && <p class="statement">{flow.why}</p>}
      <h3>Match</h3>
      <div class="codeblock">
        <FlowText text={flow.match} none="everything" />
      </div>
      <h3>Actions</h3>
      <div class="codeblock">
        <FlowText text={flow.actions} none="drop" />
      </div>
      <p>
        <Copy text={asCommand(flow)} label="Copy as ovs-ofctl" />
      </p>
      <Facts
        of={[
          ['App', flow.app && <Go to="apps" params={{ sel: flow.app }}>{flow.app}</Go>],
          ['Rule', flow.rule && <code>{flow.rule}</code>],
          ['Row', flow.row],
          ['Bridge', <Go to="bridges" params={{ sel: flow.bridge }}>{flow.bridge}</Go>],
          ['Table', flow.kind === 'flow' ? `${flow.table} ${flow.stage}` : flow.stage],
          ['Priority', flow.kind === 'flow' ? String(flow.priority) : ''],
          ['Cookie', <code>{flow.cookie}</code>],
          ['Packets', integer(flow.packets)],
          ['Bytes', `${integer(flow.bytes)}${(flow.bytes ?? 0) >= 1000 ? ` (${bytes(flow.bytes)})` : ''}`],
          ['Idle timeout', flow.idle ? `${flow.idle} s` : ''],
          ['Hard timeout', flow.hard ? `${flow.hard} s` : ''],
        ]}
      />
    </>
  )
}

function FilterBox({ fault }: { fault: string }): JSX.Element {
  const [open, setOpen] = useState(false)
  const filter = param('filter')
  const state = fault ? ' wrong' : filter ? ' right' : ''
  return (
    <div class="filterbox">
      <label class={`search mono${state}`}>
        <span class="hidden">Filter expression</span>
        <Icon name={fault ? 'error' : 'flows'} />
        <input
          type="text"
          placeholder="filter: n_packets>0"
          value={filter}
          autocomplete="off"
          spellcheck={false}
          {...(fault ? { 'aria-invalid': true, 'aria-describedby': 'filter-fault' } : {})}
          onInput={(event) => change({ filter: event.currentTarget.value })}
        />
        <button type="button" class="button icon-only" aria-label="Filter examples" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="help" />
        </button>
      </label>
      {fault && (
        <p id="filter-fault" class="fault" role="alert">
          {fault}
        </p>
      )}
      {open && (
        <div class="examples">
          <p>
            Fields as ovs-ofctl names them, with <code>=</code> <code>!=</code> <code>&lt;</code> <code>&gt;</code>, and <code>~=</code> for
            matches that cover a value. Join with <code>and</code>, <code>or</code>, <code>not</code>.
          </p>
          {EXAMPLES.map((example) => (
            <button key={example} type="button" class="chip mono" onClick={() => change({ filter: example })}>
              {example}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}

function Found({ flows, rows }: { flows: FlowList; rows: FlowView[] }): JSX.Element {
  const select = useCallback((key: string) => change({ sel: key === param('sel') ? '' : key }), [])
  const sort = param('sort')
  if (flows.fault && !flows.faultInFilter && !flows.rows.length) return <Failed error={flows.fault} />
  if (flows.loading && !flows.rows.length) return <Loading />
  if (!flows.rows.length && flows.faultInFilter) return <Empty title="The filter is not understood" />
  if (!flows.rows.length) return <NoFlows />
  return (
    <Grid
      label="Flows"
      columns={columns}
      rows={rows}
      rowKey={flowKey}
      selected={param('sel')}
      onSelect={select}
      sort={sort}
      onSort={(next) => change({ sort: next })}
      presorted
      {...(sort ? {} : { groupOf })}
      total={flows.total}
      onEnd={flows.more}
      dim={(flow) => tone(flow.status) === 'dim'}
    />
  )
}

const FILTERS = ['filter', 'bridge', 'table', 'app']

function NoFlows(): JSX.Element {
  const narrowed = ['q', ...FILTERS].some((name) => param(name))
  if (narrowed) return <NothingFound names={FILTERS} />
  if (!bridges.data.value.length) return <NoBridges />
  return (
    <Empty title="No flow is wanted">
      <p>
        Bridges are connected, but no app wants a flow. Look under <Go to="apps">Apps</Go> whether one runs.
      </p>
    </Empty>
  )
}

function Leading({ count, hidden }: { count: number; hidden: boolean }): JSX.Element {
  const title = 'Flows of the pipeline that only lead from one stage to the next'
  return (
    <button type="button" class="button small" title={title} aria-pressed={!hidden} onClick={() => change({ all: hidden ? '1' : '' })}>
      {hidden ? `Show ${integer(count)} that only lead on` : `Hide ${integer(count)} that only lead on`}
    </button>
  )
}

export function Flows(): JSX.Element {
  const known = useSource(bridges)
  const wanting = useSource(apps)
  const flows = useFlows({
    bridge: param('bridge'), table: param('table'), app: param('app'),
    filter: param('filter'), search: param('q'), sort: param('sort'),
  })
  const leading = useMemo(() => flows.rows.filter(onlyLeadsOn).length, [flows.rows])
  const hide = leading > 0 && leading < flows.rows.length && !param('all')
  const rows = useMemo(() => (hide ? flows.rows.filter((flow) => !onlyLeadsOn(flow)) : flows.rows), [flows.rows, hide])
  const chosen = flows.rows.find((flow) => flowKey(flow) === param('sel'))
  return (
    <div class="split">
      <section class="pane" aria-label="Flows">
        <div class="toolbar">
          <Finding hint="Match, app, row, reason" found={flows.total - (hide ? leading : 0)} total={flows.total} />
          <FilterBox fault={flows.faultInFilter ? flows.fault : ''} />
          <Choice label="Bridge" name="bridge" all="all bridges" options={known.map((one) => [one.name, one.name])} />
          <Choice label="Stage" name="table" all="all stages" options={STAGE_TABLES.map(([table, name]) => [table, `${table} ${name}`])} />
          <Choice label="App" name="app" all="all apps" options={wanting.map((app) => [app.name, app.name])} />
          {flows.outdated && (
            <button type="button" class="button small" onClick={flows.reload}>
              Flows changed: read again
            </button>
          )}
          {leading > 0 && <Leading count={leading} hidden={hide} />}
        </div>
        <Found flows={flows} rows={rows} />
      </section>
      {chosen && (
        <Panel kind={chosen.kind === 'flow' ? `Flow of ${chosen.bridge}` : `${chosen.kind} of ${chosen.bridge}`} title={titleOf(chosen)} onClose={() => change({ sel: '' })}>
          <FlowDetail flow={chosen} />
        </Panel>
      )}
    </div>
  )
}

const titleOf = (flow: FlowView): string =>
  flow.kind === 'flow' ? `${flow.stage}, table ${flow.table}, priority ${flow.priority}` : flow.match
