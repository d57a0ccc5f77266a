// Light, dark, or as the system says.

import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'

const stored = (): Theme => {
  try {
    const value = localStorage.getItem('weft.theme')
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system'
  }
}

export const theme = signal<Theme>(stored())

const systemDark = (): boolean => matchMedia('(prefers-color-scheme: dark)').matches

export const isDark = (): boolean => theme.value === 'dark' || (theme.value === 'system' && systemDark())

/** The other one; back to the system's choice where that is what it would be. */
export function toggle(): void {
  const next: Theme = isDark() ? 'light' : 'dark'
  theme.value = (next === 'dark') === systemDark() ? 'system' : next
}

function apply(): void {
  if (theme.value === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme.value
  try {
    localStorage.setItem('weft.theme', theme.value)
  } catch {
    // private windows may refuse to store; the choice then lasts as long as the page
  }
}

/** Show the theme, now and whenever it changes. */
export const follow = (): void => void effect(apply)

/** Whether the reader wants nothing to move. */
export const still = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches
