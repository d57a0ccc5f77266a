// A modal question or help, with the browser's own <dialog>: focus stays inside, Escape closes.

import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

interface Props {
  title: string
  onClose: () => void
  children: ComponentChildren
}

export function Dialog({ title, onClose, children }: Props): JSX.Element {
  const box = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    box.current?.showModal()
  }, [])
  // The browser tells that it is closed a moment later, when whoever is quick has asked for the next one already.
  const close = (event: Event): void => {
    event.preventDefault()
    box.current?.close()
    onClose()
  }
  return (
    <dialog
      ref={box}
      class="dialog"
      aria-label={title}
      onCancel={close}
      onClose={() => box.current && onClose()}
      onClick={(event) => event.target === box.current && close(event)}
    >
      <div class="dialog-body">
        <h2>{title}</h2>
        {children}
      </div>
    </dialog>
  )
}
