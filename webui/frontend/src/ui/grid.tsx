// A table of any length: fixed row height, only the rows in view exist. A grid to assistive technology and the keyboard.

import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { fitting, GAP, grouped, reveal, rowWidth, sorted, visible, type Key } from '../lib/window'
import { Icon } from './icons'

export interface Column<T> {
  key: string
  title: string
  width: string
  cell: (row: T) => ComponentChildren
  sort?: (row: T) => Key
  end?: boolean
  mono?: boolean
  /** May be left out where the table is narrow, the column with the highest number first. */
  from?: number
}

interface Props<T> {
  label: string
  columns: Column<T>[]
  rows: readonly T[]
  rowKey: (row: T) => string
  selected?: string
  onSelect?: (key: string) => void
  sort: string
  onSort: (sort: string) => void
  /** The rows come sorted; `sort` only says how. */
  presorted?: boolean
  groupOf?: (row: T) => string
  total?: number
  onEnd?: () => void
  dim?: (row: T) => boolean
}

const ROW = 29
const HEAD = 32

export function Grid<T>(props: Props<T>): JSX.Element {
  const box = useRef<HTMLDivElement>(null)
  const [size, setSize] = useState({ width: 1200, height: 600 })
  const [top, setTop] = useState(0)
  const [active, setActive] = useState(-1)
  const columns = useMemo(() => fitting(props.columns, size.width), [props.columns, size.width])
  const rows = useSorted(props)
  const items = useMemo(() => grouped(rows, props.groupOf), [rows, props.groupOf])
  const range = visible(top, size.height, ROW, items.length)

  useLayoutEffect(() => {
    const element = box.current
    if (!element) return undefined
    const observer = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    if (range.to >= items.length - 20) props.onEnd?.()
  }, [range.to, items.length, props.onEnd])

  const move = (to: number): void => {
    const index = Math.max(0, Math.min(rows.length - 1, to))
    const at = items.findIndex((item) => 'row' in item && item.index === index)
    const element = box.current
    const scroll = element ? reveal(at, element.scrollTop, element.clientHeight, ROW, HEAD) : null
    if (element && scroll !== null) element.scrollTop = scroll
    setActive(index)
  }
  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== box.current) return
    const page = Math.max(1, Math.floor(size.height / ROW) - 2)
    const moves: Record<string, number> = {
      ArrowDown: active + 1, j: active + 1, ArrowUp: active - 1, k: active - 1,
      PageDown: active + page, PageUp: active - page, Home: 0, End: rows.length - 1,
    }
    const to = moves[event.key]
    const row = rows[active]
    if (to !== undefined) move(to)
    else if ((event.key === 'Enter' || event.key === ' ') && row !== undefined) props.onSelect?.(props.rowKey(row))
    else return
    event.preventDefault()
  }

  const template = columns.map((column) => column.width).join(' ')
  const idOf = (index: number): string => `${props.label.replaceAll(' ', '-')}-row-${index}`
  return (
    <div
      class="grid"
      role="grid"
      ref={box}
      tabIndex={0}
      aria-label={props.label}
      aria-rowcount={(props.total ?? rows.length) + 1}
      aria-colcount={columns.length}
      {...(active >= 0 && active < rows.length ? { 'aria-activedescendant': idOf(active) } : {})}
      onKeyDown={keys}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      style={{ '--columns': template, '--gap': `${GAP}px`, '--least': `${rowWidth(columns)}px` }}
    >
      <Head columns={columns} sort={props.sort} onSort={props.onSort} />
      <div class="grid-body" role="rowgroup" style={{ height: `${items.length * ROW}px` }}>
        {items.slice(range.from, range.to).map((item, offset) => {
          const style = { transform: `translateY(${(range.from + offset) * ROW}px)` }
          if ('group' in item) return <Group key={`group ${range.from + offset}`} text={item.group} span={columns.length} style={style} />
          const key = props.rowKey(item.row)
          return (
            <div
              key={key}
              id={idOf(item.index)}
              role="row"
              class={`grid-row${item.index === active ? ' active' : ''}${props.dim?.(item.row) ? ' dim' : ''}`}
              aria-rowindex={item.index + 2}
              aria-selected={key === props.selected}
              style={style}
              onClick={() => {
                setActive(item.index)
                props.onSelect?.(key)
              }}
            >
              {columns.map((column) => (
                <Cell key={column.key} column={column} content={column.cell(item.row)} />
              ))}
            </div>
          )
        })}
      </div>
    </div>
  )
}

function Cell<T>({ column, content }: { column: Column<T>; content: ComponentChildren }): JSX.Element {
  return (
    <div role="gridcell" class={cellClass(column)} onMouseEnter={(event) => sayInFull(event.currentTarget)}>
      {content}
    </div>
  )
}

/** What is cut off says itself in full under the pointer. */
function sayInFull(cell: HTMLElement): void {
  cell.title = cell.scrollWidth > cell.clientWidth ? (cell.textContent ?? '') : ''
}

const cellClass = <T,>(column: Column<T>): string => `cell${column.end ? ' end' : ''}${column.mono ? ' mono' : ''}`

function useSorted<T>({ rows, sort, columns, presorted }: Props<T>): readonly T[] {
  const name = sort.replace(/^-/, '')
  const key = presorted ? undefined : columns.find((column) => column.key === name)?.sort
  return useMemo(() => (key ? sorted(rows, key, sort.startsWith('-')) : rows), [rows, sort, key === undefined])
}

function Group({ text, span, style }: { text: string; span: number; style: { transform: string } }): JSX.Element {
  return (
    <div class="grid-group" role="row" style={style}>
      <div role="gridcell" aria-colspan={span}>
        {text}
      </div>
    </div>
  )
}

interface HeadProps<T> {
  columns: Column<T>[]
  sort: string
  onSort: (sort: string) => void
}

function Head<T>({ columns, sort, onSort }: HeadProps<T>): JSX.Element {
  const name = sort.replace(/^-/, '')
  const down = sort.startsWith('-')
  return (
    <div class="grid-head" role="rowgroup">
      <div role="row" class="grid-row" aria-rowindex={1}>
        {columns.map((column) => {
          const on = column.key === name
          return (
            <div
              key={column.key}
              role="columnheader"
              class={cellClass({ ...column, mono: false })}
              {...(column.sort ? { 'aria-sort': on ? (down ? 'descending' : 'ascending') : 'none' } : {})}
            >
              {column.sort ? (
                <button type="button" class={`sort${on ? ' on' : ''}`} onClick={() => onSort(nextSort(column.key, sort))}>
                  {column.title}
                  <span class={`arrow${down ? ' down' : ''}`}>
                    <Icon name="right" size={10} />
                  </span>
                </button>
              ) : (
                column.title
              )}
            </div>
          )
        })}
      </div>
    </div>
  )
}

/** Ascending, descending, as it came. */
export function nextSort(key: string, sort: string): string {
  if (sort === key) return `-${key}`
  return sort === `-${key}` ? '' : key
}
