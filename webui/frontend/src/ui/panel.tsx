// The panel at the side that says everything about the one thing that is selected.

import type { ComponentChildren, JSX } from 'preact'
import { Icon } from './icons'

interface Props {
  kind: string
  title: string
  onClose: () => void
  children: ComponentChildren
}

export function Panel({ kind, title, onClose, children }: Props): JSX.Element {
  return (
    <aside class="panel" aria-label={`${kind} ${title}`}>
      <header>
        <div>
          <p class="kind">{kind}</p>
          <h2>{title}</h2>
        </div>
        <button type="button" class="button icon-only" aria-label="Close the panel" title="Close (Esc)" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="panel-body">{children}</div>
    </aside>
  )
}
