// The customer display's words in German.
import type { DisplayStrings } from '../en/display';

export const de: DisplayStrings = {
  page: 'Kundenanzeige',
  welcome: 'Willkommen',
  total: 'Summe',
  pieces: (n) => (n === 1 ? '1 Stück' : `${n} Stück`),
  each: 'je',
  thanks: 'Vielen Dank',
  paid: 'Bezahlt',
  given: 'Gegeben',
  change: 'Ihr Rückgeld',
  noChange: 'Kein Rückgeld',
  away: 'Einen Moment',
  noDisplayTitle: 'Noch keine Kundenanzeige',
  noDisplay: 'Auf der Seite der Kasse öffnen: Menü, Alle Geräte, Anzeige öffnen.',
  endedTitle: 'Diese Anzeige ist beendet',
};
