// What the table views have in common: search and filters above, the table, the panel of the selected row beside it.

import type { ComponentChildren, JSX } from 'preact'
import { useCallback, useMemo } from 'preact/hooks'
import { integer } from '../lib/format'
import { change, param, type Params } from '../lib/route'
import { found, hintOf, type Searched } from '../lib/search'
import type { Source } from '../lib/store'
import { Empty, Failed, Loading } from './bits'
import { Grid, type Column } from './grid'
import { Icon } from './icons'
import { Panel } from './panel'

interface Props<T> {
  label: string
  one: string
  source: Source<T[]>
  rows: readonly T[]
  columns: Column<T>[]
  rowKey: (row: T) => string
  searched: Searched<T>
  sort: string
  empty: ComponentChildren
  filters?: ComponentChildren
  filterNames?: string[]
  titleOf: (row: T) => string
  detail: (row: T) => ComponentChildren
  dim?: (row: T) => boolean
}

export function Listing<T>(props: Props<T>): JSX.Element {
  const { source, rows, rowKey } = props
  const words = param('q')
  const left = useMemo(() => found(rows, props.searched, words), [rows, words])
  const select = useCallback((key: string) => change({ sel: key === param('sel') ? '' : key }), [])
  const chosen = rows.find((row) => rowKey(row) === param('sel'))
  if (source.error.value && !source.loaded.value) return <Failed error={source.error.value} />
  if (!source.loaded.value) return <Loading />
  if (!source.data.value.length) return <>{props.empty}</>
  return (
    <div class="split">
      <section class="pane" aria-label={props.label}>
        <div class="toolbar">
          <Finding hint={hintOf(props.searched)} found={left.length} total={source.data.value.length} />
          {props.filters}
        </div>
        {left.length ? (
          <Grid
            label={props.label}
            columns={props.columns}
            rows={left}
            rowKey={rowKey}
            selected={param('sel')}
            onSelect={select}
            sort={param('sort') || props.sort}
            onSort={(sort) => change({ sort })}
            {...(props.dim ? { dim: props.dim } : {})}
          />
        ) : (
          <NothingFound names={props.filterNames ?? []} />
        )}
      </section>
      {chosen && (
        <Panel kind={props.one} title={props.titleOf(chosen)} onClose={() => change({ sel: '' })}>
          {props.detail(chosen)}
        </Panel>
      )}
    </div>
  )
}

export function Search({ hint, name = 'q' }: { hint: string; name?: string }): JSX.Element {
  return (
    <label class="search">
      <Icon name="search" />
      <span class="hidden">Search</span>
      <input
        type="search"
        placeholder={hint}
        value={param(name)}
        data-shortcut="/"
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => change({ [name]: event.currentTarget.value })}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  )
}

interface ChoiceProps {
  label: string
  name: string
  /** What to call no filter. */
  all: string
  options: [value: string, text: string][]
}

/** A filter whose value is in the address. */
export function Choice({ label, name, all, options }: ChoiceProps): JSX.Element {
  return (
    <label class="choice">
      <select aria-label={label} class={param(name) ? 'set' : ''} value={param(name)} onChange={(event) => change({ [name]: event.currentTarget.value })}>
        <option value="">{all}</option>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}

/** The search, and beside it, wherever the toolbar is broken, how many it leaves. */
export function Finding({ hint, ...counts }: { hint: string; found: number; total: number }): JSX.Element {
  return (
    <div class="finding">
      <Search hint={hint} />
      <Count {...counts} />
    </div>
  )
}

function Count({ found, total }: { found: number; total: number }): JSX.Element {
  return (
    <span class="count" role="status">
      {found === total ? integer(total) : `${integer(found)} of ${integer(total)}`}
    </span>
  )
}

export function NothingFound({ names }: { names: string[] }): JSX.Element {
  const clear = (): void => {
    const none: Params = { q: '' }
    for (const name of names) none[name] = ''
    change(none)
  }
  return (
    <Empty title="Nothing matches">
      <p>The search and the filters leave nothing over.</p>
      <button type="button" class="button" onClick={clear}>
        Clear search and filters
      </button>
    </Empty>
  )
}
