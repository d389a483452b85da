// Words about stores as they stand now, in English; part of the set-up page's.
// A store's figures, as a sentence needs them.
type Units = { units: number; items: number };
export type StoreFigures = {
  link: string; share: Units; promised: Units; in_doubt: Units; short: Units; discrepancy: Units;
  reservations: number; waiting_facts?: number | null; untold_agents: string[];
  unknown_agents: string[]; untold_channels: string[];
};
const unitsOf = ({ units, items }: Units) =>
  `${units} ${units === 1 ? 'unit' : 'units'} of ${items} ${items === 1 ? 'item' : 'items'}`;

export const en = {
  storesWhy: 'Each line, whose the goods are, and what may go wrong if it stays so.',
  noStoresHint: 'Add a location of the kind store.',
  storeLinks: {
    fresh: 'Live', stale: 'Stale', dark: 'Dark', none: 'No agent',
  } as Record<string, string>,
  lastHeard: (at: string) => `heard last ${at}`,
  notSinceStart: 'Not since the hub started',
  factsWaiting: 'Its acts that waited then',
  openReservations: 'Open reservations',
  storeFigures: {
    share: 'Share', promised: 'Promised', in_doubt: 'In doubt', short: 'Missing',
    discrepancy: 'Unexplained',
  },
  figureWhy: {
    share: 'Its registers sell these without asking, also with the line down.',
    promised: 'Reserved or picked for somebody.',
    in_doubt: 'A silent, retired or copied agent may still have these. Promised to nobody.',
    short: 'Open reservations lack these: a register sold them.',
    discrepancy: 'Sold, though no stock explains it. Goods that come in repay it.',
  },
  whose: 'Whose the goods are',
  ofItems: (n: number) => (n === 1 ? 'of 1 item' : `of ${n} items`),
  noItemsThere: 'No items there.',
  risk: 'At risk',
  riskTitle: 'What may go wrong',
  noRisk: 'Nothing',
  noRiskNow: 'Nothing now. The store answers, and no promise is broken.',
  andMore: (n: number) => `and ${n} more`,
  risks: {
    short: (s) => `Missing: ${unitsOf(s.short)} of open reservations. Somebody must choose.`,
    discrepancy: (s) => `Sold, though no stock explains it: ${unitsOf(s.discrepancy)}. Count them.`,
    pickup_stopped: () => 'Silent for more than 15 minutes: nothing is promised for pickup there.',
    share_silent: (s) =>
      s.link === 'none'
        ? `With an agent that may not connect any more: ${unitsOf(s.share)}. Nobody can sell or promise them until it is retired and they are counted.`
        : `The registers’ own: ${unitsOf(s.share)}. Nothing online is promised from them while the store does not answer.`,
    promised_before: (s) =>
      `Promised before: ${unitsOf(s.promised)}, open reservations: ${s.reservations}. The store may not know of the latest, and a sale beyond its share may break one.`,
    facts_waiting: (s) =>
      `Acts of the store that waited to be told: ${s.waiting_facts}. The stock does not know of them.`,
    recovering: (s) =>
      ['Since the restore nothing of this store is promised.',
        s.untold_agents.length > 0 && `These agents have not told everything: ${s.untold_agents.join('; ')}. One whose computer is lost can be removed: hub enrol remove.`,
        s.unknown_agents.length > 0 && `These joined after the backup and must join anew: ${s.unknown_agents.join('; ')}. If they are lost, count, then say: hub location recovered.`,
        s.untold_channels.length > 0 && `These channels have to send their orders again: ${s.untold_channels.join(', ')}. Then say: hub channel caught-up.`,
      ].filter(Boolean).join(' '),
    log_gap: () =>
      'Its agent has dropped facts that this hub, which was put back, does not have. Retire the agent, and count the store.',
    releasing: (s) =>
      s.link === 'fresh' ? 'Given up reservations end in a moment.' : 'Reservations were given up and are kept, since only the store’s agent can say that it handed nothing over. When it is retired, a count of their items ends them.',
    in_doubt: (s) =>
      `In doubt: ${unitsOf(s.in_doubt)}. Promised to nobody until they are counted, or the agent that had them comes back.`,
  } as Record<string, (s: StoreFigures) => string>,
  retireAgent: 'Retire its agent',
  retireSure: (name: string) => `Retire the agent of ${name}?`,
  retireWhy: 'For an agent that does not come back soon: a lost, broken or stolen computer.',
  retireMeans: (s: StoreFigures) => [
    `${unitsOf(s.share)} go in doubt: promised to nobody, sold by nobody, until they are counted in the store.`,
    'If it comes back, what it sold meanwhile is booked, the rest is free again, and it goes on as a new life with no share.',
    'Reservations that were given up and wait for its word stay so until their items are counted.',
    'What it sold and never tells is found by a count alone.',
  ],
  typeCode: (code: string) => `Type ${code} to go on`,
  pagesOfStores: 'Pages',
  back: 'Back',
  nextPage: 'Next',
};

export type StoresStrings = typeof en;
