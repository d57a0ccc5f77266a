// Server-sent events by hand: EventSource hides heartbeats and status codes, and the dashboard must tell live from stale.

export interface Message {
  event: string
  data: string
  id: string | null
}

/** Turns chunks of a text/event-stream into messages; comments are dropped. */
export class Parser {
  private rest = ''

  feed(chunk: string): Message[] {
    const blocks = (this.rest + chunk).replaceAll('\r\n', '\n').split('\n\n')
    this.rest = blocks.pop() ?? ''
    return blocks.map(parseBlock).filter((message) => message !== null)
  }
}

function parseBlock(block: string): Message | null {
  const message: Message = { event: 'message', data: '', id: null }
  const data: string[] = []
  for (const line of block.split('\n')) {
    const at = line.indexOf(':')
    if (at === 0) continue
    const field = at < 0 ? line : line.slice(0, at)
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '')
    if (field === 'event') message.event = value
    if (field === 'id') message.id = value
    if (field === 'data') data.push(value)
  }
  message.data = data.join('\n')
  return data.length ? message : null
}
