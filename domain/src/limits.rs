//! Every bound of the system, with its unit, in one place.

/// Largest quantity of one line or figure, base units.
pub const QUANTITY_MAX: i64 = 1_000_000_000;
/// Largest amount either way, minor units.
pub const MONEY_MINOR_MAX: i64 = 100_000_000_000_000;
/// Lines of a reservation, receipt, ticket or fact.
pub const LINES_MAX: usize = 200;
/// Prices of an item that begin at a moment.
pub const DATED_PRICES_MAX: usize = 100;
/// How long an item keeps a price that another one has followed, days.
pub const ENDED_PRICE_DAYS: u64 = 30;
/// Parts of a kit.
pub const KIT_PARTS_MAX: usize = 20;
/// Units of a part in one kit, base units.
pub const KIT_PART_UNITS_MAX: i64 = 100_000;
/// Items that are kits.
pub const KITS_MAX: usize = 10_000;
/// Barcodes of an item.
pub const BARCODES_MAX: usize = 20;
/// A name or title, characters.
pub const NAME_CHARS_MAX: usize = 200;
/// A reference or note, characters.
pub const NOTE_CHARS_MAX: usize = 500;
/// Lines of a receipt's header.
pub const RECEIPT_HEADER_LINES_MAX: usize = 8;
/// Body of an HTTP request, bytes (imports are streamed beside this limit).
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// An import's body, bytes.
pub const IMPORT_BYTES_MAX: usize = 256 << 20;
/// How long a reader of a file that is sent may take nothing, milliseconds.
pub const EXPORT_SEND_MS: u64 = 60_000;
/// Files that are sent at once.
pub const EXPORTS_MAX: usize = 8;
/// Of these, files of one key or person.
pub const EXPORTS_PER_CALLER_MAX: usize = 4;
/// One frame between hub and agent, bytes.
pub const FRAME_BYTES_MAX: usize = 256 << 10;
/// Nesting of a JSON document.
pub const JSON_DEPTH_MAX: usize = 32;
/// Commands in one transaction.
pub const BATCH_COMMANDS_MAX: usize = 1_024;
/// Bytes of the commands in one transaction, as received.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
/// Commands that wait in each of the writer's queues.
pub const QUEUE_COMMANDS_MAX: usize = 8_192;
/// Rows that the writer keeps between batches.
pub const CACHE_ROWS_MAX: usize = 200_000;
/// Rounds of loading that one command may ask for.
pub const LOAD_ROUNDS_MAX: usize = 12;
/// A page of a list, rows: default and largest.
pub const PAGE_ROWS_DEFAULT: usize = 50;
/// The largest page of a list, rows.
pub const PAGE_ROWS_MAX: usize = 500;
/// How long a shopper's hold lives, milliseconds.
pub const HOLD_MS: i64 = 15 * 60 * 1_000;
/// Longest life of a reservation that expires, milliseconds (30 days).
pub const RESERVATION_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Live holds of one shopper.
pub const HOLDS_PER_SHOPPER_MAX: usize = 10;
/// Live holds from one address.
pub const HOLDS_PER_ADDRESS_MAX: usize = 100;
/// Units of one item in live holds from one address, by itself or in kits: whoever draws new
/// shoppers' tokens at will gets no more of it (an office behind one address gets some).
pub const HOLD_UNITS_PER_ADDRESS_AND_ITEM_MAX: i64 = 20;
/// Units of one public hold.
pub const HOLD_UNITS_MAX: i64 = 5;
/// How long an enrolment code lives, milliseconds.
pub const ENROLMENT_MS: i64 = 15 * 60 * 1_000;
/// How long an agent's credential is valid, milliseconds.
pub const CREDENTIAL_MS: i64 = 60 * 1_000;
/// Heartbeat of the link, milliseconds.
pub const HEARTBEAT_MS: i64 = 5_000;
/// Age of the last answered ping up to which a store is fresh, milliseconds.
pub const FRESH_MS: i64 = 16_000;
/// Age of the last answered ping beyond which a store is dark, milliseconds.
pub const DARK_MS: i64 = 15 * 60 * 1_000;
/// How long a scan waits for a grant, milliseconds.
pub const GRANT_WAIT_MS: i64 = 250;
/// How long a claim waits for share that it recalls, milliseconds.
pub const RECALL_WAIT_MS: i64 = 250;
/// How long units that a recall brought are kept for the web before a share is topped up with
/// them, milliseconds.
pub const RECALL_KEPT_MS: i64 = 60_000;
/// Claims that wait for share at once.
pub const RECALLS_WAITING_MAX: usize = 256;
/// Opening hours that a store's share is to last by itself.
pub const SURVIVE_HOURS: i64 = 4;
/// How far back walk-in demand is looked at, milliseconds (28 days).
pub const WALK_IN_MS: i64 = 28 * 24 * 60 * 60 * 1_000;
/// Opening hours that walk-in demand is spread over at least, so that a first day is not a rule.
pub const WALK_IN_HOURS_MIN: i64 = 40;
/// Opening hours that a day with a sale has at least.
pub const WALK_IN_DAY_HOURS: i64 = 8;
/// Items of a store with a share by their walk-in demand: those with the largest.
pub const WALK_IN_ITEMS_MAX: usize = 4_000;
/// How old a store's fact is that nobody waits for any more, milliseconds.
pub const REPLAYED_MS: i64 = 60_000;
/// Facts that an agent sends before the first answer.
pub const FACTS_IN_FLIGHT_MAX: usize = 64;
/// Live sockets at once, of all callers.
pub const LIVE_SOCKETS_MAX: usize = 8_000;
/// Live sockets at once of one key, session or agent (all shoppers of a page share its key).
pub const LIVE_SOCKETS_PER_CALLER_MAX: usize = 6_000;
/// Live sockets at once from one address (a whole office may be behind one).
pub const LIVE_SOCKETS_PER_ADDRESS_MAX: usize = 256;
/// Messages that a live socket may send at once.
pub const LIVE_MESSAGES_MAX: u32 = 20;
/// After which time a live socket may send one more, milliseconds.
pub const LIVE_MESSAGE_MS: i64 = 500;
/// How long a reader of a live socket may take nothing, milliseconds.
pub const LIVE_SEND_MS: i64 = 10_000;
/// Leases whose nonces the hub remembers per incarnation.
pub const LEASES_KEPT: usize = 32;
/// Units that a clerk may adjust without a manager.
pub const ADJUST_UNITS_CLERK_MAX: i64 = 50;
/// Free space below which the hub takes nothing new that could wait, and a register no new goods,
/// bytes: what has begun, and what has happened in stores, still finds room (16 MiB).
pub const SPACE_NEW_MIN_BYTES: u64 = 16 << 20;
/// Free space below which a register takes no payment, bytes: the log of the database and its
/// checkpoint need some (4 MiB).
pub const SPACE_PAY_MIN_BYTES: u64 = 4 << 20;
/// Retention: events, milliseconds (30 days).
pub const KEEP_EVENTS_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Retention: outcomes of requests, milliseconds (90 days).
pub const KEEP_OUTCOMES_MS: i64 = 90 * 24 * 60 * 60 * 1_000;
/// Retention: imports and their errors, milliseconds since they were begun (90 days).
pub const KEEP_IMPORTS_MS: i64 = 90 * 24 * 60 * 60 * 1_000;
/// Retention: an agent's answered facts, milliseconds (30 days).
pub const KEEP_FACTS_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Retention: what was sent to channels, milliseconds since it ended (30 days).
pub const KEEP_DELIVERIES_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Retention: what channels sent, milliseconds (30 days).
pub const KEEP_INBOX_BODIES_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Retention: ids of what channels sent, milliseconds (180 days).
pub const KEEP_INBOX_IDS_MS: i64 = 180 * 24 * 60 * 60 * 1_000;
/// A delivery of a channel, bytes.
pub const INTAKE_BYTES_MAX: usize = 256 << 10;
/// How far the clock of a channel may be from ours, seconds.
pub const INTAKE_AGE_S_MAX: i64 = 5 * 60;
/// A channel's own id of an order or an event, characters.
pub const FOREIGN_ID_CHARS_MAX: usize = 128;
/// Channels of a hub.
pub const CHANNELS_MAX: usize = 100;
/// Live secrets of a channel while one replaces the other.
pub const CHANNEL_SECRETS_MAX: usize = 2;
/// How long a replaced secret of a channel stays good, milliseconds (24 hours).
pub const CHANNEL_SECRET_OVERLAP_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long an endpoint may fail before its channel is switched off, milliseconds (5 days).
pub const CHANNEL_FAILING_MS_MAX: i64 = 5 * 24 * 60 * 60 * 1_000;

/// How deep the brackets of a JSON text are nested, outside of its strings.
pub fn json_depth(bytes: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !in_text => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::json_depth;

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        assert_eq!(json_depth(b"[[{\"a\":\"[[[[\\\"[\"}]]"), 3);
        assert_eq!(json_depth(b"]]]][\"\\"), 1);
    }
}
