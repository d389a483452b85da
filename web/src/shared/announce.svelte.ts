// What a screen reader says: one polite and one assertive line per page, shown by `ui/LiveRegion`.
export const spoken = $state({ polite: '', assertive: '' });

/** The same words twice must be said twice, so a blank that is not read alternates at the end. */
const again = (before: string, text: string) => (before === text ? `${text}\u00a0` : text);

export function announce(text: string) {
  spoken.polite = again(spoken.polite, text);
}

export function alarm(text: string) {
  spoken.assertive = again(spoken.assertive, text);
}
