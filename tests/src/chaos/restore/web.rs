//! Shoppers who claim while the hub is put back, and who ask again for what it forgot.
//!
//! Owns the book of what they were answered, and when. Invariant: a claim in it the hub said, and
//! it is asked for again under its own key alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tokio::sync::watch;

use crate::chaos::client::{Ask, Caller};
use crate::chaos::dice::Dice;
use crate::chaos::rows::HubReservation;
use crate::chaos::world::{STORE, WAREHOUSE};

/// Between two of one person's wishes.
const PACE: Duration = Duration::from_millis(60);
/// How long a unit is held for one who has not paid, in seconds of the programs' clock: the hour
/// between backup and restore is longer.
const HOLD_S: u64 = 1_800;
/// The hub has nothing to give, now.
const REFUSED: [&str; 2] = ["not_enough_available", "not_promised_now"];

/// From the backup to the moment when it was put back: what was answered then may be forgotten.
#[derive(Debug, Clone, Copy)]
pub struct Lost {
    /// The backup began.
    pub from: Instant,
    /// An hour had passed: what was held before it is not held any more.
    pub later: Instant,
    /// The backup was in its place again.
    pub to: Instant,
}

impl Lost {
    fn covers(&self, at: Instant) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

/// A unit that somebody was told is theirs.
#[derive(Debug, Clone)]
pub struct Claim {
    /// As the hub named it.
    pub id: String,
    /// Of which item.
    pub sku: String,
    /// Where.
    pub location: &'static str,
    /// When the hub said so.
    pub answered: Instant,
    /// When it said that they gave it up.
    pub released: Option<Instant>,
    /// It is held for a while, and not paid for.
    pub hold: Hold,
}

/// Whether time ends a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Never: it is paid for.
    Paid,
    /// After half an hour.
    Ends,
    /// It has: the hub said so when all was at rest.
    Ended,
}

impl Claim {
    /// What the hub must have of it, if it did not forget.
    fn state(&self, lost: &Lost) -> &'static str {
        match self.hold {
            _ if self.released.is_some() => "released",
            Hold::Paid => "committed",
            Hold::Ends if self.answered >= lost.later => "held",
            Hold::Ends | Hold::Ended => "expired",
        }
    }

    fn stands(&self) -> bool {
        self.released.is_none() && self.hold != Hold::Ended
    }
}

/// All claims, by their keys.
pub type Book = BTreeMap<String, Claim>;

/// See the module.
#[derive(Clone)]
pub struct Shoppers {
    hub: Caller,
    skus: Arc<Vec<String>>,
    book: Arc<Mutex<Book>>,
}

impl Shoppers {
    /// Of a hub, for these items.
    pub fn new(hub: Caller, skus: Vec<String>) -> Self {
        Self { hub, skus: Arc::new(skus), book: Arc::default() }
    }

    /// The book.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims, until told to stop.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub async fn claims(
        self,
        name: String,
        mut dice: Dice,
        stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let mut pace = tokio::time::interval(PACE);
        for number in 0.. {
            pace.tick().await;
            if *stop.borrow() {
                break;
            }
            let key = format!("{name}-{number}");
            let (sku, at) = (dice.pick(&self.skus).clone(), *dice.pick(&[STORE, WAREHOUSE]));
            let hold = if dice.chance(30) { Hold::Ends } else { Hold::Paid };
            self.claim(&key, &sku, at, hold).await.with_context(|| format!("claim {key}"))?;
            if dice.chance(30) {
                self.release(&key).await.with_context(|| format!("release {key}"))?;
            }
        }
        Ok(())
    }

    /// Claims a unit; false when it is refused.
    async fn claim(
        &self,
        key: &str,
        sku: &str,
        location: &'static str,
        hold: Hold,
    ) -> Result<bool> {
        let Some(id) = reserve(&self.hub, sku, location, key, hold).await? else {
            return Ok(false);
        };
        let (sku, answered) = (sku.to_owned(), Instant::now());
        let claim = Claim { id, sku, location, answered, released: None, hold };
        self.book().insert(key.to_owned(), claim);
        Ok(true)
    }

    /// Gives a unit up, if it was promised.
    async fn release(&self, key: &str) -> Result<()> {
        let Some(id) = self.book().get(key).map(|claim| claim.id.clone()) else { return Ok(()) };
        let path = format!("/v1/reservations/{id}/release");
        let (end, body) = (format!("{id}-release"), json!({}));
        let answer = self.hub.settled(&Ask::post(&path, &end, &body)).await?;
        match answer.status {
            200 => {
                let now = Instant::now();
                self.book().get_mut(key).context("it is in the book")?.released = Some(now);
                Ok(())
            }
            // Forgotten, or over; what that may be is looked at when all is at rest.
            404 | 410 => Ok(()),
            409 if answer.body["state"] == json!("expired") && self.is_held(key) => Ok(()),
            _ => bail!("{} {}", answer.status, answer.body),
        }
    }

    /// What the hub has of all claims is what it said, but for what it may have forgotten. Gives
    /// how many it forgot; these are asked for again, each under its key.
    ///
    /// # Errors
    /// Names what is not as it was said.
    pub async fn ask_again(
        &self,
        rows: &BTreeMap<String, HubReservation>,
        lost: &Lost,
    ) -> Result<usize> {
        let book = self.book().clone();
        let mut forgotten = 0;
        for (key, claim) in &book {
            let state = rows.get(&claim.id).map(|row| row.state.as_str());
            let kept = Claim { released: None, ..claim.clone() };
            match (state, claim.released) {
                (Some("expired"), None) if claim.state(lost) == "expired" => self.ended(key)?,
                (Some(state), _) if state == claim.state(lost) => {}
                // That it was given up is forgotten.
                (Some(state), Some(at)) if lost.covers(at) && state == kept.state(lost) => {
                    forgotten += 1;
                    match state {
                        "expired" => self.ended(key)?,
                        _ => self.release(key).await?,
                    }
                }
                (None, None) if lost.covers(claim.answered) => {
                    forgotten += 1;
                    let again = self.claim(key, &claim.sku, claim.location, claim.hold).await?;
                    ensure!(again, "{key} is refused, and units are there");
                }
                // Given up, and forgotten: nobody wants it.
                (None, Some(_)) if lost.covers(claim.answered) => {
                    forgotten += 1;
                    self.book().remove(key);
                }
                _ => bail!("{key}: the hub has {state:?} of {claim:?}, in doubt were {lost:?}"),
            }
        }
        Ok(forgotten)
    }

    /// Whether time may end a claim.
    fn is_held(&self, key: &str) -> bool {
        self.book().get(key).is_some_and(|claim| claim.hold != Hold::Paid)
    }

    /// Time has ended it, and nothing makes it stand again.
    fn ended(&self, key: &str) -> Result<()> {
        let mut book = self.book();
        let claim = book.get_mut(key).context("it is in the book")?;
        (claim.hold, claim.released) = (Hold::Ended, None);
        Ok(())
    }

    /// A hold that the hub still has although its time is over.
    pub fn overdue(&self, rows: &BTreeMap<String, HubReservation>, lost: &Lost) -> Option<String> {
        let held = |c: &Claim| rows.get(&c.id).is_some_and(|row| row.state == "held");
        let over = |c: &Claim| c.hold != Hold::Paid && c.answered < lost.later;
        let book = self.book();
        let late = book.values().find(|claim| held(claim) && over(claim))?;
        Some(late.id.clone())
    }

    /// How many claims time has ended.
    pub fn expired(&self) -> usize {
        self.book().values().filter(|claim| claim.hold == Hold::Ended).count()
    }

    /// No claim was promised at a place between two moments.
    ///
    /// # Errors
    /// Names one that was.
    pub fn none_promised(&self, location: &str, from: Instant, to: Instant) -> Result<()> {
        let book = self.book();
        let early = book
            .iter()
            .find(|(_, claim)| claim.location == location && (from..to).contains(&claim.answered));
        ensure!(early.is_none(), "promised by a hub that knows too little: {early:?}");
        Ok(())
    }

    /// Units that stand promised.
    pub fn standing(&self, location: &str, sku: &str) -> i64 {
        let book = self.book();
        let of = |c: &&Claim| c.location == location && c.sku == sku && c.stands();
        i64::try_from(book.values().filter(of).count()).unwrap_or(i64::MAX)
    }
}

/// Each key made one claim, whoever asked how often.
///
/// # Errors
/// Names one that made two.
pub fn once_each(rows: &BTreeMap<String, HubReservation>) -> Result<()> {
    let mut keys = BTreeMap::new();
    for (id, row) in rows {
        let Some(key) = &row.reference else { continue };
        let other = keys.insert(key, id);
        ensure!(other.is_none(), "{key} made {id} and {other:?}");
    }
    Ok(())
}

/// Reserves a unit; none when it is refused.
///
/// # Errors
/// When it is answered otherwise.
pub async fn reserve(
    hub: &Caller,
    sku: &str,
    at: &str,
    key: &str,
    hold: Hold,
) -> Result<Option<String>> {
    let lines = json!([{"sku": sku, "location": at, "quantity": 1}]);
    let mut body = json!({"lines": lines, "reference": key});
    if hold != Hold::Paid {
        body["expires_in_s"] = json!(HOLD_S);
    }
    let answer = hub.settled(&Ask::post("/v1/reservations", key, &body)).await?;
    match (answer.status, answer.code()) {
        (201, _) => Ok(answer.body["id"].as_str().map(str::to_owned)),
        (409, code) if REFUSED.contains(&code) => Ok(None),
        _ => bail!("a reservation of {sku}: {} {}", answer.status, answer.body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shoppers(claims: &[(&str, Claim)]) -> Shoppers {
        let hub = Caller::new("http://127.0.0.1:1", None).unwrap();
        let shoppers = Shoppers::new(hub, vec![]);
        shoppers
            .book()
            .extend(claims.iter().map(|(key, claim)| ((*key).to_owned(), claim.clone())));
        shoppers
    }

    fn claim(answered: Instant, released: Option<Instant>) -> Claim {
        let (id, sku) = ("rsv_1".to_owned(), "A".to_owned());
        Claim { id, sku, location: STORE, answered, released, hold: Hold::Paid }
    }

    fn lost_from(from: Instant) -> Lost {
        let later = from + Duration::from_millis(500);
        Lost { from, later, to: from + Duration::from_secs(1) }
    }

    fn row(state: &str) -> BTreeMap<String, HubReservation> {
        let row = HubReservation { state: state.to_owned(), reference: Some("ada-0".to_owned()) };
        BTreeMap::from([("rsv_1".to_owned(), row)])
    }

    #[tokio::test]
    async fn only_what_was_said_since_the_backup_may_be_forgotten() {
        let from = Instant::now();
        let before = from.checked_sub(Duration::from_secs(1)).unwrap();
        let lost = lost_from(from);
        let said = shoppers(&[("ada-0", claim(before, None))]);
        assert_eq!(said.ask_again(&row("committed"), &lost).await.unwrap(), 0);
        assert!(said.ask_again(&BTreeMap::new(), &lost).await.is_err());
        assert!(said.ask_again(&row("released"), &lost).await.is_err());
        let given_up = shoppers(&[("ada-0", claim(before, Some(before)))]);
        assert!(given_up.ask_again(&row("committed"), &lost).await.is_err());
        let forgotten = shoppers(&[("ada-0", claim(from, Some(from)))]);
        assert_eq!(forgotten.ask_again(&BTreeMap::new(), &lost).await.unwrap(), 1);
        assert!(forgotten.book().is_empty());
    }

    #[tokio::test]
    async fn a_hold_ends_with_its_time_and_not_before() {
        let from = Instant::now();
        let lost = lost_from(from);
        let before = from.checked_sub(Duration::from_secs(1)).unwrap();
        let hold = |answered| Claim { hold: Hold::Ends, ..claim(answered, None) };
        let over = shoppers(&[("ada-0", hold(before))]);
        assert_eq!(over.overdue(&row("held"), &lost).as_deref(), Some("rsv_1"));
        assert!(over.ask_again(&row("held"), &lost).await.is_err());
        assert_eq!((over.standing(STORE, "A"), over.expired()), (1, 0));
        assert_eq!(over.ask_again(&row("expired"), &lost).await.unwrap(), 0);
        assert_eq!((over.standing(STORE, "A"), over.expired()), (0, 1));
        assert!(over.ask_again(&row("held"), &lost).await.is_err());
        let new = shoppers(&[("ada-0", hold(lost.to + Duration::from_secs(1)))]);
        assert_eq!(new.overdue(&row("held"), &lost), None);
        assert!(new.ask_again(&row("expired"), &lost).await.is_err());
        assert_eq!(new.ask_again(&row("held"), &lost).await.unwrap(), 0);
        let paid = shoppers(&[("ada-0", claim(before, None))]);
        assert!(paid.ask_again(&row("expired"), &lost).await.is_err());
    }

    #[test]
    fn a_promise_that_came_too_early_is_named() {
        let from = Instant::now();
        let said = shoppers(&[("ada-0", claim(from, None))]);
        let later = from + Duration::from_secs(1);
        assert!(said.none_promised(STORE, from, later).is_err());
        assert!(said.none_promised(WAREHOUSE, from, later).is_ok());
        assert!(said.none_promised(STORE, later, later).is_ok());
        assert_eq!((said.standing(STORE, "A"), said.standing(WAREHOUSE, "A")), (1, 0));
    }

    #[test]
    fn a_key_that_made_two_claims_is_named() {
        let mut rows = row("committed");
        assert!(once_each(&rows).is_ok());
        rows.insert("rsv_2".to_owned(), rows["rsv_1"].clone());
        assert!(once_each(&rows).is_err());
    }
}
