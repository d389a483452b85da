// The current time as something pages can follow: one timer for all clocks and countdowns.
// `offset_ms` is how far the other side's clock is ahead of this device's.
let ms = $state(Date.now());
setInterval(() => (ms = Date.now()), 1000);

let offset_ms = 0;

export function setServerTime(now: string) {
  offset_ms = new Date(now).getTime() - Date.now();
}

/** Now by the clock of the hub or the agent; reading it in a component follows the second. */
export function now(): number {
  return ms + offset_ms;
}
