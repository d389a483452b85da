//! From frames, which name items by SKU, to commands, which name them by number.
//!
//! The shell looks the SKUs up first and makes a placeholder item for each that a fact names and
//! the hub does not know: goods that were sold are booked, whatever the catalogue says.

use std::collections::BTreeMap;

use oneshelf_domain::code::plain_text;
use oneshelf_domain::stock::{
    ArrivedLine, Command, FactBody, ItemNo, Lease, LocationNo, SaleApproval, SaleDocument,
    SaleLine, SaleTender, SoldKit, Version,
};
use oneshelf_domain::{AgentId, CommandId, IncarnationId, Sku, Timestamp, limits};
use oneshelf_protocol::frame::{Body, Fact, Sale, Total, Up};
use serde::Deserialize;

/// A receipt number, or a part of it, characters.
const RECEIPT_CHARS_MAX: usize = 64;

/// The SKUs that a frame names.
pub fn skus(up: &Up) -> Vec<Sku> {
    let mut skus = match up {
        Up::Hello { granted, .. } => names(granted),
        Up::Ask { sku, .. } => vec![sku.clone()],
        Up::Fact { fact, .. } => {
            let mut skus = names(&fact.granted);
            skus.extend(of_body(&fact.body));
            skus
        }
        Up::Pong { .. } | Up::Cursor { .. } => vec![],
    };
    skus.sort();
    skus.dedup();
    skus
}

fn names(totals: &[Total]) -> Vec<Sku> {
    totals.iter().map(|(sku, _)| sku.clone()).collect()
}

fn of_body(body: &Body) -> Vec<Sku> {
    match body {
        Body::Sale { lines, sale } => {
            let split = lines.iter().map(|l| l.sku.clone());
            let parts = sale.lines.iter().flat_map(|l| names(&l.components));
            split.chain(sale.lines.iter().map(|l| l.sku.clone())).chain(parts).collect()
        }
        Body::In { sku, .. } | Body::Back { sku, .. } | Body::Count { sku, .. } => {
            vec![sku.clone()]
        }
        Body::Handover { lines, .. } | Body::Released { lines, .. } => names(lines),
        Body::Sent { lines, .. } => names(lines),
        Body::Arrived { lines, .. } => lines.iter().map(|l| l.sku.clone()).collect(),
        Body::Close { left } => names(left),
    }
}

/// The command of a frame; none for frames that are none, or that name an unknown item.
pub fn command(
    up: &Up,
    agent: AgentId,
    location: LocationNo,
    numbers: &BTreeMap<Sku, ItemNo>,
) -> Option<Command> {
    let totals = |list: &[Total]| -> Option<Vec<(ItemNo, i64)>> {
        list.iter().map(|(sku, n)| Some((*numbers.get(sku)?, *n))).collect()
    };
    match up {
        Up::Hello { incarnation, follows, lease, nonce, last, granted, cursor, .. } => {
            Some(Command::Hello {
                agent,
                location,
                incarnation: *incarnation,
                follows: *follows,
                lease: *lease,
                nonce: *nonce,
                last: *last,
                granted: totals(granted)?,
                copy: (cursor.epoch, Version(cursor.version)),
            })
        }
        Up::Ask { session, incarnation, sku, want } => Some(Command::Ask {
            location,
            incarnation: *incarnation,
            session: *session,
            item: *numbers.get(sku)?,
            want: *want,
        }),
        Up::Fact { session, fact } => Some(Command::Fact {
            location,
            session: *session,
            incarnation: fact.incarnation,
            seq: fact.seq,
            prev: fact.prev_id,
            granted: totals(&fact.granted)?,
            occurred_at: fact.occurred_at,
            body: body(fact, numbers)?,
        }),
        Up::Pong { .. } | Up::Cursor { .. } => None,
    }
}

fn body(fact: &Fact, numbers: &BTreeMap<Sku, ItemNo>) -> Option<FactBody> {
    let no = |sku: &Sku| numbers.get(sku).copied();
    let totals = |list: &[Total]| -> Option<Vec<(ItemNo, i64)>> {
        list.iter().map(|(sku, n)| Some((no(sku)?, *n))).collect()
    };
    Some(match &fact.body {
        Body::Sale { lines, sale } => FactBody::Sale {
            lines: lines
                .iter()
                .map(|l| Some(SaleLine { item: no(&l.sku)?, share: l.share, beyond: l.beyond }))
                .collect::<Option<_>>()?,
            document: Some(Box::new(document(sale, numbers)?)),
        },
        Body::In { sku, quantity, to_share, source } => FactBody::In {
            item: no(sku)?,
            quantity: *quantity,
            to_share: *to_share,
            source: *source,
        },
        Body::Back { sku, quantity } => FactBody::Back { item: no(sku)?, quantity: *quantity },
        Body::Count { sku, found, from_share } => {
            FactBody::Count { item: no(sku)?, found: *found, from_share: *from_share }
        }
        Body::Handover { reservation, lines } => {
            FactBody::Handover { reservation: *reservation, lines: totals(lines)? }
        }
        Body::Released { reservation, lines } => {
            FactBody::Released { reservation: *reservation, lines: totals(lines)? }
        }
        Body::Sent { to, via, lines } => {
            FactBody::Sent { to: to.clone(), via: via.clone(), lines: totals(lines)? }
        }
        Body::Arrived { transfer, lines, close } => FactBody::Arrived {
            transfer: *transfer,
            lines: lines
                .iter()
                .map(|l| Some(ArrivedLine { item: no(&l.sku)?, good: l.good, damaged: l.damaged }))
                .collect::<Option<_>>()?,
            close: *close,
        },
        Body::Close { left } => FactBody::Close { left: totals(left)? },
    })
}

/// Texts come from a store's disk: a database must be able to keep them.
fn document(sale: &Sale, numbers: &BTreeMap<Sku, ItemNo>) -> Option<SaleDocument> {
    Some(SaleDocument {
        id: sale.id,
        receipt_number: plain_text(&sale.receipt_number, RECEIPT_CHARS_MAX),
        register: plain_text(&sale.register, RECEIPT_CHARS_MAX),
        number: sale.number,
        cashier: plain_text(&sale.cashier, limits::NAME_CHARS_MAX),
        currency: sale.total.currency.to_string(),
        total_minor: sale.total.minor,
        change_minor: sale.change.minor,
        tenders: sale
            .tenders
            .iter()
            .map(|t| SaleTender {
                kind: plain_text(&t.kind, RECEIPT_CHARS_MAX),
                given_minor: t.given.minor,
            })
            .collect(),
        lines: sale
            .lines
            .iter()
            .map(|l| {
                let no = *numbers.get(&l.sku)?;
                Some((no, l.quantity.units(), l.unit_price.minor, l.total.minor))
            })
            .collect::<Option<_>>()?,
        kits: kits(sale, numbers)?,
        approval: sale.approval.as_ref().map(|approval| SaleApproval {
            by: plain_text(&approval.by, limits::NAME_CHARS_MAX),
            reason: plain_text(&approval.reason, limits::NOTE_CHARS_MAX),
        }),
    })
}

fn kits(sale: &Sale, numbers: &BTreeMap<Sku, ItemNo>) -> Option<Vec<SoldKit>> {
    let kits = sale.lines.iter().enumerate().filter(|(_, l)| !l.components.is_empty());
    kits.map(|(line, l)| {
        let parts = l.components.iter().map(|(sku, each)| Some((*numbers.get(sku)?, *each)));
        Some(SoldKit { line, parts: parts.collect::<Option<_>>()? })
    })
    .collect()
}

/// What can be read of a fact whose body cannot.
#[derive(Debug, Clone, Deserialize)]
pub struct Unreadable {
    /// Of the session that sent it.
    pub session: Lease,
    /// Its head.
    pub fact: UnreadableFact,
}

/// The head of a fact.
#[derive(Debug, Clone, Deserialize)]
pub struct UnreadableFact {
    /// Its id.
    pub command_id: CommandId,
    /// Whose log.
    pub incarnation: IncarnationId,
    /// Place there.
    pub seq: i64,
    /// The fact before it.
    pub prev_id: Option<CommandId>,
    /// The agent's clock; the beginning of time when that cannot be read either.
    #[serde(default = "unknown", deserialize_with = "if_readable")]
    pub occurred_at: Timestamp,
}

fn unknown() -> Timestamp {
    Timestamp(0)
}

fn if_readable<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Timestamp, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(serde_json::from_value(value).unwrap_or_else(|_| unknown()))
}

impl Unreadable {
    /// The head of a fact that can be read.
    pub fn of(session: Lease, fact: &Fact) -> Self {
        let fact = UnreadableFact {
            command_id: fact.command_id,
            incarnation: fact.incarnation,
            seq: fact.seq,
            prev_id: fact.prev_id,
            occurred_at: fact.occurred_at,
        };
        Self { session, fact }
    }
}

/// The command that books late what a fact says, after a look at the shelf; none when it names an
/// item that is not there.
pub fn late(
    fact: &Fact,
    location: LocationNo,
    as_of: Version,
    numbers: &BTreeMap<Sku, ItemNo>,
) -> Option<Command> {
    Some(Command::BookRejected {
        location,
        incarnation: fact.incarnation,
        seq: fact.seq,
        occurred_at: fact.occurred_at,
        as_of,
        body: body(fact, numbers)?,
    })
}

/// The command of a fact that will not be booked, as its body cannot be read or it was refused:
/// its seq moves on, nothing is booked, and the frame is kept for somebody to look at.
pub fn rejected(unreadable: &Unreadable, location: LocationNo, code: &str) -> Command {
    let code: String = code.chars().take(limits::NAME_CHARS_MAX).collect();
    Command::Fact {
        location,
        session: unreadable.session,
        incarnation: unreadable.fact.incarnation,
        seq: unreadable.fact.seq,
        prev: unreadable.fact.prev_id,
        granted: vec![],
        occurred_at: unreadable.fact.occurred_at,
        body: FactBody::Unreadable { code, id: unreadable.fact.command_id },
    }
}
