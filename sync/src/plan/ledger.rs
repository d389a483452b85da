//! The hash chain: each version's row carries the hash of the one before.
//!
//! The hash covers every column of the ledger row and all its movements, so that a row changed,
//! taken out or put in later shows in every hash behind it.

use oneshelf_domain::stock::{Command, Decision, Movement, Version};
use oneshelf_domain::{CommandId, Timestamp};
use sha2::{Digest, Sha256};

use super::Submission;
use super::fingerprint::hex;

/// What stands before the first row.
pub const FIRST_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// Gapless, from 1.
    pub version: Version,
    /// Which command.
    pub command: CommandId,
    /// Its kind, as in its JSON.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// For whom.
    pub on_behalf_of: Option<String>,
    /// The caller's number.
    pub reference: Option<String>,
    /// The sender's claim, for facts.
    pub occurred_at: Option<Timestamp>,
    /// The hub's time.
    pub recorded_at: Timestamp,
    /// Of the command.
    pub fingerprint: String,
    /// In order.
    pub movements: Vec<Movement>,
    /// Hex.
    pub hash: String,
}

/// The name of a command's kind, as in its JSON.
pub const fn kind(command: &Command) -> &'static str {
    match command {
        Command::PutItem { .. } => "put_item",
        Command::NameItem { .. } => "name_item",
        Command::RetireItem { .. } => "retire_item",
        Command::PutPrices { .. } => "put_prices",
        Command::SetPrice { .. } => "set_price",
        Command::PutRecord { .. } => "put_record",
        Command::RemoveRecord { .. } => "remove_record",
        Command::Redeem { .. } => "redeem",
        Command::OnlyIf { change, .. } => kind(change),
        Command::Receive { .. } => "receive",
        Command::ReturnGoods { .. } => "return_goods",
        Command::Adjust { .. } => "adjust",
        Command::Count { .. } => "count",
        Command::Reserve { .. } => "reserve",
        Command::Commit { .. } => "commit",
        Command::Release { .. } => "release",
        Command::Expire { .. } => "expire",
        Command::Pick { .. } => "pick",
        Command::HandOver { .. } => "hand_over",
        Command::Transfer { .. } => "transfer",
        Command::ReceiveTransfer { .. } => "receive_transfer",
        Command::Hello { .. } => "hello",
        Command::Ask { .. } => "ask",
        Command::GrantByPolicy { .. } => "grant_by_policy",
        Command::RetireAgent { .. } => "retire_agent",
        Command::Fact { .. } => "fact",
        Command::BookRejected { .. } => "book_rejected",
    }
}

impl LedgerRow {
    pub(super) fn of(
        submission: &Submission,
        fingerprint: &str,
        decision: &Decision,
        version: Version,
        now: Timestamp,
        before: &str,
    ) -> Self {
        let (reference, occurred_at) = match &submission.command {
            Command::Reserve { reference, .. }
            | Command::Receive { reference, .. }
            | Command::Transfer { reference, .. } => (reference.clone(), None),
            Command::Adjust { note, .. } => (note.clone(), None),
            Command::Fact { occurred_at, .. } | Command::BookRejected { occurred_at, .. } => {
                (None, Some(*occurred_at))
            }
            _ => (None, None),
        };
        let mut row = Self {
            version,
            command: submission.id,
            kind: kind(&submission.command).to_owned(),
            actor: submission.actor.clone(),
            on_behalf_of: submission.on_behalf_of.clone(),
            reference,
            occurred_at,
            recorded_at: now,
            fingerprint: fingerprint.to_owned(),
            movements: decision.movements.clone(),
            hash: String::new(),
        };
        row.hash = row.expected_hash(before);
        row
    }

    /// The hash that this row must carry behind another.
    pub fn expected_hash(&self, before: &str) -> String {
        let mut hasher = Sha256::new();
        // Lengths in front, so that no two rows read alike.
        let mut text = |t: &str| {
            hasher.update((t.len() as u64).to_be_bytes());
            hasher.update(t.as_bytes());
        };
        text(before);
        text(&self.command.to_string());
        text(&self.kind);
        text(&self.actor);
        text(self.on_behalf_of.as_deref().unwrap_or("\0"));
        text(self.reference.as_deref().unwrap_or("\0"));
        text(&self.fingerprint);
        let mut number = |n: i64| hasher.update(n.to_be_bytes());
        number(self.version.0);
        number(self.occurred_at.map_or(i64::MIN, |t| t.0));
        number(self.recorded_at.0);
        number(i64::try_from(self.movements.len()).unwrap_or(i64::MAX));
        for m in &self.movements {
            for n in [
                m.item.0,
                m.from.location.0,
                m.from.place.index() as i64,
                m.to.location.0,
                m.to.place.index() as i64,
                m.quantity,
                m.from_after,
                m.to_after,
            ] {
                hasher.update(n.to_be_bytes());
            }
            hasher.update(m.reason.name().as_bytes());
            hasher.update(m.reservation.map_or([0; 16], |r| *r.0.as_bytes()));
        }
        hex(&hasher.finalize())
    }
}
