// A small line of a rate over time; the numbers beside it say the same, so it is hidden from assistive technology.

import type { JSX } from 'preact'
import type { Sample } from '../lib/rates'

const WIDTH = 84
const HEIGHT = 20

/** SVG path of a series scaled to its own largest value; empty for fewer than two points. */
export function line(values: readonly number[], top: number, width = WIDTH, height = HEIGHT): string {
  if (values.length < 2) return ''
  const step = width / (values.length - 1)
  return values
    .map((value, index) => {
      const y = height - 1.5 - (top > 0 ? Math.min(1, value / top) : 0) * (height - 3)
      return `${index ? 'L' : 'M'}${(index * step).toFixed(1)} ${y.toFixed(1)}`
    })
    .join('')
}

export function Spark({ series }: { series: readonly Sample[] }): JSX.Element {
  const top = Math.max(1, ...series.map((sample) => Math.max(sample.rx, sample.tx)))
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" focusable="false">
      <path class="tx" d={line(series.map((sample) => sample.tx), top)} />
      <path class="rx" d={line(series.map((sample) => sample.rx), top)} />
    </svg>
  )
}
