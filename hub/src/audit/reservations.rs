//! Reservations: they end once, their lines know whether they are open, holds have timers.

use super::{Invariant, Walk};
use crate::store::StoreError;
use crate::store::audit::{self as rows, ReservationLine};

/// Versions whose events are read at once.
const WINDOW: i64 = 5_000;

pub(super) async fn check(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    by_id(walk).await?;
    ends(walk).await?;
    timers(walk).await
}

async fn by_id(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut after = String::new();
    let mut seen = 0;
    loop {
        let mut tx = walk.store.read().await?;
        let oldest_event = rows::oldest_event(&mut tx).await?;
        let page = rows::reservations(&mut tx, &after).await?;
        tx.rollback().await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        seen += page.len() as u64;
        for invariant in [Invariant::ReservationsEndOnce, Invariant::TimersMatchHolds] {
            walk.checked(invariant, page.len());
        }
        for line in page {
            one(walk, &line, oldest_event);
        }
        walk.told("reservations", seen);
    }
}

fn one(walk: &mut Walk<'_>, line: &ReservationLine, oldest_event: Option<i64>) {
    let id = line.id.as_str();
    if line.wrong_open > 0 || line.lines == 0 {
        let detail = format!(
            "is {}; {} of its {} lines say otherwise",
            line.state, line.wrong_open, line.lines
        );
        walk.broken(Invariant::ReservationsMatchBuckets, id, detail);
    }
    let ended = matches!(line.state.as_str(), "consumed" | "released" | "expired" | "transferred");
    let told = line.event.as_deref().and_then(|e| e.strip_prefix("reservation."));
    // Events are deleted oldest first, and the oldest version may be half gone.
    if ended
        && oldest_event.is_some_and(|oldest| line.version > oldest)
        && told != Some(line.state.as_str())
    {
        let told = told.unwrap_or("nothing");
        let detail = format!("is {}, and version {} tells {told}", line.state, line.version);
        walk.broken(Invariant::ReservationsEndOnce, id, detail);
    }
    let due = line.expires_at.filter(|_| line.state == "held");
    if due != line.due_at {
        let show = |t: Option<i64>| t.map_or("never".to_owned(), |t| t.to_string());
        let detail = format!(
            "is {}, to expire at {}, its timer is due at {}",
            line.state,
            show(due),
            show(line.due_at)
        );
        walk.broken(Invariant::TimersMatchHolds, id, detail);
    }
}

/// Whoever ended never changes again: each end that was told is the one in the table.
async fn ends(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut tx = walk.store.read().await?;
    let oldest = rows::oldest_event(&mut tx).await?;
    tx.rollback().await?;
    let Some(oldest) = oldest else { return Ok(()) };
    let mut after = oldest - 1;
    let mut seen = 0;
    while after < walk.upto {
        let upto = walk.upto.min(after + WINDOW);
        let mut tx = walk.store.read().await?;
        let page = rows::ending_events(&mut tx, after, upto).await?;
        tx.rollback().await?;
        after = upto;
        seen += page.len() as u64;
        walk.checked(Invariant::ReservationsEndOnce, page.len());
        for event in page {
            let told = event.kind.strip_prefix("reservation.");
            if event.state.as_deref() != told || event.state_version != Some(event.version) {
                let state = event.state.as_deref().unwrap_or("unknown");
                let detail = format!(
                    "version {} tells {}, and it is {state} since version {}",
                    event.version,
                    told.unwrap_or_default(),
                    event.state_version.unwrap_or_default()
                );
                walk.broken(Invariant::ReservationsEndOnce, event.subject, detail);
            }
        }
        walk.told("ends of reservations", seen);
    }
    Ok(())
}

async fn timers(walk: &mut Walk<'_>) -> Result<(), StoreError> {
    let mut after = (String::new(), String::new());
    loop {
        let mut tx = walk.store.read().await?;
        let page = rows::timers(&mut tx, (&after.0, &after.1)).await?;
        tx.rollback().await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.kind.clone(), last.subject.clone());
        walk.checked(Invariant::TimersMatchHolds, page.len());
        for timer in page {
            // A timer of a known reservation was compared with it already.
            if timer.kind != "expire_reservation" || timer.state.is_none() {
                let detail = format!("a timer {} without anything to wait for", timer.kind);
                walk.broken(Invariant::TimersMatchHolds, timer.subject, detail);
            }
        }
    }
}
