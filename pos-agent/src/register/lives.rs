//! What the store is told when its journal was put back or copied, and what it does not do then.
//!
//! Invariant: no receipt number is given while the hub may know later ones; the goods of a sale
//! that is refused for it stay on the ticket.

use oneshelf_domain::{IncarnationId, Timestamp};
use oneshelf_sync::agent::Note;
use serde_json::{Value, json};

use super::{Answer, Core, Refused, Shared};
use crate::clock;
use crate::journal::{Fault, Keep, Past, PastKind};

/// How long people are shown that it happened, milliseconds (a day).
const SHOWN_MS: i64 = 24 * 60 * 60 * 1_000;

/// What became of this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LifeView {
    pub past: Option<Past>,
    /// The life before the present one.
    pub follows: Option<IncarnationId>,
    /// This store's agent lived on since; a manager's yes is waited for.
    pub waits: bool,
    /// No payment is taken.
    pub numbers_unknown: bool,
}

impl LifeView {
    /// The backup that it was put back to is what the agent lived on from; else it is a copy, or
    /// was put back by other means, and cannot say which.
    fn is_put_back(&self) -> bool {
        let restored = |p: Past| p.kind == PastKind::Restored && Some(p.life) == self.follows;
        self.past.is_some_and(restored)
    }

    /// As `GET /api/state` answers.
    pub(super) fn value(&self, now: Timestamp) -> Value {
        let recent = |past: &Past| self.numbers_unknown || now.ms_since(past.at) < SHOWN_MS;
        let past = self.past.filter(recent);
        let state = match past {
            _ if self.waits => "waits",
            Some(past) => past.kind.name(),
            None => "sound",
        };
        json!({
            "state": state, "since": past.map(|p| p.at), "life": past.map(|p| p.life),
            "may_pay": !self.numbers_unknown, "put_back": self.is_put_back(),
        })
    }
}

/// What is stored with the step that these notes are of.
pub(super) fn to_keep(notes: &[Note]) -> Vec<Keep> {
    let forked = notes.iter().filter_map(|note| match note {
        Note::Forked(life) => Some(Keep::Forked(*life, clock::now())),
        Note::Waits(life) => Some(Keep::HeldBack(*life, clock::now())),
        _ => None,
    });
    forked.collect()
}

impl Core {
    /// The hub said that this life was lived twice. It is kept already.
    pub(super) async fn forked(&mut self, life: IncarnationId) -> Result<(), Fault> {
        tracing::error!(
            %life,
            "this journal was put back or copied without being told: a new life begins with no \
             share; what the old one held is in doubt at the hub until somebody counts the shelf"
        );
        self.doubted().await
    }

    /// The hub said that this store's agent lived on since. It is kept already.
    pub(super) async fn held_back(&mut self, life: IncarnationId) -> Result<(), Fault> {
        tracing::error!(
            %life,
            "this store's agent lived on since the state that is here: another machine speaks as \
             it, or this one was put back to an older backup. No payment is taken until a manager \
             lets it go on at the hub (hub enrol copies)"
        );
        self.doubted().await
    }

    async fn doubted(&mut self) -> Result<(), Fault> {
        self.numbers_unknown = true;
        self.shared.read_past().await?;
        self.show_life();
        Ok(())
    }

    /// The hub said its last receipt numbers: ours go on behind them.
    pub(super) async fn take_numbers(&mut self, last: &[(String, i64)]) -> Result<(), Fault> {
        let Some(identity) = self.shared.identity() else { return Ok(()) };
        match self.writer.numbers_known(&identity.location, last).await {
            Ok(raised) => {
                for (register, last) in raised {
                    tracing::warn!(%register, last, "the hub has later receipts of this register");
                }
                self.numbers_unknown = false;
                self.show_life();
                Ok(())
            }
            Err(fault) => {
                self.doubt(&fault);
                Err(fault)
            }
        }
    }

    /// Publishes it.
    pub(super) fn show_life(&self) {
        let (waits, numbers_unknown) = (self.agent.waits(), self.numbers_unknown);
        let follows = self.agent.life().follows;
        self.shared.life.send_if_modified(|view| {
            let next = LifeView { follows, waits, numbers_unknown, ..*view };
            std::mem::replace(view, next) != next
        });
    }

    /// A refusal while receipt numbers may be out there that are not known here.
    pub(super) fn may_number(&self) -> Answer<()> {
        if !self.numbers_unknown {
            return Ok(());
        }
        let detail = match self.agent.waits() {
            true if self.shared.life.borrow().is_put_back() => {
                "This register was put back to a backup, and its store's agent lived on since. \
                 Nothing was booked. Ask a manager to let it go on at the hub, or use the machine \
                 that sells as this store, where there is one."
            }
            true => {
                "This machine is a copy of another one, or was put back to an earlier state. \
                 Nothing was booked. Use the one that sells as this store, or ask a manager to let \
                 this one go on at the hub."
            }
            false => {
                "This register was put back to an earlier state and must hear from the hub once, \
                 so that no receipt number comes twice. Nothing was booked; the ticket stays."
            }
        };
        Err(Refused::new(409, "receipt_numbers_unknown", detail))
    }
}

impl Shared {
    /// Reads what became of the database.
    pub(super) async fn read_past(&self) -> Result<(), Fault> {
        let past = self.reads.past().await?;
        self.life.send_modify(|view| view.past = past);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_happened_is_shown_for_a_day_and_for_as_long_as_nothing_is_paid() {
        let at = Timestamp(1_000_000);
        let life = IncarnationId(Uuid::from_u128(7));
        let past = Some(Past { kind: PastKind::Restored, at, life });
        let view = LifeView { past, ..LifeView::default() };
        let state = |view: LifeView, ms: i64| view.value(at.plus_ms(ms))["state"].clone();
        assert_eq!(state(LifeView::default(), 0), "sound");
        assert_eq!(state(view, SHOWN_MS - 1), "restored");
        assert_eq!(state(view, SHOWN_MS), "sound");
        assert_eq!(state(LifeView { numbers_unknown: true, ..view }, SHOWN_MS), "restored");
        assert_eq!(state(LifeView { waits: true, ..view }, SHOWN_MS), "waits");
    }

    #[test]
    fn it_was_put_back_when_the_present_life_follows_that_of_the_backup() {
        let (at, life) = (Timestamp(1_000_000), IncarnationId(Uuid::from_u128(7)));
        let put_back = |kind, follows: u128| {
            let follows = Some(IncarnationId(Uuid::from_u128(follows)));
            let past = Some(Past { kind, at, life });
            let view = LifeView { past, follows, waits: true, ..LifeView::default() };
            view.value(at)["put_back"].clone()
        };
        assert_eq!(put_back(PastKind::Restored, 7), true);
        assert_eq!(put_back(PastKind::Restored, 8), false, "it lived on since");
        assert_eq!(put_back(PastKind::Copied, 7), false);
        assert_eq!(LifeView::default().value(at)["put_back"], false);
    }
}
