// What the dashboard knows: a signal for each collection, read again when the stream says that it changed.

import { signal, type Signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { AppView, BridgeView, EventView, HostView, HypervisorView, LinkView, Listing, NetworkView, PortView, Status, TunnelView } from '../types'
import { get } from './api'
import { connect } from './live'
import { Rates } from './rates'
import type { Message } from './sse'

const KEEP_EVENTS = 2000
const SETTLE = 150 // milliseconds in which changes are gathered before reading again

/** A thing that is read from a path, again whenever it is dirty and somebody shows it. */
export class Source<T> {
  readonly data: Signal<T>
  readonly loaded = signal(false)
  readonly error = signal('')
  private dirty = true
  private wanted = 0
  busy = false

  constructor(
    private readonly read: () => Promise<T>,
    empty: T,
  ) {
    this.data = signal(empty)
  }

  want(): () => void {
    this.wanted += 1
    if (this.dirty) this.refresh()
    return () => void (this.wanted -= 1)
  }

  touch(): void {
    this.dirty = true
    if (this.wanted) this.refresh()
  }

  private refresh(): void {
    if (this.busy) return
    this.busy = true
    setTimeout(() => void this.load(), this.loaded.value ? SETTLE : 0)
  }

  private async load(): Promise<void> {
    this.dirty = false
    try {
      this.data.value = await this.read()
      this.loaded.value = true
      this.error.value = ''
    } catch (error) {
      this.dirty = true
      this.error.value = error instanceof Error ? error.message : String(error)
    }
    this.busy = false
    if (this.dirty && !this.error.value && this.wanted) this.refresh()
  }
}

const list = <T>(path: string): Source<T[]> => new Source(async () => (await get<Listing<T>>(path)).items, [])

export const rates = new Rates()
export const status = new Source<Status | null>(() => get<Status>('/status'), null)
export const bridges = list<BridgeView>('/bridges')
export const hosts = list<HostView>('/hosts')
export const links = list<LinkView>('/links')
export const networks = list<NetworkView>('/networks')
export const hypervisors = list<HypervisorView>('/hypervisors')
export const tunnels = list<TunnelView>('/tunnels')
export const apps = list<AppView>('/apps')
export const ports = new Source<PortView[]>(readPorts, [])
export const events = new Source<EventView[]>(readEvents, [])

/** Counts up when flows or their counters changed; the flow list reads itself again, page by page. */
export const flowsChanged = signal(0)

const AFFECTED: Record<string, Source<unknown>[]> = {
  bridges: [bridges, hypervisors, status],
  ports: [ports, status],
  hosts: [hosts, ports, networks, status],
  links: [links, ports, networks, status],
  networks: [networks, links, status],
  hypervisors: [hypervisors, status],
  tunnels: [tunnels, hypervisors],
  apps: [apps, status],
  flows: [bridges, apps, status],
  counters: [ports, hosts], // with the counters comes when a host was heard last
} as Record<string, Source<unknown>[]>
const FOLLOWERS: Source<unknown>[] = []

/** Read a source of another module again when one of these collections changed. */
export function follow<T>(source: Source<T>, ...collections: string[]): void {
  for (const name of collections) (AFFECTED[name] ??= []).push(source as Source<unknown>)
  FOLLOWERS.push(source as Source<unknown>)
}

async function readPorts(): Promise<PortView[]> {
  const { items } = await get<Listing<PortView>>('/ports')
  rates.push(items, Date.now())
  return items
}

async function readEvents(): Promise<EventView[]> {
  return (await get<Listing<EventView>>('/events/history', { limit: '1000' })).items
}

function everything(): void {
  for (const source of [status, bridges, ports, hosts, links, networks, hypervisors, tunnels, apps, events, ...FOLLOWERS]) source.touch()
  flowsChanged.value += 1
}

function receive(message: Message): void {
  const data = JSON.parse(message.data) as unknown
  if (message.event === 'hello' || message.event === 'reset') everything()
  if (message.event === 'event') addEvent(data as EventView)
  if (message.event === 'changed') {
    const { collections } = data as { collections: string[] }
    new Set(collections.flatMap((name) => AFFECTED[name] ?? [])).forEach((source) => source.touch())
    if (collections.includes('flows') || collections.includes('counters')) flowsChanged.value += 1
  }
}

/** A folded event comes again under its old number with a higher count. */
export function withEvent(known: EventView[], event: EventView): EventView[] {
  const last = known.at(-1)
  if (!last || event.seq > last.seq) return [...known.slice(1 - KEEP_EVENTS), event]
  return known.map((other) => (other.seq === event.seq ? event : other))
}

function addEvent(event: EventView): void {
  // what is being read may be older than this event
  if (!events.loaded.value || events.busy) events.touch()
  else events.data.value = withEvent(events.data.value, event)
}

export function start(): void {
  for (const source of [status, bridges, ports, events]) source.want()
  connect(receive)
}

/** Keep a collection read while the component is shown and wants it. */
export function useSource<T>(source: Source<T>, wanted = true): T {
  useEffect(() => (wanted ? source.want() : undefined), [source, wanted])
  return source.data.value
}
