//! The ledger: versions, the hash chain, one effect per command.
//!
//! Walks versions upwards; each is judged from its own row, its movements and the row before.

use oneshelf_domain::stock::{ItemNo, LocationNo, Movement, Place, Reason, Spot, Version};
use oneshelf_domain::{CommandId, Timestamp};
use oneshelf_sync::plan::{FIRST_HASH, LedgerRow};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as NotAName, StrDeserializer};

use super::{Invariant, Walk};
use crate::store::StoreError;
use crate::store::audit::{self as rows, LedgerLine, MovementLine};

/// Movements of the versions that are checked at once; a version's movements come whole.
const CHUNK_MOVEMENTS: i64 = 20_000;

/// Where the chain stands.
struct Chain {
    version: i64,
    hash: String,
    /// The last movement that was read.
    movement: (i64, i64),
    /// When the oldest outcome of a request that is still kept was recorded.
    oldest_request: Option<i64>,
}

pub(super) async fn check(walk: &mut Walk<'_>, last_hash: &str) -> Result<(), StoreError> {
    let mut chain = Chain {
        version: 0,
        hash: FIRST_HASH.to_owned(),
        movement: (0, i64::MAX),
        oldest_request: None,
    };
    loop {
        let mut tx = walk.store.read().await?;
        chain.oldest_request = rows::oldest_request(&mut tx).await?;
        let page = rows::ledger(&mut tx, chain.version, walk.upto).await?;
        tx.rollback().await?;
        if page.is_empty() {
            break;
        }
        for chunk in chunks(&page) {
            versions(walk, &mut chain, chunk).await?;
        }
        let rows = |version: i64| u64::try_from(version).unwrap_or_default();
        let all = rows(walk.upto);
        walk.told_of("ledger", rows(chain.version), all);
    }
    if chain.version != walk.upto {
        let detail = format!("the ledger ends at {}", chain.version);
        walk.broken(Invariant::VersionsGapless, format!("version {}", walk.upto), detail);
    }
    if chain.hash != last_hash {
        let detail = "the last row does not carry the hash that the hub goes on from".to_owned();
        walk.broken(Invariant::LedgerHashChain, format!("version {}", walk.upto), detail);
    }
    beyond(walk).await?;
    outcomes(walk).await
}

/// Cuts a page so that no piece has too many movements at once.
fn chunks(page: &[LedgerLine]) -> Vec<&[LedgerLine]> {
    let mut pieces = vec![];
    let mut from = 0;
    let mut movements = 0;
    for (at, line) in page.iter().enumerate() {
        movements += line.movements;
        if movements >= CHUNK_MOVEMENTS {
            pieces.push(&page[from..=at]);
            from = at + 1;
            movements = 0;
        }
    }
    if from < page.len() {
        pieces.push(&page[from..]);
    }
    pieces
}

/// Checks some versions with their movements.
async fn versions(
    walk: &mut Walk<'_>,
    chain: &mut Chain,
    lines: &[LedgerLine],
) -> Result<(), StoreError> {
    let Some(upto) = lines.last().map(|l| l.version) else { return Ok(()) };
    let mut movements = vec![];
    loop {
        let mut tx = walk.store.read().await?;
        let page = rows::movements(&mut tx, chain.movement, upto).await?;
        tx.rollback().await?;
        let Some(last) = page.last() else { break };
        chain.movement = (last.version, last.line);
        movements.extend(page);
    }
    let mut left = movements.as_slice();
    for line in lines {
        let stray = left.iter().take_while(|m| m.version < line.version).count();
        if stray > 0 {
            let detail = format!("{stray} movements of versions that the ledger does not have");
            let subject = format!("version {}", left[0].version);
            walk.broken(Invariant::LedgerHashChain, subject, detail);
        }
        left = &left[stray..];
        let own = left.iter().take_while(|m| m.version == line.version).count();
        version(walk, chain, line, &left[..own]);
        left = &left[own..];
    }
    Ok(())
}

fn version(walk: &mut Walk<'_>, chain: &mut Chain, line: &LedgerLine, movements: &[MovementLine]) {
    let subject = format!("version {}", line.version);
    for invariant in
        [Invariant::VersionsGapless, Invariant::LedgerHashChain, Invariant::OneEffectPerCommand]
    {
        walk.checked(invariant, 1);
    }
    if line.version != chain.version + 1 {
        let detail = format!("comes behind version {}", chain.version);
        walk.broken(Invariant::VersionsGapless, subject.as_str(), detail);
    }
    let numbered = (0_i64..).zip(movements).all(|(at, m)| m.line == at);
    if i64::try_from(movements.len()) != Ok(line.movements) || !numbered {
        let detail = format!("has {} movements, not {}", movements.len(), line.movements);
        walk.broken(Invariant::LedgerHashChain, subject.as_str(), detail);
    }
    match ledger_row(line, movements) {
        Ok(row) => {
            if row.expected_hash(&chain.hash) != row.hash {
                let detail = "the hash does not follow from the row and the one before".to_owned();
                walk.broken(Invariant::LedgerHashChain, subject.as_str(), detail);
            }
        }
        Err(why) => walk.broken(Invariant::LedgerHashChain, subject.as_str(), why),
    }
    if let Some(detail) = effect(chain, line) {
        walk.broken(Invariant::OneEffectPerCommand, line.command.as_str(), detail);
    }
    chain.version = line.version;
    chain.hash.clone_from(&line.hash);
}

/// What is wrong between a version and the outcome of its command.
fn effect(chain: &Chain, line: &LedgerLine) -> Option<String> {
    let version = line.version;
    if line.known.is_none() {
        // The job deletes outcomes of requests, the oldest first.
        let kept = chain.oldest_request.is_some_and(|oldest| line.recorded_at > oldest);
        let missing = matches!(&*line.kind, "fact" | "book_rejected") || kept;
        return missing.then(|| format!("version {version} has no outcome"));
    }
    if line.known_version != Some(version) {
        let other = line.known_version.map_or("none".to_owned(), |v| v.to_string());
        return Some(format!("has version {version}, and its outcome says {other}"));
    }
    let same = line.known_fingerprint.as_ref().is_none_or(|print| *print == line.fingerprint);
    (!same).then(|| format!("version {version} and its outcome are of different commands"))
}

fn ledger_row(line: &LedgerLine, movements: &[MovementLine]) -> Result<LedgerRow, String> {
    let command: CommandId = line.command.parse().map_err(|e| format!("command: {e}"))?;
    Ok(LedgerRow {
        version: Version(line.version),
        command,
        kind: line.kind.clone(),
        actor: line.actor.clone(),
        on_behalf_of: line.on_behalf_of.clone(),
        reference: line.reference.clone(),
        occurred_at: line.occurred_at.map(Timestamp),
        recorded_at: Timestamp(line.recorded_at),
        fingerprint: line.fingerprint.clone(),
        movements: movements.iter().map(movement).collect::<Result<_, _>>()?,
        hash: line.hash.clone(),
    })
}

fn movement(m: &MovementLine) -> Result<Movement, String> {
    let place = |name: &str| Place::from_name(name).ok_or_else(|| format!("no place {name}"));
    let reason: StrDeserializer<'_, NotAName> = m.reason.as_str().into_deserializer();
    let reservation = m.reservation.as_deref().map(str::parse).transpose();
    Ok(Movement {
        item: ItemNo(m.item),
        from: Spot { location: LocationNo(m.from_location), place: place(&m.from_place)? },
        to: Spot { location: LocationNo(m.to_location), place: place(&m.to_place)? },
        quantity: m.quantity,
        from_after: m.from_after,
        to_after: m.to_after,
        reason: Reason::deserialize(reason).map_err(|_| format!("no reason {}", m.reason))?,
        reservation: reservation.map_err(|e| format!("reservation: {e}"))?,
    })
}

/// Nothing may carry a version that was not given yet.
async fn beyond(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut tx = walk.store.read().await?;
    let ends = rows::beyond(&mut tx).await?;
    tx.rollback().await?;
    for (table, end) in [
        ("ledger", ends.ledger),
        ("movement", ends.movement),
        ("event", ends.event),
        ("sale", ends.sale),
        ("stock", ends.stock),
    ] {
        if end > ends.head {
            let detail = format!("has version {end}, and the hub is at {}", ends.head);
            walk.broken(Invariant::VersionsGapless, table, detail);
        }
    }
    Ok(())
}

/// Every outcome with a version is that version's.
async fn outcomes(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut after = String::new();
    let mut seen = 0;
    loop {
        let mut tx = walk.store.read().await?;
        let page = rows::commands(&mut tx, &after).await?;
        tx.rollback().await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        seen += page.len() as u64;
        walk.checked(Invariant::OneEffectPerCommand, page.len());
        for line in page {
            let Some(version) = line.version else { continue };
            if line.ledger_command.as_deref() != Some(line.id.as_str()) {
                let detail = format!("its outcome says version {version}, which is another's");
                walk.broken(Invariant::OneEffectPerCommand, line.id, detail);
            }
        }
        walk.told("outcomes", seen);
    }
}
