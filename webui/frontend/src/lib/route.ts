// The address holds the view, its filters and the selection, so that a reload or a link shows the same thing.

import { computed, signal } from '@preact/signals'

export const VIEWS = ['overview', 'bridges', 'ports', 'hosts', 'networks', 'hypervisors', 'services', 'flows', 'apps', 'events'] as const
export type ViewName = (typeof VIEWS)[number]
export type Params = Record<string, string>

export interface Route {
  view: ViewName
  params: Params
}

export function parse(path: string, query: string): Route {
  const name = path.replace(/^\/+|\/+$/g, '') as ViewName
  return { view: VIEWS.includes(name) ? name : 'overview', params: Object.fromEntries(new URLSearchParams(query)) }
}

export function format(route: Route): string {
  const kept = Object.entries(route.params).filter(([, value]) => value !== '')
  const query = new URLSearchParams(kept).toString()
  return `/${route.view === 'overview' ? '' : route.view}${query ? `?${query}` : ''}`
}

const here = (): Route =>
  typeof location === 'undefined' ? parse('/', '') : parse(location.pathname, location.search)

export const route = signal<Route>(here())
export const view = computed(() => route.value.view)

if (typeof window !== 'undefined') window.addEventListener('popstate', () => (route.value = here()))

export function go(name: ViewName, params: Params = {}): void {
  route.value = { view: name, params }
  history.pushState(null, '', format(route.value))
}

/** Change filters or selection in place; typing must not fill the history. */
export function change(params: Params): void {
  route.value = { view: route.value.view, params: { ...route.value.params, ...params } }
  history.replaceState(null, '', format(route.value))
}

export const param = (name: string): string => route.value.params[name] ?? ''
