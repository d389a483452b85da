// A stand-in for what needs a look at the hub: notices, and facts that were not booked.
import { Refused } from './web.mjs';

const soon = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();
const fact = (n, code, body) => ({
  id: `cmd_${String(n).padStart(32, '0')}`, location: 'S07', agent: 'agt_1', code, settled: null,
  recorded_at: soon(-n * 60), frame: { kind: 'fact', fact: { body } },
});
const all = () => [
  fact(1, 'internal', { body: 'sale', sale: { receipt_number: 'S07-R1-000042' },
    lines: [{ sku: 'LAMP-BRASS', share: 1, beyond: 1 }, { sku: 'TEA-100', share: 0, beyond: 3 }] }),
  fact(2, 'internal', { body: 'count', sku: 'TEA-100', found: 4, from_share: 0 }),
  fact(3, 'unreadable', '<b>not a body</b>'),
];

export function factRoutes() {
  let facts = all();
  const end = (id, code) => {
    if (!facts.some((f) => f.id === id)) throw new Refused(404, 'record_unknown', 'There is none.');
    if (code) throw new Refused(409, code, 'The shelf was counted since this fact came.');
    facts = facts.filter((f) => f.id !== id);
    return {};
  };
  return [
    ['GET', /^\/v1\/notices$/, () => ({ next_cursor: null, notices: [{
      version: 812, code: 'reservation_short', subject: 'rsv_12', actor: 'agent:agt_1',
      text: 'sold as S07-R1-000041, where it was free as far as the store knew', command: 'fact',
      recorded_at: soon(-5) }] })],
    ['GET', /^\/v1\/rejected-facts$/, () => ({ next_cursor: null, facts })],
    ['POST', /^\/v1\/rejected-facts\/([^/]+)\/book$/, ([id], b) =>
      end(id, b.note.includes('counted') ? 'fact_overtaken' : null)],
    ['POST', /^\/v1\/rejected-facts\/([^/]+)\/settle$/, ([id]) => end(id)],
    ['POST', /^\/mock\/facts$/, () => {
      facts = all();
      return {};
    }],
  ];
}
