// Virtual services, and the backends of the one that is looked at.

import type { BackendView, Drained, Listing, ServiceView } from '../types'
import { get, post } from './api'
import { follow, Source } from './store'

let chosen = ''

export const services = new Source<ServiceView[]>(async () => (await get<Listing<ServiceView>>('/services')).items, [])
export const backends = new Source<BackendView[]>(readBackends, [])

follow(services, 'services', 'hosts', 'counters')
follow(backends, 'services', 'hosts', 'counters')

async function readBackends(): Promise<BackendView[]> {
  return chosen ? (await get<Listing<BackendView>>(`/services/${encodeURIComponent(chosen)}/backends`)).items : []
}

/** From now on `backends` are those of this service. */
export function choose(service: string): void {
  if (service === chosen) return
  chosen = service
  backends.touch()
}

export async function drain(backend: BackendView, drained: boolean): Promise<void> {
  const place = `/services/${encodeURIComponent(backend.service)}/backends/${encodeURIComponent(backend.address)}`
  await post<Drained>(`${place}/${drained ? 'drain' : 'undrain'}`)
  services.touch()
  backends.touch()
}

const LARGEST = 24 // bars that are drawn

/** The backends to draw: all in their order, or of many those whose share is furthest from what their weight stands for. */
export function drawn(all: readonly BackendView[], most = LARGEST): readonly BackendView[] {
  if (all.length <= most) return all
  const off = (each: BackendView): number => Math.abs((each.share ?? 0) - each.expected)
  const kept = new Set([...all].sort((a, b) => off(b) - off(a)).slice(0, most))
  return all.filter((each) => kept.has(each))
}

/** Part of the whole in words: 0 %, 0.4 %, 25 %. */
export function percent(part: number | null): string {
  if (part === null) return '–'
  const value = part * 100
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} %`
}
