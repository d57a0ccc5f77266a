// Events: what happened, newest first, with a strip that shows when.

import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { ago, clock, date, plural } from '../lib/format'
import { now } from '../lib/live'
import { param } from '../lib/route'
import { events, useSource } from '../lib/store'
import { buckets } from '../lib/timeline'
import type { EventView } from '../types'
import { Empty, Facts, Go, State, type Tone } from '../ui/bits'
import type { Column } from '../ui/grid'
import { Choice, Listing } from '../ui/listing'

const TONES: Record<EventView['severity'], Tone> = { info: 'info', warning: 'warn', error: 'bad' }

export const Severity = ({ event }: { event: EventView }): JSX.Element => <State tone={TONES[event.severity]}>{event.severity}</State>

const columns: Column<EventView>[] = [
  { key: 'time', title: 'Time', width: '84px', mono: true, sort: (row) => row.seq, cell: (row) => clock(row.time) },
  { key: 'age', title: 'Ago', width: '104px', end: true, from: 620, cell: (row) => ago(row.time, now.value) },
  { key: 'severity', title: 'Severity', width: '96px', sort: (row) => ['info', 'warning', 'error'].indexOf(row.severity), cell: (row) => <Severity event={row} /> },
  { key: 'kind', title: 'Kind', width: '160px', mono: true, from: 720, sort: (row) => row.kind, cell: (row) => row.kind },
  { key: 'subject', title: 'About', width: '150px', mono: true, from: 560, sort: (row) => row.subject, cell: (row) => row.subject },
  { key: 'text', title: 'What happened', width: 'minmax(220px, 1fr)', cell: (row) => row.text },
  { key: 'count', title: 'Times', width: '64px', end: true, from: 480, sort: (row) => row.count, cell: (row) => (row.count > 1 ? `×${row.count}` : '') },
]

const WIDTH = 600
const HEIGHT = 44

/** Bars over the last hours; the table below says the same in words. */
function Strip({ rows }: { rows: readonly EventView[] }): JSX.Element {
  const bars = useMemo(() => buckets(rows, now.peek() / 1000, 60), [rows])
  const most = Math.max(4, ...bars.counts.map((bar) => bar.info + bar.warning + bar.error))
  const step = WIDTH / bars.counts.length
  const size = (count: number): number => (count / most) * (HEIGHT - 2)
  const errors = rows.filter((row) => row.severity === 'error').length
  const warnings = rows.filter((row) => row.severity === 'warning').length
  const label = `${plural(rows.length, 'event')}, ${plural(errors, 'error')} in the last ${bars.label}`
  return (
    <figure class="strip">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {bars.counts.map((bar, index) => {
          const [bad, warn, info] = [size(bar.error), size(bar.warning), size(bar.info)]
          const place = { x: index * step + 0.5, width: step - 1.5 }
          return (
            <g key={index}>
              <rect class="info" {...place} y={HEIGHT - info} height={info} />
              <rect class="warn" {...place} y={HEIGHT - info - warn} height={warn} />
              <rect class="bad" {...place} y={HEIGHT - info - warn - bad} height={bad} />
            </g>
          )
        })}
      </svg>
      <figcaption>
        <span>{bars.label} ago</span>
        <span>{plural(rows.length, 'event')}, {plural(errors, 'error')}, {plural(warnings, 'warning')}</span>
        <span>now</span>
      </figcaption>
    </figure>
  )
}

function EventDetail({ event }: { event: EventView }): JSX.Element {
  return (
    <>
      <p>
        <Severity event={event} />
      </p>
      <p class="statement">{event.text}</p>
      <Facts
        of={[
          ['Time', date(event.time)],
          ['Kind', <code>{event.kind}</code>],
          ['About', <code>{event.subject}</code>],
          ['Times', event.count > 1 ? `${event.count}, folded into one` : ''],
          ['Number', String(event.seq)],
        ]}
      />
      <p class="links">
        <Go to="events" params={{ q: event.subject }}>All events about {event.subject}</Go>
      </p>
    </>
  )
}

export function Events(): JSX.Element {
  const all = useSource(events)
  const [severity, kind] = [param('severity'), param('kind')]
  const rows = useMemo(
    () => all.filter((event) => (!severity || event.severity === severity) && (!kind || event.kind === kind)).reverse(),
    [all, severity, kind],
  )
  const kinds = [...new Set(all.map((event) => event.kind))].sort().map((name): [string, string] => [name, name])
  return (
    <>
      {all.length > 0 && <Strip rows={rows} />}
      <Listing
        label="Events"
        one="Event"
        source={events}
        rows={rows}
        columns={columns}
        rowKey={(row) => String(row.seq)}
        searched={{
          text: (row) => row.text,
          subject: (row) => row.subject,
          kind: (row) => row.kind,
          severity: (row) => row.severity,
        }}
        sort=""
        filterNames={['severity', 'kind']}
        filters={
          <>
            <Choice label="Severity" name="severity" all="all severities" options={[['error', 'error'], ['warning', 'warning'], ['info', 'info']]} />
            <Choice label="Kind" name="kind" all="all kinds" options={kinds} />
          </>
        }
        empty={
          <Empty title="Nothing has happened yet">
            <p>Bridges that connect, hosts that are learned, drift that was repaired and apps that fail are listed here.</p>
          </Empty>
        }
        titleOf={(row) => row.kind}
        detail={(row) => <EventDetail event={row} />}
      />
    </>
  )
}
