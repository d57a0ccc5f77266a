// A bar for each backend: the part of new connections that it got, and a mark where its weight would have it.

import type { JSX } from 'preact'
import { drawn, percent } from '../lib/services'
import type { BackendView } from '../types'

const WIDTH = 520
const ROW = 24
const LABEL = 150
const VALUES = 130
const BAR = WIDTH - LABEL - VALUES

const inWords = (each: BackendView): string => `${each.address} ${percent(each.share)} of ${percent(each.expected)}`

export function Shares({ of }: { of: readonly BackendView[] }): JSX.Element {
  const shown = drawn(of)
  const top = Math.max(0.01, ...of.map((each) => Math.max(each.share ?? 0, each.expected)))
  const x = (part: number): number => LABEL + (BAR * part) / top
  return (
    <figure class="shares">
      <svg viewBox={`0 0 ${WIDTH} ${shown.length * ROW}`} role="img" aria-label={`Share of new connections and what the weights stand for: ${shown.map(inWords).join(', ')}`}>
        {shown.map((each, index) => (
          <Bar key={each.address} backend={each} y={index * ROW} x={x} />
        ))}
      </svg>
      <figcaption>
        <span class="share">share of new connections since the weights are so</span>
        <span class="expected">what the weight stands for</span>
        {shown.length < of.length && <span>the {shown.length} of {of.length} that are furthest from it</span>}
      </figcaption>
    </figure>
  )
}

function Bar({ backend, y, x }: { backend: BackendView; y: number; x: (part: number) => number }): JSX.Element {
  const middle = y + ROW / 2
  const mark = x(backend.expected)
  return (
    <g class={backend.state} aria-hidden="true">
      <text x={LABEL - 8} y={middle} class="name">
        {backend.address.length > 19 ? `…${backend.address.slice(-18)}` : backend.address}
      </text>
      <rect class="ground" x={LABEL} y={y + 5} width={BAR} height={ROW - 10} />
      <rect class="share" x={LABEL} y={y + 5} width={Math.max(0, x(backend.share ?? 0) - LABEL)} height={ROW - 10} />
      <path class="expected" d={`M${mark.toFixed(1)} ${y + 2}v${ROW - 4}`} />
      <text x={WIDTH - VALUES + 8} y={middle} class="value">
        {percent(backend.share)} / {percent(backend.expected)}
      </text>
    </g>
  )
}
