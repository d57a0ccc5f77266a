// What a list is searched by: names of things and their text in a row. The hint of the search field is made of the same names.

export type Searched<T> = Record<string, (row: T) => string>

/** "Name, MAC or IP". */
export function hintOf<T>(searched: Searched<T>): string {
  const names = Object.keys(searched)
  const text = [names.slice(0, -1).join(', '), ...names.slice(-1)].filter(Boolean).join(' or ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The rows in which each of the words is somewhere. */
export function found<T>(rows: readonly T[], searched: Searched<T>, words: string): readonly T[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  if (!wanted.length) return rows
  const texts = Object.values(searched)
  return rows.filter((row) => {
    const text = texts.map((of) => of(row)).join(' ').toLowerCase()
    return wanted.every((word) => text.includes(word))
  })
}
