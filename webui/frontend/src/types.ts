// The views of controller/query.py as the REST API sends them. A test holds the two equal.

export interface Status {
  version: string
  state: 'ready' | 'starting'
  started: number
  listen: string[]
  bridges: number
  connected: number
  ports: number
  hosts: number
  links: number
  networks: number
  hypervisors: number
  services: number
  flows: number
  apps: number
  apps_failed: number
  revision: number
  seq: number
}

export interface BridgeView {
  name: string
  dpid: string
  state: 'connected' | 'syncing' | 'disconnected'
  address: string
  protocol: '1.4' | '1.3' | ''
  since: number
  description: string
  ports: number
  flows: number
  pending: number
  rejected: number
  flow_mods: number
  reason: string
}

export interface PortView {
  bridge: string
  port: number
  name: string
  mac: string
  state: 'up' | 'down'
  role: string
  network: string
  speed: number | null
  peer: string
  hosts: number
  rx_packets: number | null
  tx_packets: number | null
  rx_bytes: number | null
  tx_bytes: number | null
  rx_dropped: number | null
  tx_dropped: number | null
  rx_errors: number | null
  tx_errors: number | null
  problem: string
}

export interface HostView {
  mac: string
  ips: string[]
  network: string
  bridge: string
  port: number
  port_name: string
  first_seen: number
  last_seen: number
  state: 'reachable' | 'unreachable'
  why: string
}

export interface LinkView {
  bridge: string
  port: number
  port_name: string
  peer: string
  peer_port: number
  peer_port_name: string
  cost: number
  networks: string[]
  state: 'up'
}

export interface NetworkView {
  name: string
  vlan: number
  vni: number | null
  mesh: string
  description: string
  ports: number
  isolated: number
  hosts: number
  bridges: string[]
  tree: string[]
}

export interface HypervisorView {
  name: string
  state: 'unreachable' | 'waiting' | 'refused' | 'applied'
  remote: string
  since: number
  version: string
  ports: number
  bfd: string[]
  reason: string
  problems: string[]
}

export interface TunnelView {
  mesh: string
  hypervisor: string
  peer: string
  state: 'up' | 'down' | 'idle' | 'unknown'
  cause: string
  since: number
  type: string
  mtu: number
  local: string
  remote: string
  rx_packets: number | null
  rx_bytes: number | null
  tx_packets: number | null
  tx_bytes: number | null
  problems: string[]
}

export interface AppView {
  name: string
  state: 'running' | 'disabled' | 'failed'
  description: string
  stages: string[]
  flows: number
  rows: number
  packet_ins: number
  config: Record<string, unknown>
  error: string
  problems: string[]
}

export interface FlowView {
  kind: 'flow' | 'group' | 'meter'
  bridge: string
  table: number
  stage: string
  priority: number
  match: string
  actions: string
  cookie: string
  app: string
  rule: string
  row: string
  why: string
  status: string
  packets: number | null
  bytes: number | null
  idle: number
  hard: number
}

export interface EventView {
  seq: number
  time: number
  severity: 'info' | 'warning' | 'error'
  kind: string
  subject: string
  text: string
  count: number
}

export interface Listing<T> {
  items: T[]
  total: number
  next: string
}

export interface ServiceView {
  name: string
  network: string
  vip: string
  mac: string
  ports: string[]
  scheduler: 'wrr' | 'least' | 'source' | 'maglev'
  mode: 'nat' | 'dsr'
  affinity: number
  drain_deadline: number
  health: string
  state: 'up' | 'degraded' | 'down'
  since: number
  backends: number
  up: number
  draining: number
  connections: number | null
  active: number | null
  packets: number | null
  bytes: number | null
  problems: string[]
}

export interface BackendView {
  service: string
  address: string
  mac: string
  bridge: string
  port_name: string
  weight: number
  tuned: number | null
  expected: number
  share: number | null
  state: 'up' | 'down' | 'draining' | 'unknown'
  reason: string
  since: number
  connections: number | null
  active: number | null
  packets: number | null
  bytes: number | null
}

export interface Drained {
  changed: boolean
  backend: BackendView
}
