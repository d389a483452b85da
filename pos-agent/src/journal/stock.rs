//! What the store should show of an item: the copy, and own facts that it does not include.
//!
//! A day without the hub leaves thousands of facts about a popular item. Deciding them again for
//! every scan would take longer each time, so the figure of a beginning of the log is remembered
//! as long as the copy is the same. That is exact while those facts touched no reservation: then
//! balances are all that they changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use oneshelf_domain::Sku;
use oneshelf_domain::stock::{Place, Stock};
use oneshelf_protocol::frame::Fact;
use oneshelf_protocol::replica::Row;
use oneshelf_sync::agent::forecast::forecast;

use super::text::from_json;
use super::{Fault, Reads};

/// Items that are remembered at once.
const KNOWN_MAX: usize = 4_096;
/// Facts that are decided at once.
const FACTS_AT_ONCE: usize = 32;

/// The figure of an item up to a place in the log.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Of this copy: epoch, version, when it was made.
    copy: (i64, i64, i64),
    n: i64,
    balances: [i64; 12],
    short: i64,
}

/// What is remembered.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures(Arc<Mutex<HashMap<Sku, Known>>>);

impl Figures {
    fn get(&self, sku: &Sku, copy: (i64, i64, i64)) -> Option<Known> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(sku).copied().filter(|k| k.copy == copy)
    }

    fn put(&self, sku: &Sku, new: Known) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(sku.clone(), new);
    }
}

impl Reads {
    /// The stock of an item as the store should show it.
    pub(crate) async fn stock(&self, sku: &Sku) -> Result<Stock, Fault> {
        // One snapshot: the rows and the place in the log that they stand for.
        let mut tx = self.pool.begin().await?;
        let copy: Option<(i64, i64, i64, i64)> =
            sqlx::query_as("select epoch, version, copied_at, applied_n from copy where one = 1")
                .fetch_optional(&mut *tx)
                .await?;
        let (epoch, version, copied_at, applied_n) = copy.unwrap_or_default();
        let copy = (epoch, version, copied_at);
        let row: Option<(String, i64)> =
            sqlx::query_as("select balances, short from stock where sku = ?")
                .bind(sku.as_str())
                .fetch_optional(&mut *tx)
                .await?;
        let (balances, short) = match row {
            Some((balances, short)) => (from_json(&balances)?, short),
            None => ([0; 12], 0),
        };
        let first = Known { copy, n: applied_n, balances, short };
        let known = self.figures.get(sku, copy).unwrap_or(first);
        let reservations: Vec<String> = sqlx::query_scalar(
            "select r.reservation from reservation_line l join reservation r on r.id = l.id
             where l.sku = ?",
        )
        .bind(sku.as_str())
        .fetch_all(&mut *tx)
        .await?;
        let facts: Vec<(i64, String)> = sqlx::query_as(
            "select i.n, log.fact from log_item i join log on log.n = i.n
             where i.sku = ? and i.n > ?
             and (log.answer is null or log.answer not like '%\"rejected\"%') order by i.n",
        )
        .bind(sku.as_str())
        .bind(known.n)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let reservations: Vec<Row> =
            reservations.iter().map(|r| from_json(r)).collect::<Result<_, _>>()?;
        let facts: Vec<(i64, Fact)> =
            facts.iter().map(|(n, f)| Ok((*n, from_json(f)?))).collect::<Result<_, Fault>>()?;
        let (stock, known) = decided(sku, &first, known, &reservations, facts);
        self.figures.put(sku, known);
        Ok(stock)
    }
}

/// The figure after these facts, and how much of it may be remembered.
fn decided(
    sku: &Sku,
    first: &Known,
    mut known: Known,
    reservations: &[Row],
    facts: Vec<(i64, Fact)>,
) -> (Stock, Known) {
    let reserved = Place::Reserved.index();
    let on = |known: &Known, facts: &[Fact]| {
        let (balances, short) = (known.balances, known.short);
        let mut rows = vec![Row::Stock { sku: sku.clone(), balances, short }];
        rows.extend_from_slice(reservations);
        forecast(sku, &rows, facts)
    };
    let (places, facts): (Vec<i64>, Vec<Fact>) = facts.into_iter().unzip();
    let mut done = 0;
    while done < facts.len() {
        let until = facts.len().min(done + FACTS_AT_ONCE);
        let stock = on(&known, &facts[done..until]);
        let touched =
            stock.balances[reserved] != first.balances[reserved] || stock.short != first.short;
        if touched {
            return (on(&known, &facts[done..]), known);
        }
        let n = places[until - 1];
        known = Known { n, balances: stock.balances, short: stock.short, ..known };
        done = until;
    }
    (on(&known, &[]), known)
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::{CommandId, IncarnationId, ReservationId, Timestamp};
    use oneshelf_protocol::frame::Body;
    use uuid::Uuid;

    use super::*;

    fn sale(n: u128, share: i64, beyond: i64) -> (i64, Fact) {
        let body = serde_json::json!({"body": "sale",
            "lines": [{"sku": "A", "share": share, "beyond": beyond}],
            "sale": {"id": "sal_00000000000000000000000000000001", "receipt_number": "S-R-1",
                "register": "S-R", "number": 1, "cashier": "x",
                "total": {"minor": 0, "currency": "EUR"}, "change": {"minor": 0, "currency": "EUR"},
                "tenders": [], "lines": []}});
        let body: Body = serde_json::from_value(body).unwrap();
        let n_i64 = i64::try_from(n).unwrap();
        let fact = Fact {
            command_id: CommandId(Uuid::from_u128(n)),
            incarnation: IncarnationId(Uuid::nil()),
            seq: n_i64,
            prev_id: None,
            granted: vec![],
            occurred_at: Timestamp(n_i64),
            body,
        };
        (n_i64, fact)
    }

    #[test]
    fn remembering_a_beginning_changes_no_figure() {
        let sku = Sku::new("A").unwrap();
        let lines = vec![(sku.clone(), 4, 0)];
        let reservation = Row::Reservation {
            id: ReservationId(Uuid::from_u128(7)),
            state: "committed".into(),
            lines,
            expires_at: None,
            to: None,
        };
        let reservations = [reservation];
        let mut balances = [0; 12];
        (balances[0], balances[1], balances[2], balances[7]) = (60, 10, 4, -74);
        let first = Known { copy: (1, 1, 1), n: 0, balances, short: 0 };
        // 3 units a sale: from 24 sales on they draw on the reservation, then on nothing.
        let facts: Vec<(i64, Fact)> =
            (1..=80).map(|n| sale(n, i64::from(n <= 10), if n <= 10 { 2 } else { 1 })).collect();
        let all: Vec<Fact> = facts.iter().map(|(_, f)| f.clone()).collect();
        for split in [0, 1, 15, 31, 32, 33, 50, 64, 79, 80] {
            let (_, known) = decided(&sku, &first, first, &reservations, facts[..split].to_vec());
            let rest: Vec<_> = facts.iter().filter(|(n, _)| *n > known.n).cloned().collect();
            let (stock, _) = decided(&sku, &first, known, &reservations, rest);
            let mut rows = vec![Row::Stock { sku: sku.clone(), balances, short: 0 }];
            rows.extend_from_slice(&reservations);
            let whole = forecast(&sku, &rows, &all);
            assert_eq!((stock.balances, stock.short), (whole.balances, whole.short), "{split}");
        }
    }
}
