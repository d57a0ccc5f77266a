// One way to ask the REST API: answers are JSON, refusals are problem+json with a sentence for the reader.

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
  ) {
    super(detail)
  }
}

export async function asError(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { title?: string; detail?: string }
    return new ApiError(response.status, body.title ?? response.statusText, body.detail ?? response.statusText)
  } catch {
    return new ApiError(response.status, response.statusText, `The controller answered ${response.status}.`)
  }
}

export async function get<T>(path: string, params: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== ''))
  const url = `/api/v1${path}${query.size ? `?${query}` : ''}`
  const response = await fetch(url, { ...(signal ? { signal } : {}), headers: { Accept: 'application/json' } })
  if (!response.ok) throw await asError(response)
  return (await response.json()) as T
}

/** An order without a body. */
export async function post<T>(path: string): Promise<T> {
  const response = await fetch(`/api/v1${path}`, { method: 'POST' })
  if (!response.ok) throw await asError(response)
  return (await response.json()) as T
}

export async function put<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(`/api/v1${path}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw await asError(response)
  return (await response.json()) as T
}
