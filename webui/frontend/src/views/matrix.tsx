// The matrix of tunnels: one stop for the tab key, arrows move in it, and what a cell means is written above.

import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { now } from '../lib/live'
import { MOST, sentence, SIGNS, tunnelKey, type Matrix, type TunnelState } from '../lib/matrix'
import { State, type Tone } from '../ui/bits'

export const TUNNEL_TONES: Record<TunnelState, Tone> = { up: 'ok', idle: 'dim', unknown: 'warn', down: 'bad' }
const ROOMY = 16 // hypervisors up to which cells are large
const WORDS: Record<TunnelState, string> = { up: 'up', idle: 'idle', unknown: 'unknown', down: 'down' }

interface Props {
  matrix: Matrix
  selected: string
  onSelect: (key: string) => void
}

type At = [row: number, column: number]

export function MatrixTable({ matrix, selected, onSelect }: Props): JSX.Element {
  const [at, setAt] = useState<At | null>(null)
  const table = useRef<HTMLTableElement>(null)
  const { names, cell } = matrix
  const found = at ? cell(names[at[0]] ?? '', names[at[1]] ?? '') : undefined
  const idOf = (row: number, column: number): string => `tunnel-${row}-${column}`
  const choose = (place: At | null): void => {
    const tunnel = place && cell(names[place[0]] ?? '', names[place[1]] ?? '')
    if (tunnel) onSelect(tunnelKey(tunnel))
  }
  const move = (row: number, column: number): void => {
    const last = names.length - 1
    const next: At = [Math.max(0, Math.min(last, row)), Math.max(0, Math.min(last, column))]
    setAt(next)
    document.getElementById(idOf(...next))?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }
  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const [row, column] = at ?? [0, -1]
    const moves: Record<string, At> = {
      ArrowDown: [row + 1, Math.max(0, column)], ArrowUp: [row - 1, Math.max(0, column)], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, names.length - 1],
    }
    const to = moves[event.key]
    if (to) move(...to)
    else if (event.key === 'Enter' || event.key === ' ') choose(at)
    else return
    event.preventDefault()
  }
  const under = (event: Event): At | null => {
    const place = (event.target as HTMLElement).closest<HTMLElement>('[data-at]')?.dataset['at']?.split(' ').map(Number)
    return place ? [place[0] ?? 0, place[1] ?? 0] : null
  }
  return (
    <>
      <p class="told" role="status" aria-label="Tunnel">
        {found ? sentence(found, now.value) : 'A row hears, a column is heard. Point at a cell, or go there with the arrow keys, to read about it.'}
      </p>
      <div class={`matrix${names.length > ROOMY ? '' : ' roomy'}`}>
        <table
          role="grid"
          aria-label="Tunnels"
          ref={table}
          tabIndex={0}
          {...(at ? { 'aria-activedescendant': idOf(...at) } : {})}
          onKeyDown={keys}
          onMouseOver={(event) => {
            const place = under(event)
            if (place) setAt(place)
          }}
          onClick={(event) => choose(under(event))}
        >
          <thead>
            <tr>
              <td />
              {names.map((name) => (
                <th key={name} scope="col">
                  <span>{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((name, row) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {names.map((peer, column) => {
                  const tunnel = cell(name, peer)
                  const marks = `${at?.[0] === row && at[1] === column ? ' active' : ''}${tunnel && tunnelKey(tunnel) === selected ? ' chosen' : ''}`
                  return (
                    <td key={peer} id={idOf(row, column)} class={`${tunnel?.state ?? 'none'}${marks}`} data-at={`${row} ${column}`}>
                      {tunnel ? <span role="img" aria-label={`${name} from ${peer}: ${WORDS[tunnel.state]}`}>{SIGNS[tunnel.state]}</span> : null}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}

/** What the signs mean, and how many there are of each. */
export function Legend({ matrix }: { matrix: Matrix }): JSX.Element {
  const states = (Object.keys(SIGNS) as TunnelState[]).filter((state) => matrix.counts[state])
  return (
    <span class="legend-line">
      {states.map((state) => (
        <State key={state} tone={TUNNEL_TONES[state]}>
          {SIGNS[state]} {matrix.counts[state]} {WORDS[state]}
        </State>
      ))}
      {matrix.names.length < matrix.total && <span class="muted">{matrix.names.length} of {matrix.total} hypervisors{matrix.names.length === MOST ? ': search for others' : ''}</span>}
    </span>
  )
}
