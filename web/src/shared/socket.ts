// A WebSocket that comes back: reconnects with back-off and jitter, and calls a silent line dead.
// Knows nothing of what is said on it.

export type Socket = { send(message: unknown): void; close(): void };

export type Listen = {
  open?(send: (message: unknown) => void): void;
  message(message: unknown): void;
  lost?(): void;
  /** The key or session ended: it does not come back by itself. */
  ended?(): void;
};

/** Close code of a hub that proved the caller again and found that it may not listen any more. */
const NOT_ALLOWED = 4401;

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

/** `silence_ms`: how long the other side may say nothing before the line counts as cut. */
export function connect(address: string, listen: Listen, silence_ms: number | null): Socket {
  let socket: WebSocket | null = null;
  let wait = FIRST_WAIT_MS;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let watch: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const send = (message: unknown) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  const heard = () => {
    clearTimeout(watch);
    if (silence_ms !== null) watch = setTimeout(() => lose(), silence_ms);
  };
  const lose = () => {
    clearTimeout(watch);
    const was = socket;
    socket = null;
    if (was) {
      was.onclose = was.onmessage = was.onerror = was.onopen = null;
      was.close();
    }
    if (closed) return;
    listen.lost?.();
    clearTimeout(retry);
    retry = setTimeout(dial, wait * (0.5 + Math.random()));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  };
  const dial = () => {
    const next = new WebSocket(address);
    socket = next;
    heard();
    next.onopen = () => {
      heard();
      listen.open?.(send);
    };
    next.onmessage = (event) => {
      wait = FIRST_WAIT_MS;
      heard();
      let message: unknown;
      try {
        message = JSON.parse(String(event.data));
      } catch {
        return;
      }
      listen.message(message);
    };
    next.onclose = (event) => {
      if (event.code !== NOT_ALLOWED || closed) return lose();
      close();
      listen.ended?.();
    };
    next.onerror = () => {};
  };
  // A device that woke up or found its network again should not wait for the back-off.
  const hurry = () => {
    if (!socket && !closed) {
      clearTimeout(retry);
      dial();
    }
  };
  const close = () => {
    closed = true;
    removeEventListener('online', hurry);
    clearTimeout(retry);
    lose();
  };
  addEventListener('online', hurry);
  dial();

  return { send, close };
}
