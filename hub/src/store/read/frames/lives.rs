//! Which of an agent's facts a store's rows include: of its present life, or of the nearest one
//! before it that has any. Its page decides the facts behind that on top of the rows.
//!
//! Invariant: it ends whatever lives say of whom they follow.

use std::collections::{BTreeMap, BTreeSet};

use oneshelf_domain::IncarnationId;
use oneshelf_domain::stock::{Incarnation, LocationNo};
use oneshelf_protocol::frame::Applied;

use crate::store::{StoreError, Tx, on};

type Lives = BTreeMap<IncarnationId, Incarnation>;

/// How far the log of the agent that lives this life is in what the transaction sees, and the
/// life itself.
pub(super) async fn applied(
    tx: &mut Tx,
    store: LocationNo,
    life: Option<IncarnationId>,
) -> Result<(Applied, Option<Incarnation>), StoreError> {
    let Some(life) = life else { return Ok((Applied::default(), None)) };
    let sql = "select value from incarnation where location = $1 and id = $2";
    let value: Option<String> = on!(tx, conn => sqlx::query_scalar(sql)
        .bind(store.0).bind(life.to_string()).fetch_optional(conn).await)?;
    // Nearly always: it has said something.
    let speaks = value.as_deref().map(read).transpose()?;
    if let Some(i) = speaks.as_ref().filter(|i| i.last > 0) {
        return Ok((of(i), speaks));
    }
    let lives: Lives = of_store(tx, store).await?.into_iter().map(|i| (i.id, i)).collect();
    Ok((nearest(&lives, life).map_or_else(Applied::default, of), speaks))
}

/// All lives of a store's agents.
///
/// # Errors
/// When the database does not answer.
pub async fn of_store(tx: &mut Tx, store: LocationNo) -> Result<Vec<Incarnation>, StoreError> {
    let sql = "select value from incarnation where location = $1";
    let values: Vec<String> =
        on!(tx, conn => sqlx::query_scalar(sql).bind(store.0).fetch_all(conn).await)?;
    values.iter().map(|value| read(value)).collect()
}

fn read(value: &str) -> Result<Incarnation, StoreError> {
    serde_json::from_str(value).map_err(|e| StoreError::unreadable("incarnation", e))
}

fn of(i: &Incarnation) -> Applied {
    Applied { incarnation: Some(i.id), seq: i.last }
}

/// The nearest life with a fact, from this one back. One between may be unknown here, as it never
/// spoke: then the agent's newest.
fn nearest(lives: &Lives, life: IncarnationId) -> Option<&Incarnation> {
    let (mut at, mut passed) = (Some(life), BTreeSet::new());
    while let Some(i) = at.and_then(|id| lives.get(&id)) {
        if i.last > 0 {
            return Some(i);
        }
        at = i.follows.filter(|_| passed.insert(i.id));
    }
    at?;
    let agent = lives.get(&life)?.agent;
    // One that never said Hello has no agent.
    let mine = lives.values().filter(|i| i.last > 0 && (i.agent == agent || i.agent.is_none()));
    let mine: Vec<&Incarnation> = mine.collect();
    // One may have been seen first long after those that follow it.
    let followed = |i: &&Incarnation| mine.iter().any(|other| follows(lives, other, i.id));
    mine.iter().copied().filter(|i| !followed(i)).max_by_key(|i| (i.created, i.id))
}

fn follows(lives: &Lives, life: &Incarnation, earlier: IncarnationId) -> bool {
    let (mut at, mut passed) = (life.follows, BTreeSet::new());
    while let Some(id) = at.filter(|id| *id != earlier) {
        at = lives.get(&id).and_then(|i| i.follows).filter(|_| passed.insert(id));
    }
    at.is_some()
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::AgentId;
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> IncarnationId {
        IncarnationId(Uuid::from_u128(n))
    }

    /// (number, follows, last, created).
    fn lives(all: &[(u128, Option<u128>, i64, i64)]) -> Lives {
        let life = |(n, follows, last, created): &(u128, Option<u128>, i64, i64)| {
            let i: Incarnation = serde_json::from_value(serde_json::json!({
                "id": id(*n), "location": 1, "agent": AgentId(Uuid::nil()),
                "follows": follows.map(id), "retired": false, "forked": false, "closed": false,
                "last": last, "head": null, "lease": {"epoch": 1, "number": 1},
                "answer": {"epoch": 1, "number": 0}, "used": [], "created": created}))
            .unwrap();
            (i.id, i)
        };
        all.iter().map(life).collect()
    }

    fn found(all: &[(u128, Option<u128>, i64, i64)], life: u128) -> Option<u128> {
        nearest(&lives(all), id(life)).map(|i| i.id.0.as_u128())
    }

    #[test]
    fn the_nearest_life_with_a_fact_counts() {
        assert_eq!(found(&[(1, None, 4, 1)], 1), Some(1));
        assert_eq!(found(&[(1, None, 4, 1), (2, Some(1), 0, 2), (3, Some(2), 0, 3)], 3), Some(1));
        assert_eq!(found(&[(1, None, 4, 1), (2, None, 0, 2)], 2), None, "another agent's store");
    }

    #[test]
    fn behind_an_unknown_life_the_agents_newest_counts() {
        // 9 is unknown; 2 follows 1, though 1 was heard of later.
        let all = [(1, None, 4, 8), (2, Some(1), 3, 5), (4, Some(9), 0, 9)];
        assert_eq!(found(&all, 4), Some(2));
    }

    #[test]
    fn lives_that_follow_each_other_end_the_search() {
        let all = [(1, Some(2), 0, 1), (2, Some(1), 0, 2), (3, Some(3), 0, 3)];
        assert_eq!((found(&all, 1), found(&all, 3)), (None, None));
        let all = [(1, Some(2), 3, 1), (2, Some(1), 3, 2), (4, Some(9), 0, 4)];
        assert_eq!(found(&all, 4), None);
    }
}
