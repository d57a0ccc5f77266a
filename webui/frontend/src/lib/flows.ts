// The flow list comes from the server in pages, filtered and sorted there; what is on screen is read again when it changes.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { FlowView, Listing } from '../types'
import { ApiError, get } from './api'
import { flowsChanged } from './store'

export interface Query {
  bridge: string
  table: string
  app: string
  filter: string
  search: string
  sort: string
}

export interface Flows {
  rows: FlowView[]
  total: number
  loading: boolean
  /** What is wrong with the filter, or why nothing could be read. */
  fault: string
  faultInFilter: boolean
  /** More rows are shown than are read again by themselves, and they changed. */
  outdated: boolean
  more: () => void
  reload: () => void
}

const PAGE = 200
const REFRESH_AT_MOST = 1000 // rows, the largest page that the server gives
const TYPING = 250
const BETWEEN = 1000

interface State extends Omit<Flows, 'more' | 'reload'> {
  next: string
  key: string
}

const NOTHING: State = { rows: [], total: 0, loading: true, fault: '', faultInFilter: false, outdated: false, next: '', key: '' }

export function useFlows(query: Query): Flows {
  const [state, setState] = useState(NOTHING)
  const latest = useRef(state)
  latest.current = state
  const abort = useRef(new AbortController())
  const busy = useRef(false)
  const key = JSON.stringify(query)

  const read = useCallback(
    async (limit: number, cursor: string): Promise<void> => {
      abort.current.abort()
      const mine = (abort.current = new AbortController())
      busy.current = true
      try {
        const page = await get<Listing<FlowView>>('/flows', { ...query, limit: String(limit), cursor }, mine.signal)
        if (mine.signal.aborted) return
        setState((old) => ({
          ...NOTHING,
          rows: cursor ? [...old.rows, ...page.items] : page.items,
          total: page.total,
          next: page.next,
          loading: false,
          key,
        }))
      } catch (error) {
        if (mine.signal.aborted) return
        const fault = error instanceof Error ? error.message : String(error)
        const faultInFilter = error instanceof ApiError && error.status === 422 && query.filter !== ''
        setState((old) => ({ ...old, loading: false, fault, faultInFilter, key }))
      } finally {
        if (abort.current === mine) busy.current = false
      }
    },
    [key],
  )

  useEffect(() => {
    const timer = setTimeout(() => void read(PAGE, ''), latest.current.key ? TYPING : 0)
    setState((old) => ({ ...old, loading: true }))
    return () => clearTimeout(timer)
  }, [read])

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const unsubscribe = flowsChanged.subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined
        const { rows, key: shown, fault } = latest.current
        if (busy.current || shown !== key || fault) return
        if (rows.length <= REFRESH_AT_MOST) void read(Math.max(PAGE, rows.length), '')
        else setState((old) => ({ ...old, outdated: true }))
      }, BETWEEN)
    })
    return () => {
      unsubscribe()
      clearTimeout(timer)
    }
  }, [read])

  useEffect(() => () => abort.current.abort(), [])
  const more = useCallback(() => {
    if (latest.current.next && !busy.current && latest.current.key === key) void read(PAGE, latest.current.next)
  }, [read])
  const reload = useCallback(() => void read(PAGE, ''), [read])
  return { ...state, more, reload }
}
