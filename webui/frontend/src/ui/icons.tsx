// Line icons of our own, 16 by 16, drawn in the colour of the text.

import type { JSX } from 'preact'

const PATHS: Record<string, string> = {
  overview: 'M8 2.5v3M8 5.500L3.500 10M8 5.500l4.500 4.500M3.500 10v1M12.500 10v1M6.500 2.500h3M2 11h3v2.500H2zM11 11h3v2.500h-3z',
  bridges: 'M2 5h12v6H2zM4.500 8.500v-1M7 8.500v-1M9.500 8.500v-1M12 8h.01',
  ports: 'M2.500 3h11v10h-11zM5 13v-4h1.500V7h3v2H11v4',
  hosts: 'M3 3h10v7H3zM1.500 12.500h13M6.500 10v2.500M9.500 10v2.500',
  networks: 'M8 1.800a2.200 2.200 0 1 1 0 4.400a2.200 2.200 0 0 1 0-4.400M3.700 9.800a2.200 2.200 0 1 1 0 4.400a2.200 2.200 0 0 1 0-4.400M12.300 9.800a2.200 2.200 0 1 1 0 4.400a2.200 2.200 0 0 1 0-4.400M6.900 5.900L4.800 10M9.100 5.900l2.100 4.100M5.900 12h4.200',
  hypervisors: 'M2.500 2.500h11v4.500h-11zM2.500 9h11v4.500h-11zM5 4.750h.01M5 11.250h.01M8 4.750h3.500M8 11.250h3.500',
  services: 'M8 1.800a1.700 1.700 0 1 1 0 3.400a1.700 1.700 0 0 1 0-3.400M8 5.200v5.300M8 7.500H3.500v3M8 7.500h4.500v3M2 10.500h3v3H2zM6.500 10.500h3v3h-3zM11 10.500h3v3h-3z',
  flows: 'M2 4h7M12 4h2M2 8h2M7 8h7M2 12h6M11 12h3M10.500 2.800v2.400M5.500 6.800v2.400M9.500 10.800v2.400',
  apps: 'M2.500 2.500h4.500v4.500H2.500zM9 9h4.500v4.500H9zM2.500 9h4.500v4.500H2.500zM11.250 2.300v4.900M8.800 4.750h4.900',
  events: 'M2.500 3.500v9M2.500 4.500h2M2.500 8h2M2.500 11.500h2M6.500 4.500H14M6.500 8H12M6.500 11.500h5',
  search: 'M7 2.500a4.500 4.500 0 1 1 0 9a4.500 4.500 0 0 1 0-9M10.300 10.300L14 14',
  close: 'M3.500 3.500l9 9M12.500 3.500l-9 9',
  copy: 'M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3',
  check: 'M3 8.500l3.500 3.500L13 4.500',
  sun: 'M8 5.200a2.800 2.800 0 1 1 0 5.600a2.800 2.800 0 0 1 0-5.600M8 1.500v1.500M8 13v1.500M1.500 8H3M13 8h1.500M3.400 3.400l1.100 1.100M11.500 11.500l1.100 1.100M3.400 12.600l1.100-1.100M11.500 4.500l1.100-1.100',
  moon: 'M13.200 9.600A5.700 5.700 0 0 1 6.400 2.800a5.700 5.700 0 1 0 6.800 6.800z',
  help: 'M6 6a2 2 0 1 1 2.800 1.850c-.5.250-.8.6-.8 1.150v.4M8 11.800h.01M8 1.800a6.200 6.200 0 1 1 0 12.400a6.200 6.200 0 0 1 0-12.400',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  fit: 'M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10',
  reset: 'M3 8a5 5 0 1 0 1.600-3.700M3 2.500v3h3',
  tag: 'M2.500 2.500h5l6 6l-5 5l-6-6zM5.300 5.300h.01',
  ok: 'M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12M5.300 8.200l1.900 1.900l3.500-3.900',
  warning: 'M8 2.200L14.500 13.500h-13zM8 6.500v3.200M8 11.600h.01',
  error: 'M5.500 2h5L14 5.500v5L10.500 14h-5L2 10.500v-5zM8 5v3.500M8 10.900h.01',
  info: 'M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12M8 7.300v3.700M8 5h.01',
  wait: 'M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12M8 4.700V8l2.200 1.500',
  off: 'M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12M5.300 8h5.400',
  right: 'M6 3.500L10.500 8L6 12.500',
}

export type IconName = keyof typeof PATHS

export function Icon({ name, size = 16 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name] ?? ''} />
    </svg>
  )
}

/** Two threads over and under two others. */
export function Logo(): JSX.Element {
  return (
    <svg class="logo" width="22" height="22" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path class="warp" d="M7.500 2.500v3M7.500 11.500v10M16.500 2.500v10M16.500 18.500v3" />
      <path class="weft" d="M2.500 8.500h14M20 8.500h1.500M2.500 15.500h1.500M7.500 15.500h14" />
    </svg>
  )
}
