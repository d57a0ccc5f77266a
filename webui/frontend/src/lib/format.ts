// Numbers and times as a network engineer reads them. Narrow, fixed in form, never locale dependent.

const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P']

function scaled(value: number, unit: string): string {
  let power = 0
  while (value >= 999.5 && power < DECIMAL.length - 1) {
    value /= 1000
    power += 1
  }
  const digits = power > 0 && value < 99.95 ? (value < 9.995 ? 2 : 1) : 0
  return `${value.toFixed(digits)} ${DECIMAL[power]}${unit}`.trimEnd()
}

export const bitRate = (bits: number | null): string => (bits === null ? '–' : scaled(bits, 'b/s'))
export const bytes = (count: number | null): string => (count === null ? '–' : scaled(count, 'B'))

/** Thousands kept apart by a thin space. */
export function integer(value: number | null): string {
  return value === null ? '–' : String(value).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009')
}

/** A span in its two largest units: 5 s, 3 min 20 s, 2 h 14 min, 4 d 3 h. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]
  const first = units.findIndex(([size]) => whole >= size)
  const parts = units.slice(first, first + 2).map(([size, name], index) => {
    const count = index === 0 ? Math.floor(whole / size) : Math.floor((whole % (units[first]?.[0] ?? 1)) / size)
    return count || index === 0 ? `${count} ${name}` : ''
  })
  return parts.filter(Boolean).join(' ')
}

export const ago = (time: number, nowMs: number): string => span(nowMs / 1000 - time)

const two = (value: number): string => String(value).padStart(2, '0')

export function clock(time: number): string {
  const date = new Date(time * 1000)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

export function date(time: number): string {
  const at = new Date(time * 1000)
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(time)}`
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${integer(count)} ${count === 1 ? one : many}`
