//! The sum that is stored beside each fact of the log.
//!
//! SQLite looks at the shape of its pages, not at what a row says: a price of which the disk
//! changed a digit is a sound row. Invariant: a fact is told to the hub as it was stored, or not at
//! all.

use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::Fault;
use super::salvage::Head;

/// Facts that are looked at at once.
const PAGE: i64 = 500;

/// What a text adds up to: the first eight bytes of its SHA-256.
pub(super) fn of(text: &str) -> i64 {
    let sum = Sha256::digest(text.as_bytes());
    sum.iter().take(8).fold(0, |all, byte| (all << 8) | i64::from(*byte))
}

/// True when a text is what was stored; of one without a sum nobody knows better.
pub(super) fn fits(text: &str, sum: Option<i64>) -> bool {
    sum.is_none_or(|sum| sum == of(text))
}

/// Whether facts have sums in this database: an older build's have none.
pub(super) async fn are_there(db: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let sql = "select exists (select 1 from pragma_table_info('log') where name = 'sum')";
    Ok(sqlx::query_scalar::<_, i64>(sql).fetch_one(db).await? == 1)
}

/// Facts that are not what was stored: of all, or of those that the hub has not answered. One that
/// has an answer without its time, or the reverse, is none of either.
pub(super) async fn unsound(db: &mut SqliteConnection, all: bool) -> Result<u64, Fault> {
    if !are_there(db).await? {
        return Ok(0);
    }
    // What is not answered has an index of its own: there the rest is not walked over.
    let halves = match all {
        true => "select count(*) from log where (answer is null) <> (answered_at is null)",
        false => "select count(*) from log where answered_at is null and answer is not null",
    };
    let facts = match all {
        true => "select n, incarnation, id, fact, sum from log where n > ? order by n limit ?",
        false => {
            "select n, incarnation, id, fact, sum from log
             where n > ? and answered_at is null order by n limit ?"
        }
    };
    let halves: i64 = sqlx::query_scalar(halves).fetch_one(&mut *db).await?;
    let (mut after, mut unsound) = (0, halves.unsigned_abs());
    loop {
        let rows = sqlx::query(facts).bind(after).bind(PAGE).fetch_all(&mut *db).await?;
        let Some(last) = rows.last() else { return Ok(unsound) };
        after = last.try_get("n")?;
        unsound += rows.iter().filter(|row| !is_sound(row)).count() as u64;
    }
}

fn is_sound(row: &SqliteRow) -> bool {
    let name = |column| row.try_get::<&str, _>(column);
    let (Ok(text), Ok(sum)) = (name("fact"), row.try_get("sum")) else { return false };
    // It stands under the names that it says itself; its number may be another one, see salvage.
    let named = |head: Head| {
        name("id").is_ok_and(|id| id == head.command_id)
            && name("incarnation").is_ok_and(|life| life == head.incarnation)
    };
    fits(text, sum) && serde_json::from_str(text).is_ok_and(named)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use oneshelf_domain::stock::InSource;
    use oneshelf_domain::{CommandId, Sku, Timestamp};
    use oneshelf_protocol::frame::{Answer, Body, Fact};
    use oneshelf_sync::agent::Write;
    use uuid::Uuid;

    use super::super::{FILE, open};
    use super::*;

    /// Facts of the journal that is damaged, and how many of them the hub has answered.
    const FACTS: i64 = 250;
    const ANSWERED: i64 = 50;

    fn folder() -> PathBuf {
        let data = std::env::temp_dir().join(format!("agent-sums-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&data).unwrap();
        data
    }

    /// A journal of facts, some of which the hub has not answered: its file and their texts.
    async fn journal() -> (Vec<u8>, Vec<String>) {
        let data = folder();
        let (mut writer, reads) = open(&data).await.unwrap();
        let incarnation = writer.saved().await.unwrap().life.incarnation;
        let mut unsent = vec![];
        for seq in 1..=FACTS {
            let fact = Fact {
                command_id: CommandId(Uuid::now_v7()),
                incarnation,
                seq,
                prev_id: None,
                granted: vec![(Sku::new("MUG").unwrap(), seq)],
                occurred_at: Timestamp(seq),
                body: Body::In {
                    sku: Sku::new("MUG").unwrap(),
                    quantity: seq,
                    to_share: false,
                    source: InSource::Customer,
                },
            };
            let id = fact.command_id;
            let text = serde_json::to_string(&fact).unwrap();
            let log = Write::Log(Box::new(fact));
            let answered = Write::Answered(id, Answer::Accepted);
            let writes = if seq <= ANSWERED { vec![log, answered] } else { vec![log] };
            writer.store(&writes, &[], Timestamp(1)).await.unwrap();
            if seq > ANSWERED {
                unsent.push(text);
            }
        }
        reads.close().await;
        writer.close().await.unwrap();
        let file = std::fs::read(data.join(FILE)).unwrap();
        std::fs::remove_dir_all(&data).unwrap();
        (file, unsent)
    }

    /// What the hub would be told from this journal; none when it is not sold from.
    async fn told(data: &Path) -> Result<Option<Vec<String>>, Fault> {
        let (mut writer, reads) = match open(data).await {
            Err(Fault::Damaged(_)) => return Ok(None),
            opened => opened?,
        };
        let mut texts = vec![];
        for entry in writer.unanswered().await? {
            texts.push(writer.fact_text(entry.id).await?.unwrap_or_default());
        }
        reads.close().await;
        writer.close().await?;
        Ok(Some(texts))
    }

    /// Reliability F9: one bit of the file is another one, or its end is gone, at so many places.
    #[tokio::test]
    async fn a_journal_of_which_a_byte_was_changed_is_refused_or_tells_what_was_stored() {
        let count = std::env::var("ONESHELF_FLIPS").map_or(200, |n| n.parse().unwrap());
        let (whole, unsent) = journal().await;
        let (mut refused, mut state) = (0, 0x9e37_79b9_7f4a_7c15_u64);
        let mut others = vec![];
        for round in 0..count {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
            let place = usize::try_from(state >> 16).unwrap() % whole.len();
            let bit = 1 << (state & 7);
            let mut garbled = whole.clone();
            match round % 5 {
                0 => garbled.truncate(place),
                _ => garbled[place] ^= bit,
            }
            // A connection that was given up may still be at work on its own files.
            let data = folder();
            std::fs::write(data.join(FILE), garbled).unwrap();
            match told(&data).await {
                Ok(None) => refused += 1,
                Ok(Some(texts)) if texts == unsent => {}
                Ok(Some(_)) => others.push(format!("byte {place}, bit {bit}: other facts")),
                Err(fault) => others.push(format!("byte {place}, bit {bit}: {fault}")),
            }
            let _ = std::fs::remove_dir_all(&data);
        }
        assert!(others.is_empty(), "{}", others.join("\n"));
        assert!(refused > count / 10 && refused < count, "{refused} of {count} refused");
    }

    #[tokio::test]
    async fn facts_of_before_have_no_sum_and_are_believed() {
        assert!(fits("anything", None));
        assert!(fits("a", Some(of("a"))) && !fits("b", Some(of("a"))));
    }
}
