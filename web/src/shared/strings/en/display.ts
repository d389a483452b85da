// The customer display's words in English. The German object has the same shape, checked by type.
export const en = {
  page: 'Customer display',
  welcome: 'Welcome',
  total: 'Total',
  pieces: (n: number) => (n === 1 ? '1 piece' : `${n} pieces`),
  each: 'each',
  thanks: 'Thank you',
  paid: 'Paid',
  given: 'Given',
  change: 'Your change',
  noChange: 'No change',
  away: 'One moment',
  noDisplayTitle: 'Not a customer display yet',
  noDisplay: 'Open it on the register’s page: menu, All devices, Open display.',
  endedTitle: 'This display has ended',
};

export type DisplayStrings = typeof en;
