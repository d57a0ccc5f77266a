// Says when what is on screen is not what is true now.

import type { JSX } from 'preact'
import { clock, span } from '../lib/format'
import { downSince, lastByte, link, now, refusal, retryNow } from '../lib/live'
import { status } from '../lib/store'
import { Icon } from './icons'

export function Banner(): JSX.Element | null {
  const age = (now.value - lastByte.value) / 1000
  const showing = lastByte.value ? `, showing data ${span(age)} old` : ''
  switch (link.value) {
    case 'down':
      return (
        <Bar tone="bad">
          <span>
            Controller unreachable since {clock(downSince.value / 1000).slice(0, 5)}
            {showing}. Bridges go on with the flows they have. Look whether <code>weft start</code> still runs.
          </span>
          <button type="button" class="button small" onClick={retryNow}>
            Try now
          </button>
        </Bar>
      )
    case 'refused':
      return (
        <Bar tone="bad">
          <span>
            The controller refuses live news: {refusal.value} {lastByte.value ? `Data is ${span(age)} old.` : ''}
          </span>
          <button type="button" class="button small" onClick={() => location.reload()}>
            Reload
          </button>
        </Bar>
      )
    case 'stale':
      return <Bar tone="warn">No word from the controller for {span(age)}: it may hang, or the network to it. What you see is that old.</Bar>
    default:
      return status.data.value?.state === 'starting' ? <Bar tone="warn">The controller is starting: not everything is here yet.</Bar> : null
  }
}

function Bar({ tone, children }: { tone: 'bad' | 'warn'; children: preact.ComponentChildren }): JSX.Element {
  return (
    <div class={`banner ${tone}`} role="alert">
      <Icon name={tone === 'bad' ? 'error' : 'warning'} />
      {children}
    </div>
  )
}
