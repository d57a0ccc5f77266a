// The frame around the views: navigation, how live the data is, theme, help and keys.

import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { integer, plural } from './lib/format'
import { bind, SHORTCUTS } from './lib/keys'
import { link } from './lib/live'
import { view, VIEWS, type ViewName } from './lib/route'
import { status } from './lib/store'
import { isDark, theme, toggle } from './lib/theme'
import type { Status } from './types'
import { Banner } from './ui/banner'
import { Go, State, type Tone } from './ui/bits'
import { Dialog } from './ui/dialog'
import { Icon, Logo } from './ui/icons'
import { Apps } from './views/apps'
import { Bridges } from './views/bridges'
import { Events } from './views/events'
import { Flows } from './views/flows'
import { Hosts } from './views/hosts'
import { Hypervisors } from './views/hypervisors'
import { Networks } from './views/networks'
import { Overview } from './views/overview'
import { Ports } from './views/ports'
import { Services } from './views/services'

const PAGES: Record<ViewName, () => JSX.Element> = {
  overview: Overview, bridges: Bridges, ports: Ports, hosts: Hosts, networks: Networks, hypervisors: Hypervisors, services: Services, flows: Flows, apps: Apps, events: Events,
}

export const TITLES: Record<ViewName, string> = {
  overview: 'Overview', bridges: 'Bridges', ports: 'Ports', hosts: 'Hosts', networks: 'Networks', hypervisors: 'Hypervisors', services: 'Services', flows: 'Flows', apps: 'Apps', events: 'Events',
}

const LINKS: Record<typeof link.value, [Tone, string]> = {
  connecting: ['wait', 'Connecting'], live: ['ok', 'Live'], stale: ['warn', 'Stale'], down: ['bad', 'Disconnected'], refused: ['bad', 'Refused'],
}

export function App(): JSX.Element {
  const [help, setHelp] = useState(false)
  useEffect(() => bind(() => setHelp(true)), [])
  const name = view.value
  useEffect(() => {
    document.title = `${TITLES[name]} - weft`
  }, [name])
  const Page = PAGES[name]
  const [tone, word] = LINKS[link.value]
  return (
    <div class="shell">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <Sidebar current={name} counts={status.data.value} />
      <header class="topbar">
        <h1>{TITLES[name]}</h1>
        <span class="spring" />
        <span class="pulse" role="status" aria-label="Connection">
          <State tone={tone}>{word}</State>
        </span>
        <ThemeButton />
        <button type="button" class="button icon-only" aria-label="Help and keys" title="Help and keys (?)" onClick={() => setHelp(true)}>
          <Icon name="help" />
        </button>
      </header>
      <main id="content" class={`content ${name}${link.value === 'down' || link.value === 'refused' ? ' old' : ''}`} tabIndex={-1}>
        <Banner />
        <Page key={name} />
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  )
}

function ThemeButton(): JSX.Element {
  void theme.value
  const next = isDark() ? 'light' : 'dark'
  return (
    <button type="button" class="button icon-only" aria-label={`Use the ${next} theme`} title={`Use the ${next} theme`} onClick={toggle}>
      <Icon name={isDark() ? 'sun' : 'moon'} />
    </button>
  )
}

function countOf(name: ViewName, counts: Status | null): string {
  const value = counts?.[name as keyof Status]
  return typeof value === 'number' ? integer(value) : ''
}

function Sidebar({ current, counts }: { current: ViewName; counts: Status | null }): JSX.Element {
  return (
    <nav class="sidebar" aria-label="Views">
      <Go to="overview" class="brand" label="weft, overview">
        <Logo />
        <span>weft</span>
      </Go>
      <ul>
        {VIEWS.map((name) => (
          <li key={name}>
            <Go to={name} current={name === current} class="item">
              <Icon name={name} />
              <span class="text">{TITLES[name]}</span>
              <span class="number">{countOf(name, counts)}</span>
            </Go>
          </li>
        ))}
      </ul>
      {counts && (
        <footer>
          <span>weft {counts.version}</span>
          <span title="Number of the desired state">revision {integer(counts.revision)}</span>
          <span title={counts.listen.join(', ')}>{counts.listen[0] ?? 'not listening'}</span>
          <span>{plural(counts.connected, 'bridge')} connected</span>
        </footer>
      )}
    </nav>
  )
}

function Help({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Help and keys" onClose={onClose}>
      <dl class="keys">
        {SHORTCUTS.map(([keys, text]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">
        The same from the command line: <code>weft get hosts</code>, <code>weft flows s1</code>. The API is described at{' '}
        <a href="/openapi">/openapi</a>.
      </p>
      <div class="actions">
        <button type="button" class="button primary" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  )
}
