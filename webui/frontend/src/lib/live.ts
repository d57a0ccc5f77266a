// The live connection: one stream, reconnected for ever, and what it says about how old the data on screen is.

import { computed, signal } from '@preact/signals'
import { ApiError, asError } from './api'
import { Parser, type Message } from './sse'

const STALE_AFTER = 35_000 // two heartbeats and a little
const GIVE_UP_AFTER = 50_000
const RETRY = [1, 1, 2, 3, 5, 10]

export type Link = 'connecting' | 'live' | 'stale' | 'down' | 'refused'

export const now = signal(Date.now())
export const lastByte = signal(0)
export const downSince = signal(0)
export const refusal = signal('')
const connected = signal<'never' | 'yes' | 'no'>('never')

export const link = computed<Link>(() => {
  if (refusal.value) return 'refused'
  if (connected.value === 'no') return 'down'
  if (connected.value === 'never') return 'connecting'
  return now.value - lastByte.value > STALE_AFTER ? 'stale' : 'live'
})

let wake: (() => void) | null = null

/** Do not wait for the next attempt. */
export const retryNow = (): void => wake?.()

export function connect(receive: (message: Message) => void): void {
  setInterval(() => (now.value = Date.now()), 1000)
  void forever(receive)
}

async function forever(receive: (message: Message) => void): Promise<void> {
  let last = ''
  for (let attempt = 0; ; attempt += 1) {
    try {
      await once(last, (message) => {
        attempt = 0
        if (message.id !== null) last = message.id
        receive(message)
      })
    } catch (error) {
      refusal.value = error instanceof ApiError ? error.message : ''
    }
    if (connected.value !== 'no') downSince.value = Date.now()
    connected.value = 'no'
    const seconds = RETRY[Math.min(attempt, RETRY.length - 1)] ?? 10
    await new Promise<void>((resolve) => {
      wake = resolve
      setTimeout(resolve, seconds * 1000)
    })
  }
}

async function once(last: string, receive: (message: Message) => void): Promise<void> {
  const abort = new AbortController()
  const watchdog = setInterval(() => {
    if (lastByte.value && Date.now() - lastByte.value > GIVE_UP_AFTER) abort.abort()
  }, 5000)
  try {
    const headers: Record<string, string> = last ? { 'Last-Event-ID': last } : {}
    const response = await fetch('/api/v1/events', { headers, signal: abort.signal, cache: 'no-store' })
    if (!response.ok || !response.body) throw await asError(response)
    refusal.value = ''
    const parser = new Parser()
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      lastByte.value = now.value = Date.now()
      connected.value = 'yes'
      parser.feed(part.value).forEach(receive)
    }
  } finally {
    clearInterval(watchdog)
  }
}
