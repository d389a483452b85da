//! Goods between the store and other locations: what comes, what is to go, less what the own log
//! says of it and the copy does not include yet.
//!
//! Only committed rows. The words with `instr` are those of the index `log_way`.
//! Invariant: what was unpacked or handed over here is not shown again.

use oneshelf_domain::item::Item;
use oneshelf_domain::stock::ReservationState;
use oneshelf_domain::{ReservationId, Sku};
use oneshelf_protocol::frame::{Answer, Body, Fact};
use oneshelf_protocol::replica::Row;
use oneshelf_sync::agent::Write;
use sqlx::SqliteConnection;

use super::read::rows_at_most;
use super::text::{from_json, to_json};
use super::{Fault, Reads};

/// What is under way, oldest first.
#[derive(Debug, Default)]
pub(crate) struct OnTheWay {
    /// Transfers to the store, with the units that are still to come.
    pub incoming: Vec<Row>,
    /// Reservations of the store's goods that go to another location.
    pub outgoing: Vec<Row>,
}

impl Reads {
    /// What comes and what is to go, as the hub last told and the own log goes on: so many of both
    /// together.
    pub(crate) async fn on_the_way(&self, limit: usize) -> Result<OnTheWay, Fault> {
        // One snapshot: the rows and the place in the log that they stand for.
        let mut tx = self.pool.begin().await?;
        let own = own_words(&mut tx).await?;
        let rows: Vec<String> = sqlx::query_scalar(
            "select reservation from reservation
             where json_extract(reservation, '$.row') = 'transfer'
             or json_extract(reservation, '$.to') is not null order by id limit ?",
        )
        // A word of the own log ends one at most.
        .bind(rows_at_most(limit + own.len()))
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut rows = rows.iter().map(|row| from_json(row)).collect::<Result<_, Fault>>()?;
        after(&mut rows, own);
        rows.truncate(limit);
        Ok(by_way(rows))
    }

    /// Items by their SKUs, of those that the copy knows.
    pub(crate) async fn items_of(&self, skus: &[&Sku]) -> Result<Vec<Item>, Fault> {
        let sql = "select item from item where sku in (select value from json_each(?))";
        let rows: Vec<String> =
            sqlx::query_scalar(sql).bind(to_json(&skus)?).fetch_all(&self.pool).await?;
        rows.iter().map(|row| from_json(row)).collect()
    }

    /// Whether the own log hands this reservation over, beyond what the copy includes.
    pub(crate) async fn handed_over_here(&self, id: ReservationId) -> Result<bool, Fault> {
        let own = own_words(&mut *self.pool.acquire().await?).await?;
        let it =
            |body: &Body| matches!(body, Body::Handover { reservation, .. } if *reservation == id);
        Ok(own.iter().any(it))
    }

    /// Whether the own log closes this transfer, beyond what the copy includes.
    pub(crate) async fn closed_here(&self, id: ReservationId) -> Result<bool, Fault> {
        let own = own_words(&mut *self.pool.acquire().await?).await?;
        let closes = |body: &Body| match body {
            Body::Arrived { transfer, close, .. } => *close && *transfer == id,
            _ => false,
        };
        Ok(own.iter().any(closes))
    }
}

/// What the own log says of goods on the way, beyond what the copy includes, in its order.
async fn own_words(conn: &mut SqliteConnection) -> Result<Vec<Body>, Fault> {
    let facts: Vec<String> = sqlx::query_scalar(
        "select fact from log
         where n > coalesce((select applied_n from copy where one = 1), 0)
         and (answer is null or answer not like '%\"rejected\"%')
         and (instr(fact, '\"body\":\"arrived\"') > 0
              or instr(fact, '\"body\":\"handover\"') > 0)
         and json_extract(fact, '$.body.body') in ('arrived', 'handover') order by n",
    )
    .fetch_all(conn)
    .await?;
    facts.iter().map(|fact| Ok(from_json::<Fact>(fact)?.body)).collect()
}

/// Whether a write changes what [`Reads::on_the_way`] gives.
pub(crate) fn changes_the_way(write: &Write) -> bool {
    let of_the_way =
        |row: &Row| matches!(row, Row::Transfer { .. } | Row::Reservation { to: Some(_), .. });
    match write {
        Write::Rows { whole, rows, .. } => *whole || rows.iter().any(of_the_way),
        Write::Log(fact) => matches!(fact.body, Body::Arrived { .. } | Body::Handover { .. }),
        // What it said is on the way again.
        Write::Answered(_, Answer::Rejected { .. }) => true,
        _ => false,
    }
}

/// Rows of the copy after these words of the own log.
fn after(rows: &mut Vec<Row>, own: Vec<Body>) {
    for body in own {
        match body {
            Body::Arrived { transfer, lines, close } => {
                rows.retain_mut(|row| match row {
                    Row::Transfer { id, lines: open, .. } if *id == transfer => {
                        for (sku, units) in open.iter_mut() {
                            let came = lines.iter().filter(|line| line.sku == *sku);
                            *units -= came.map(|line| line.good + line.damaged).sum::<i64>();
                        }
                        open.retain(|(_, units)| *units > 0);
                        !close && !open.is_empty()
                    }
                    _ => true,
                });
            }
            Body::Handover { reservation, .. } => {
                let gone =
                    |row: &Row| matches!(row, Row::Reservation { id, .. } if *id == reservation);
                rows.retain(|row| !gone(row));
            }
            _ => {}
        }
    }
}

fn by_way(rows: Vec<Row>) -> OnTheWay {
    let mut way = OnTheWay::default();
    for row in rows {
        match &row {
            Row::Transfer { .. } => way.incoming.push(row),
            Row::Reservation { state, to: Some(_), .. } if may_go(state) => way.outgoing.push(row),
            _ => {}
        }
    }
    way
}

/// The goods are the transfer's, and still here.
fn may_go(state: &str) -> bool {
    use ReservationState::{Committed, Picked};
    matches!(ReservationState::from_name(state), Some(Committed | Picked))
}

#[cfg(test)]
mod tests {
    use oneshelf_protocol::frame::ArrivedUnits;
    use uuid::Uuid;

    use super::*;

    fn sku(code: &str) -> Sku {
        Sku::new(code).unwrap()
    }

    fn id(n: u128) -> ReservationId {
        ReservationId(Uuid::from_u128(n))
    }

    fn comes(n: u128, lines: &[(&str, i64)]) -> Row {
        let lines = lines.iter().map(|(code, units)| (sku(code), *units)).collect();
        Row::Transfer { id: id(n), from: "W01".to_owned(), state: "in_transit".to_owned(), lines }
    }

    fn goes(n: u128, state: &str, to: Option<&str>) -> Row {
        let (state, to) = (state.to_owned(), to.map(str::to_owned));
        let lines = vec![(sku("TEA"), 2, 0)];
        Row::Reservation { id: id(n), state, lines, expires_at: None, to }
    }

    fn came(n: u128, code: &str, good: i64, damaged: i64, close: bool) -> Body {
        let lines = vec![ArrivedUnits { sku: sku(code), good, damaged }];
        Body::Arrived { transfer: id(n), lines, close }
    }

    fn under_way(mut rows: Vec<Row>, own: impl Iterator<Item = Body>) -> OnTheWay {
        after(&mut rows, own.collect());
        by_way(rows)
    }

    #[test]
    fn what_was_unpacked_here_is_not_to_come_again() {
        let rows = || vec![comes(1, &[("LAMP", 3), ("TEA", 1)]), comes(2, &[("TEA", 2)])];
        let way = under_way(rows(), [came(1, "LAMP", 1, 1, false)].into_iter());
        assert_eq!(way.incoming, [comes(1, &[("LAMP", 1), ("TEA", 1)]), comes(2, &[("TEA", 2)])]);
        // More came than was sent; the other line is still to come.
        let way = under_way(rows(), [came(1, "LAMP", 9, 0, false)].into_iter());
        assert_eq!(way.incoming[0], comes(1, &[("TEA", 1)]));
        let way = under_way(rows(), [came(2, "TEA", 2, 0, false)].into_iter());
        assert_eq!(way.incoming.len(), 1, "all of it came");
        let way = under_way(rows(), [came(1, "LAMP", 0, 1, true)].into_iter());
        assert_eq!(way.incoming, [comes(2, &[("TEA", 2)])], "nothing more of it will come");
    }

    #[test]
    fn only_what_may_leave_is_to_be_handed_over() {
        let rows = vec![
            goes(1, "committed", Some("W01")),
            goes(2, "picked", Some("W01")),
            goes(3, "releasing", Some("W01")),
            goes(4, "committed", None),
        ];
        let given = Body::Handover { reservation: id(2), lines: vec![] };
        let way = under_way(rows, [given].into_iter());
        assert_eq!(way.outgoing, [goes(1, "committed", Some("W01"))]);
        assert!(way.incoming.is_empty());
    }
}
