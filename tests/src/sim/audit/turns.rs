//! Whose units go first when a register sells what was promised: what was given up, then what
//! nobody has paid for, then the orders (shares.md section 4). Picked goods never.

use std::collections::BTreeMap;

use super::{Auditor, Books, Claim, Id};

/// When the units of a claim are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// It was given up.
    GivenUp,
    /// Nobody has paid.
    Unpaid,
    /// It is an order.
    Paid,
    /// It was taken from the shelf, or left.
    Never,
}

/// What orders lacked at the last look.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    epoch: i64,
    version: i64,
    /// Units that orders lack: of an order, at a place, of an item.
    short: BTreeMap<(Id, usize, usize), i64>,
}

impl Auditor {
    /// A sale that made an order short left nothing to those whose turn was before. Looked at where
    /// a look saw the versions before and after it: in between more may have happened.
    pub(super) fn unpaid_first(&mut self, books: &Books) -> Result<(), String> {
        let paid = |c: &&Claim| c.turn == Turn::Paid;
        let lines =
            books.claims.iter().filter(paid).flat_map(|c| c.lines.iter().map(|l| (c.id, l)));
        let mut short = BTreeMap::new();
        for (id, (place, item, _, lacks)) in lines {
            *short.entry((id, *place, *item)).or_default() += lacks;
        }
        let now = Turns { epoch: books.epoch, version: books.version, short };
        let then = std::mem::replace(&mut self.turns, now);
        if (then.epoch, then.version + 1) != (books.epoch, books.version) {
            return Ok(());
        }
        let sold = self.booked.get(&books.version).is_some_and(|(_, act)| act.kind == "sale");
        if !sold {
            return Ok(());
        }
        for ((id, place, item), lacks) in &self.turns.short {
            let known = then.short.get(&(*id, *place, *item));
            if known.is_none_or(|before| before >= lacks) {
                continue;
            }
            let here = |c: &&Claim| {
                let mut lines = c.lines.iter();
                lines.any(|(at, of, n, short)| (at, of) == (place, item) && n > short)
            };
            let spared = books.claims.iter().filter(|c| c.turn < Turn::Paid).find(here);
            if let Some(spared) = spared {
                return Err(format!("{id:x} was paid for and lost its units before {spared:?}"));
            }
        }
        Ok(())
    }
}
