// Small things that every view uses: states with a shape and a word, links, copy buttons, what to say when there is nothing.

import type { ComponentChildren, JSX } from 'preact'
import { useState } from 'preact/hooks'
import { format, go, type Params, type ViewName } from '../lib/route'
import { Icon, type IconName } from './icons'

export type Tone = 'ok' | 'warn' | 'bad' | 'wait' | 'dim' | 'info'

const SHAPES: Record<Tone, IconName> = { ok: 'ok', warn: 'warning', bad: 'error', wait: 'wait', dim: 'off', info: 'info' }

export function State({ tone, children }: { tone: Tone; children: ComponentChildren }): JSX.Element {
  return (
    <span class={`state ${tone}`}>
      <Icon name={SHAPES[tone]} size={14} />
      <span>{children}</span>
    </span>
  )
}

interface GoProps {
  to: ViewName
  params?: Params
  class?: string
  children: ComponentChildren
  current?: boolean
  label?: string
}

/** A link inside the dashboard; opening it in a new tab works as ever. */
export function Go({ to, params = {}, children, current, label, ...rest }: GoProps): JSX.Element {
  const follow = (event: MouseEvent): void => {
    event.stopPropagation()
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    go(to, params)
  }
  const named = label ? { 'aria-label': label } : {}
  return (
    <a href={format({ view: to, params })} onClick={follow} {...(current ? { 'aria-current': 'page' as const } : {})} {...named} {...rest}>
      {children}
    </a>
  )
}

/** One of several ways to show the same thing. */
export function Segment({ on, onClick, children }: { on: boolean; onClick: () => void; children: ComponentChildren }): JSX.Element {
  return (
    <button type="button" aria-pressed={on} onClick={onClick}>
      {children}
    </button>
  )
}

async function toClipboard(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  // plain http on another machine has no clipboard interface
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

export function Copy({ text, label }: { text: string; label: string }): JSX.Element {
  const [done, setDone] = useState(false)
  const copy = async (): Promise<void> => {
    await toClipboard(text)
    setDone(true)
    setTimeout(() => setDone(false), 1600)
  }
  return (
    <button type="button" class="button small" onClick={() => void copy()}>
      <Icon name={done ? 'check' : 'copy'} size={14} />
      <span aria-live="polite">{done ? 'Copied' : label}</span>
    </button>
  )
}

/** A command that the reader may run. */
export function Command({ text }: { text: string }): JSX.Element {
  return (
    <div class="command">
      <code>{text}</code>
      <Copy text={text} label="Copy" />
    </div>
  )
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

export function Failed({ error }: { error: string }): JSX.Element {
  return (
    <div class="empty" role="alert">
      <State tone="bad">This could not be read</State>
      <p>{error}</p>
      <p>It is asked for again when the controller has news. Its log says more: look where weft start runs.</p>
    </div>
  )
}

export function Loading(): JSX.Element {
  return (
    <div class="empty" role="status">
      <p class="loading">Reading from the controller</p>
    </div>
  )
}

export function Facts({ of }: { of: [string, ComponentChildren][] }): JSX.Element {
  return (
    <dl class="facts">
      {of
        .filter(([, value]) => value !== null && value !== '' && value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}
