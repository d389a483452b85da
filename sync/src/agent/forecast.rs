//! What the store shows of an item: the hub's rows, then its own facts that those rows do not
//! include, decided again on top by the same rules.
//!
//! Here an own fact's movements are a forecast; the hub's are the record. The share itself is the
//! agent's own record and needs no forecast.

use oneshelf_domain::stock::{
    ArrivedLine, At, Change, Command, FactBody, InSource, Incarnation, ItemNo, Key, Lease,
    LocationNo, Place, Reservation, ReservationLine, ReservationState, SaleLine, Share, State,
    Stock, StockKey, Transfer, Version, decide,
};
use oneshelf_domain::{CommandId, IncarnationId, ReservationId, Sku, Timestamp};
use oneshelf_protocol::frame::{ArrivedUnits, Body, Fact};
use oneshelf_protocol::replica::Row;
use uuid::Uuid;

const ITEM: ItemNo = ItemNo(1);
const HERE: LocationNo = LocationNo(1);
const KEY: StockKey = StockKey { item: ITEM, location: HERE };
/// Any other place: where goods go that leave for one.
const AWAY: LocationNo = LocationNo(2);
const SESSION: Lease = Lease { epoch: 1, number: 1 };

/// The stock of one item as the store should show it. `rows` are the copy's rows about the item
/// ([`Row::Stock`] and [`Row::Reservation`]), `facts` the own facts after `applied` that name it,
/// oldest first.
pub fn forecast(sku: &Sku, rows: &[Row], facts: &[Fact]) -> Stock {
    let mut state = State::default();
    let mut stock = Stock::default();
    for row in rows {
        match row {
            Row::Stock { sku: of, balances, short } if of == sku => {
                stock.balances = *balances;
                stock.short = *short;
            }
            Row::Reservation { id, state: name, lines, expires_at, to } => {
                let leaves = to.is_some();
                put_reservation(&mut state, sku, (*id, leaves), name, lines, *expires_at);
            }
            _ => {}
        }
    }
    state.put_stock(KEY, stock);
    state.put_stock(StockKey { item: ITEM, location: AWAY }, Stock::default());
    let lists = [Key::OpenReservations(KEY), Key::SharesAt(KEY), Key::IncarnationsAt(HERE)];
    lists.into_iter().for_each(|k| state.loaded(k));
    let me = IncarnationId(Uuid::from_u128(1));
    // The hub's view of the share is what its bucket holds.
    let share = Share { granted: stock.at(Place::StoreShare), ..Share::default() };
    state.put_share(KEY, me, share);
    for (at, fact) in facts.iter().enumerate() {
        let Some(body) = about(sku, &fact.body) else { continue };
        apply(&mut state, me, at, fact, body);
    }
    state.stock(KEY).unwrap_or(stock)
}

fn put_reservation(
    state: &mut State,
    sku: &Sku,
    (id, leaves): (ReservationId, bool),
    name: &str,
    lines: &[(Sku, i64, i64)],
    expires_at: Option<Timestamp>,
) {
    let Some(name) = ReservationState::from_name(name) else { return };
    if name == ReservationState::InTransit {
        return; // it has left
    }
    let line = |(_, quantity, short): &(Sku, i64, i64)| ReservationLine {
        item: ITEM,
        location: HERE,
        quantity: *quantity,
        short: *short,
        kit: None,
    };
    let reservation = Reservation {
        id,
        state: name,
        lines: lines.iter().filter(|(of, _, _)| of == sku).map(line).collect(),
        expires_at,
        channel: None,
        shopper: None,
        address: None,
        reference: None,
        // Of a transfer leaves what is given, whatever was asked for.
        transfer: leaves.then_some(Transfer { from: HERE, to: AWAY, via: AWAY }),
        created: Version(0),
        version: Version(0),
    };
    state.put_reservation(id, Some(reservation));
}

/// The part of a fact that concerns one item.
fn about(sku: &Sku, body: &Body) -> Option<FactBody> {
    match body {
        Body::Sale { lines, .. } => {
            let mine = lines.iter().filter(|l| l.sku == *sku);
            let lines: Vec<SaleLine> =
                mine.map(|l| SaleLine { item: ITEM, share: l.share, beyond: l.beyond }).collect();
            (!lines.is_empty()).then_some(FactBody::Sale { lines, document: None })
        }
        Body::In { sku: of, quantity, to_share, source } if of == sku => Some(FactBody::In {
            item: ITEM,
            quantity: *quantity,
            to_share: *to_share,
            source: InSource::clone(source),
        }),
        Body::Back { sku: of, quantity } if of == sku => {
            Some(FactBody::Back { item: ITEM, quantity: *quantity })
        }
        Body::Count { sku: of, found, from_share } if of == sku => {
            Some(FactBody::Count { item: ITEM, found: *found, from_share: *from_share })
        }
        Body::Handover { reservation, lines } => {
            let mine = lines.iter().filter(|(of, _)| of == sku);
            let lines: Vec<(ItemNo, i64)> = mine.map(|(_, n)| (ITEM, *n)).collect();
            (!lines.is_empty()).then_some(FactBody::Handover { reservation: *reservation, lines })
        }
        Body::Released { reservation, lines } if lines.iter().any(|(of, _)| of == sku) => {
            // What it frees is what the rows say that it holds.
            Some(FactBody::Released { reservation: *reservation, lines: vec![] })
        }
        // Here it is known of no transfer: goods that leave are gone, goods that come are there.
        Body::Sent { to, lines, .. } => {
            let mine = lines.iter().filter(|(of, _)| of == sku);
            let lines: Vec<(ItemNo, i64)> = mine.map(|(_, n)| (ITEM, *n)).collect();
            (!lines.is_empty()).then_some(FactBody::Sent { to: to.clone(), via: None, lines })
        }
        Body::Arrived { transfer, lines, close } => {
            let mine = lines.iter().filter(|l| l.sku == *sku);
            let line =
                |l: &ArrivedUnits| ArrivedLine { item: ITEM, good: l.good, damaged: l.damaged };
            let lines: Vec<ArrivedLine> = mine.map(line).collect();
            let fact = FactBody::Arrived { transfer: *transfer, lines, close: *close };
            Some(fact).filter(|f| matches!(f, FactBody::Arrived { lines, .. } if !lines.is_empty()))
        }
        _ => None,
    }
}

fn apply(state: &mut State, me: IncarnationId, at: usize, fact: &Fact, body: FactBody) {
    let seq = i64::try_from(at).unwrap_or(i64::MAX - 1) + 1;
    // Facts of other items are left out, so each is made to follow the one before it.
    let incarnation = Incarnation {
        id: me,
        location: HERE,
        agent: None,
        follows: None,
        retired: false,
        forked: false,
        closed: false,
        last: seq - 1,
        head: None,
        lease: SESSION,
        answer: Lease::default(),
        behind: false,
        used: vec![],
        created: Version(0),
    };
    state.put_incarnation(me, Some(incarnation));
    if let FactBody::Handover { reservation, .. }
    | FactBody::Released { reservation, .. }
    | FactBody::Arrived { transfer: reservation, .. } = &body
        && !state.has(&Key::Reservation(*reservation))
    {
        state.put_reservation(*reservation, None);
    }
    let command = Command::Fact {
        location: HERE,
        session: SESSION,
        incarnation: me,
        seq,
        prev: None,
        granted: vec![],
        occurred_at: fact.occurred_at,
        body,
    };
    let moment = At {
        now: fact.occurred_at,
        version: Version(seq),
        command: CommandId(Uuid::from_u128(1)),
        epoch: SESSION.epoch,
    };
    if let Ok(mut decision) = decide(state, &command, &moment) {
        decision.changes.retain(|c| !matches!(c, Change::Incarnation(_)));
        state.apply(&decision, moment.version);
    }
}
