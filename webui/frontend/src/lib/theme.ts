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

const systemDark = matchMedia('(prefers-color-scheme: dark)')

export const isDark = (): boolean => theme.value === 'dark' || (theme.value === 'system' && systemDark.matches)

/** The other one; back to the system's choice where that is what it would be. */
export function toggle(): void {
  const next: Theme = isDark() ? 'light' : 'dark'
  theme.value = (next === 'dark') === systemDark.matches ? 'system' : next
}

effect(() => {
  if (theme.value === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme.value
  try {
    localStorage.setItem('weft.theme', theme.value)
  } catch {
    // private windows may refuse to store; the choice then lasts as long as the page
  }
})

export const stillness = matchMedia('(prefers-reduced-motion: reduce)')
