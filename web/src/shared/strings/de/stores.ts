// Words about stores as they stand now, in German.
import type { StoresStrings } from '../en/stores';

const unitsOf = ({ units, items }: { units: number; items: number }) =>
  `${units} Stück von ${items} ${items === 1 ? 'Artikel' : 'Artikeln'}`;

export const de: StoresStrings = {
  storesWhy: 'Jede Leitung, wem die Ware gehört, und was schiefgehen kann, wenn es so bleibt.',
  noStoresHint: 'Einen Standort der Art Filiale anlegen.',
  storeLinks: { fresh: 'Live', stale: 'Veraltet', dark: 'Dunkel', none: 'Kein Agent' },
  lastHeard: (at) => `zuletzt gehört ${at}`,
  notSinceStart: 'Nicht, seit der Hub läuft',
  factsWaiting: 'Vorgänge, die dort warteten',
  openReservations: 'Offene Reservierungen',
  storeFigures: {
    share: 'Anteil', promised: 'Zugesagt', in_doubt: 'Fraglich', short: 'Fehlt',
    discrepancy: 'Ungeklärt',
  },
  figureWhy: {
    share: 'Das verkaufen die Kassen dort, ohne zu fragen, auch ohne Leitung.',
    promised: 'Für jemanden reserviert oder entnommen.',
    in_doubt: 'Das hat vielleicht noch ein stummer, aufgegebener oder kopierter Agent. Niemandem zugesagt.',
    short: 'Das fehlt offenen Reservierungen: Eine Kasse hat es verkauft.',
    discrepancy: 'Verkauft, obwohl kein Bestand es erklärt. Ware, die kommt, gleicht es aus.',
  },
  whose: 'Wem die Ware gehört',
  ofItems: (n) => (n === 1 ? 'von 1 Artikel' : `von ${n} Artikeln`),
  noItemsThere: 'Keine Artikel.',
  risk: 'Gefahr',
  riskTitle: 'Was schiefgehen kann',
  noRisk: 'Keine',
  noRiskNow: 'Gerade nichts. Die Filiale antwortet, keine Zusage ist gebrochen.',
  andMore: (n) => `und ${n} weitere`,
  risks: {
    short: (s) => `Offenen Reservierungen fehlen ${unitsOf(s.short)}. Jemand muss wählen.`,
    discrepancy: (s) =>
      `Verkauft, obwohl kein Bestand es erklärt: ${unitsOf(s.discrepancy)}. Bitte zählen.`,
    pickup_stopped: () =>
      'Seit mehr als 15 Minuten stumm: Zum Abholen wird dort nichts zugesagt.',
    share_silent: (s) =>
      s.link === 'none'
        ? `Bei einem Agenten, der sich nicht mehr verbinden darf: ${unitsOf(s.share)}. Niemand kann sie verkaufen oder zusagen, bis er aufgegeben ist und sie gezählt sind.`
        : `Den Kassen gehören ${unitsOf(s.share)}. Online wird davon nichts zugesagt, solange die Filiale nicht antwortet.`,
    promised_before: (s) =>
      `Vorher zugesagt: ${unitsOf(s.promised)}, offene Reservierungen: ${s.reservations}. Von den letzten weiß die Filiale vielleicht nichts, und ein Verkauf über ihren Anteil hinaus kann eine brechen.`,
    facts_waiting: (s) =>
      `Vorgänge der Filiale, die noch zu melden waren: ${s.waiting_facts}. Der Bestand weiß nichts von ihnen.`,
    recovering: (s) =>
      ['Seit der Wiederherstellung wird von dieser Filiale nichts zugesagt.',
        s.untold_agents.length > 0 && `Diese Agenten haben noch nicht alles gemeldet: ${s.untold_agents.join('; ')}. Einer, dessen Rechner verloren ist, lässt sich entfernen: hub enrol remove.`,
        s.unknown_agents.length > 0 && `Diese kamen nach der Sicherung dazu und müssen neu beitreten: ${s.unknown_agents.join('; ')}. Sind sie verloren, zählen, dann: hub location recovered.`,
        s.untold_channels.length > 0 && `Diese Kanäle müssen ihre Bestellungen noch einmal senden: ${s.untold_channels.join(', ')}. Danach: hub channel caught-up.`,
      ].filter(Boolean).join(' '),
    log_gap: () =>
      'Ihr Agent hat Vorgänge gelöscht, die dieser zurückgesetzte Hub nicht kennt. Den Agenten aufgeben und die Filiale zählen.',
    releasing: (s) =>
      s.link === 'fresh' ? 'Aufgegebene Reservierungen enden gleich.' : 'Aufgegebene Reservierungen bleiben, denn nur der Agent der Filiale kann sagen, dass er nichts ausgegeben hat. Wird er aufgegeben, beendet sie eine Zählung ihrer Artikel.',
    in_doubt: (s) =>
      `Fraglich: ${unitsOf(s.in_doubt)}. Niemandem zugesagt, bis sie gezählt sind oder der Agent zurückkommt, der sie hatte.`,
  },
  retireAgent: 'Agenten aufgeben',
  retireSure: (name) => `Den Agenten von ${name} aufgeben?`,
  retireWhy: 'Für einen, der nicht bald zurückkommt: ein verlorener, kaputter oder gestohlener Rechner.',
  retireMeans: (s) => [
    `${unitsOf(s.share)} werden fraglich: niemandem zugesagt, von niemandem verkauft, bis sie in der Filiale gezählt sind.`,
    'Kommt er zurück, wird gebucht, was er inzwischen verkauft hat; der Rest ist wieder frei, und er macht als neues Leben ohne Anteil weiter.',
    'Aufgegebene Reservierungen, die auf sein Wort warten, bleiben so, bis ihre Artikel gezählt sind.',
    'Was er verkauft hat und nie meldet, findet nur eine Zählung.',
  ],
  typeCode: (code) => `${code} eingeben, um fortzufahren`,
  pagesOfStores: 'Seiten',
  back: 'Zurück',
  nextPage: 'Weiter',
};
