//! The customer display: a page that shows a register's ticket to who pays it.
//!
//! A signed-in cashier makes a key that opens one display, once, within ten minutes; the browser
//! that brings it gets a token of its own, good for that register until another display is opened
//! or it is closed. The token shows the ticket and allows nothing. Invariant: a display learns
//! names, quantities and sums; never who sells, who buys, or what the store has.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oneshelf_domain::item::Unit;
use oneshelf_domain::money::Money;
use oneshelf_domain::ticket::{Ticket, TicketLine};
use oneshelf_domain::{LocationCode, RegisterCode, StaffCode};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Answer, Core, Front, Refused, Session};
use crate::clock;
use crate::events::Event;
use crate::journal::Keep;

/// How long a key opens a display.
const KEY_MAX: Duration = Duration::from_secs(10 * 60);
/// Keys at once.
const KEYS_MAX: usize = 16;
/// How long the thanks after a sale are shown.
const THANKS: Duration = Duration::from_secs(20);

struct Key {
    hash: String,
    register: RegisterCode,
    staff: StaffCode,
    until: Instant,
}

/// What a shopper paid.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Paid {
    pub total: Money,
    pub given: Money,
    pub change: Money,
}

/// Keys that open displays, how many look, and what was paid a moment ago.
#[derive(Default)]
pub(crate) struct Displays {
    keys: Mutex<Vec<Key>>,
    looking: Mutex<BTreeMap<RegisterCode, usize>>,
    paid: Mutex<BTreeMap<RegisterCode, (Instant, Paid)>>,
}

/// Counts a display for as long as it looks.
pub(crate) struct Looking<'a>(&'a Front, RegisterCode);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.shared.displays.count(&self.1, |n| n.saturating_sub(1));
        self.0.shared.events.push(Event::devices());
    }
}

impl Displays {
    fn count(&self, register: &RegisterCode, change: impl FnOnce(usize) -> usize) -> usize {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let n = looking.entry(register.clone()).or_default();
        *n = change(*n);
        *n
    }

    fn put_key(&self, key: Key) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|k| k.until > Instant::now());
        if keys.len() >= KEYS_MAX {
            keys.remove(0);
        }
        keys.push(key);
    }

    fn take_key(&self, hash: &str) -> Option<Key> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|k| k.until > Instant::now());
        let at = keys.iter().position(|k| k.hash == hash)?;
        Some(keys.remove(at))
    }

    fn last_paid(&self, register: &RegisterCode) -> Option<Paid> {
        let paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        paid.get(register).filter(|(at, _)| at.elapsed() < THANKS).map(|(_, paid)| paid.clone())
    }

    pub(super) fn put_paid(&self, register: &RegisterCode, paid: Paid) {
        let mut all = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(register.clone(), (Instant::now(), paid));
    }
}

fn hash_of(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn token() -> Answer<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| Refused::internal(&e))?;
    Ok(hex::encode(bytes))
}

/// A line as its buyer sees it.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    options: Option<String>,
    unit: Unit,
    quantity: i64,
    unit_price: Money,
    total: Money,
}

impl Line {
    fn of(line: &TicketLine) -> Answer<Self> {
        Ok(Self {
            name: line.name.clone(),
            options: line.options.clone(),
            unit: line.unit,
            quantity: line.quantity,
            unit_price: line.unit_price,
            total: line.total()?,
        })
    }
}

impl Front {
    /// A key for a new display of this cashier's register.
    pub(crate) fn display_key(&self, who: &Session) -> Answer<String> {
        let key = token()?;
        self.shared.displays.put_key(Key {
            hash: hash_of(&key),
            register: who.register.clone(),
            staff: who.staff.clone(),
            until: Instant::now() + KEY_MAX,
        });
        Ok(key)
    }

    /// A browser brings a key: it becomes the register's display, and gets its token.
    pub(crate) async fn claim_display(&self, key: &str) -> Answer<String> {
        let Some(found) = self.shared.displays.take_key(&hash_of(key)) else {
            let detail = "This key opens no display any more. Make one on the register's page.";
            return Err(Refused::new(403, "display_key_wrong", detail));
        };
        let token = token()?;
        let keep = Keep::Display {
            register: found.register.clone(),
            token_hash: hash_of(&token),
            by: found.staff,
            at: clock::now(),
        };
        self.core().await?.perform(Default::default(), vec![keep]).await?;
        self.shared.events.push(Event::DisplayEnded(found.register));
        self.shared.events.push(Event::devices());
        Ok(token)
    }

    /// This register's display sees nothing any more.
    pub(crate) async fn close_display(&self, who: &Session) -> Answer<()> {
        let keep = Keep::DisplayGone(who.register.clone());
        self.core().await?.perform(Default::default(), vec![keep]).await?;
        self.shared.events.push(Event::DisplayEnded(who.register.clone()));
        self.shared.events.push(Event::devices());
        Ok(())
    }

    /// The register that a display's token is for.
    pub(crate) async fn display(&self, token: Option<&str>) -> Answer<RegisterCode> {
        let register = match token {
            Some(token) => self.shared.reads.display(&hash_of(token)).await?,
            None => None,
        };
        register.ok_or_else(|| {
            let detail = "This browser is no register's display. Open it on the register's page.";
            Refused::new(401, "no_display", detail)
        })
    }

    /// Counts a display as looking until it is dropped.
    pub(crate) fn look(&self, register: &RegisterCode) -> Looking<'_> {
        self.shared.displays.count(register, |n| n + 1);
        self.shared.events.push(Event::devices());
        Looking(self, register.clone())
    }

    /// What the register's display shows now.
    pub(crate) async fn display_now(&self, register: &RegisterCode) -> Answer<Value> {
        let core = self.core().await?;
        self.shown_to_customer(register, core.tickets.get(register))
    }

    /// For the devices page.
    pub(super) async fn display_state(&self, register: &RegisterCode) -> Answer<Value> {
        let since = self.shared.reads.display_of(register).await?;
        let looking = self.shared.displays.count(register, |n| n);
        let state = match (since, looking) {
            (None, _) => "none",
            (Some(_), 0) => "away",
            (Some(_), _) => "showing",
        };
        Ok(json!({"state": state, "since": since}))
    }

    fn shown_to_customer(&self, register: &RegisterCode, ticket: Option<&Ticket>) -> Answer<Value> {
        let records = self.shared.records();
        let identity = self.shared.identity();
        let code = identity.as_ref().and_then(|i| LocationCode::new(&i.location).ok());
        let location = code.as_ref().and_then(|c| records.location(c));
        let lines = ticket.map_or(&[][..], |t| &t.lines);
        let total = ticket.map(Ticket::total).transpose()?;
        let paid = lines.is_empty().then(|| self.shared.displays.last_paid(register)).flatten();
        Ok(json!({
            "kind": "display",
            "shop": records.shop().map_or("", |s| s.name.as_str()),
            "location": location.map_or("", |l| l.name.as_str()),
            "lines": lines.iter().map(Line::of).collect::<Answer<Vec<_>>>()?,
            "pieces": ticket.map_or(0, Ticket::pieces),
            "total": total,
            "paid": paid,
        }))
    }

    /// Tells the register's display of its ticket.
    pub(super) fn show_customer(&self, core: &Core, register: &RegisterCode) {
        // One that comes later asks for what is there then.
        if self.shared.displays.count(register, |n| n) == 0 {
            return;
        }
        match self.shown_to_customer(register, core.tickets.get(register)) {
            Ok(view) => self.shared.events.push(Event::Display(register.clone(), view)),
            Err(refused) => tracing::error!(code = refused.0.code, "nothing to show a customer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_one_display() {
        let displays = Displays::default();
        let register = RegisterCode::new("R1").unwrap();
        let key = |hash: &str, until| Key {
            hash: hash.to_owned(),
            register: register.clone(),
            staff: StaffCode::new("ana").unwrap(),
            until,
        };
        let later = Instant::now() + KEY_MAX;
        displays.put_key(key("a", later));
        displays.put_key(key("old", Instant::now()));
        assert!(displays.take_key("b").is_none() && displays.take_key("old").is_none());
        assert!(displays.take_key("a").is_some());
        assert!(displays.take_key("a").is_none(), "it was used");
        for n in 0..=KEYS_MAX {
            displays.put_key(key(&n.to_string(), later));
        }
        assert!(displays.take_key("0").is_none(), "the oldest made room");
        assert!(displays.take_key("1").is_some());
    }
}
