// The text of flows: cut into pieces for reading, and written as the command that would install one.

import type { FlowView } from '../types'

export interface Piece {
  field: string
  value: string
}

/** Split at commas that are not inside brackets: `a=1,ct(commit,zone=2),b` gives three. */
export function split(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]
    if (char === '(' || char === '[') depth += 1
    if (char === ')' || char === ']') depth -= 1
    if (char === ',' && depth === 0) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  parts.push(text.slice(from))
  return parts.map((part) => part.trim()).filter(Boolean)
}

/** A field or action, and its argument with the sign before it: `dl_dst` `=00:…`, `resubmit` `(,41)`, `drop` ``. */
export function pieces(text: string): Piece[] {
  return split(text).map((part) => {
    const at = part.search(/[=:(]/)
    return at < 0 ? { field: part, value: '' } : { field: part.slice(0, at), value: part.slice(at) }
  })
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The ovs-ofctl command that installs the same flow, group or meter. */
export function asCommand(flow: FlowView): string {
  const head = 'ovs-ofctl -O OpenFlow14'
  if (flow.kind === 'group') return `${head} add-group ${flow.bridge} ${quoted(`${flow.match},${flow.actions}`)}`
  if (flow.kind === 'meter') return `${head} add-meter ${flow.bridge} ${quoted(`${flow.match.replace('meter_id=', 'meter=')},${flow.actions}`)}`
  const parts = [`cookie=${flow.cookie}`, `table=${flow.table}`, `priority=${flow.priority}`]
  if (flow.idle) parts.push(`idle_timeout=${flow.idle}`)
  if (flow.hard) parts.push(`hard_timeout=${flow.hard}`)
  if (flow.match) parts.push(flow.match)
  return `${head} add-flow ${flow.bridge} ${quoted(`${parts.join(',')},actions=${flow.actions || 'drop'}`)}`
}

/** A flow of the pipeline that does nothing but lead from a stage to the next. */
export const onlyLeadsOn = (flow: FlowView): boolean =>
  flow.stage.startsWith('after ') && !flow.match && /^(goto_table:|resubmit\(,)\d+\)?$/.test(flow.actions)

/** How a status is to be shown. */
export function tone(status: string): 'ok' | 'wait' | 'bad' | 'dim' {
  if (status === 'installed') return 'ok'
  if (status.startsWith('rejected')) return 'bad'
  if (status === 'pending') return 'wait'
  return 'dim'
}
