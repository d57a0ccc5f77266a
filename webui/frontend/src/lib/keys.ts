// Keys that work everywhere, except while typing.

import { change, go, param, type ViewName } from './route'
import { toggle } from './theme'

export const SHORTCUTS: [keys: string, text: string][] = [
  ['/', 'search in this view'],
  ['g o', 'overview (also g t, topology)'],
  ['g b', 'bridges'],
  ['g p', 'ports'],
  ['g h', 'hosts'],
  ['g n', 'networks'],
  ['g v', 'hypervisors and tunnels'],
  ['g s', 'services'],
  ['g f', 'flows'],
  ['g a', 'apps'],
  ['g e', 'events'],
  ['j k', 'next and previous row of a table, as the arrows'],
  ['Enter', 'open the row'],
  ['Esc', 'close the panel'],
  ['d', 'dark or light'],
  ['?', 'this help'],
]

const GO: Record<string, ViewName> = {
  o: 'overview', t: 'overview', b: 'bridges', p: 'ports', h: 'hosts', n: 'networks', v: 'hypervisors', s: 'services', f: 'flows', a: 'apps', e: 'events',
}

/** The next chord state and what to do, for one key. */
export function chord(pending: boolean, key: string): { pending: boolean; view: ViewName | null } {
  if (pending) return { pending: false, view: GO[key] ?? null }
  return { pending: key === 'g', view: null }
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.matches('input, textarea, select') || target.isContentEditable)

export function bind(help: () => void): () => void {
  let pending = false
  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return
    if (event.key === 'Escape') return escape(event)
    if (typing(event.target)) return
    const next = chord(pending, event.key)
    pending = next.pending
    if (next.view) go(next.view)
    else if (event.key === '?') help()
    else if (event.key === 'd') toggle()
    else if (event.key === '/') focusSearch(event)
  }
  document.addEventListener('keydown', press)
  return () => document.removeEventListener('keydown', press)
}

function focusSearch(event: KeyboardEvent): void {
  const input = document.querySelector<HTMLInputElement>('[data-shortcut="/"]')
  if (!input) return
  event.preventDefault()
  input.focus()
  input.select()
}

/** First leave the field, then close the panel. */
function escape(event: KeyboardEvent): void {
  if (typing(event.target)) (event.target as HTMLElement).blur()
  else if (param('sel')) {
    change({ sel: '' })
    document.querySelector<HTMLElement>('[role="grid"]')?.focus()
  }
}
