// The one way the pages ask over HTTP. Owns the shape of a request and of a refusal; knows no
// endpoint. Every failure is a `Problem`: a refusal of the other side with its stable code, or
// `unreachable` when nobody answered.

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly fields: Record<string, unknown> = {},
  ) {
    super(detail || title || code);
  }

  get unreachable(): boolean {
    return this.code === 'unreachable';
  }
}

export function asProblem(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new Problem(0, 'unexpected', 'Unexpected answer', text);
}

export type Send = {
  /** Names the request, so that a second sending of it has one effect. */
  key?: string;
  signal?: AbortSignal;
  /** Only while it is at the version that was read. */
  version?: number;
  /** A body that is not JSON. */
  raw?: { body: Blob | string; type: string };
};

async function refusal(response: Response): Promise<Problem> {
  const body = await response.json().catch(() => null);
  const fields: Record<string, unknown> = body && typeof body === 'object' ? body : {};
  const text = (key: string) => (typeof fields[key] === 'string' ? (fields[key] as string) : '');
  return new Problem(
    response.status,
    text('code') || `http_${response.status}`,
    text('title'),
    text('detail'),
    fields,
  );
}

export class Api {
  constructor(
    /** Where the paths start, with a slash at its end. */
    readonly base: URL,
    private readonly headers: Record<string, string> = {},
  ) {}

  get<T>(path: string, send: Send = {}): Promise<T> {
    return this.ask<T>('GET', path, undefined, send);
  }
  post<T>(path: string, body: unknown = {}, send: Send = {}): Promise<T> {
    return this.ask<T>('POST', path, body, send);
  }
  put<T>(path: string, body: unknown, send: Send = {}): Promise<T> {
    return this.ask<T>('PUT', path, body, send);
  }
  patch<T>(path: string, body: unknown, send: Send = {}): Promise<T> {
    return this.ask<T>('PATCH', path, body, send);
  }
  delete<T = void>(path: string, send: Send = {}): Promise<T> {
    return this.ask<T>('DELETE', path, undefined, send);
  }

  /** A file, whole. */
  file(path: string): Promise<Blob> {
    return this.ask<Blob>('GET', path, undefined, {}, (response) => response.blob());
  }

  /** The address of a WebSocket beside this API. */
  socket(path: string): string {
    const url = new URL(path, this.base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }

  private async ask<T>(
    method: string,
    path: string,
    body: unknown,
    send: Send,
    read = async (response: Response) => parsed<T>(await response.text()),
  ): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json', ...this.headers };
    if (method !== 'GET') headers['content-type'] = send.raw?.type ?? 'application/json';
    if (send.key) headers['idempotency-key'] = send.key;
    if (send.version !== undefined) headers['if-match'] = `"${send.version}"`;
    try {
      const response = await fetch(new URL(path, this.base), {
        method,
        headers,
        body: send.raw?.body ?? (body === undefined ? undefined : JSON.stringify(body)),
        credentials: 'same-origin',
        cache: 'no-store',
        signal: send.signal,
      });
      if (!response.ok) throw await refusal(response);
      return await read(response);
    } catch (cause) {
      // An answer that begins may still not come to its end: that is no answer either.
      if (send.signal?.aborted) throw new Problem(0, 'aborted', '', '');
      if (cause instanceof Problem) throw cause;
      throw new Problem(0, 'unreachable', 'No answer', String(cause));
    }
  }
}

function parsed<T>(text: string): T {
  try {
    return (text ? JSON.parse(text) : undefined) as T;
  } catch (cause) {
    throw new Problem(0, 'unexpected', 'Unexpected answer', String(cause));
  }
}

/** A path segment from text that somebody else chose. */
export const seg = encodeURIComponent;

export const newKey = (): string => {
  // `randomUUID` exists only on secure origins; a register may be reached over plain HTTP.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
};
