//! What must be so of several hubs on one database, whatever happened to them.
//!
//! Plain functions over what was seen; it knows no process, no database and no hub. Invariant:
//! each of them can fail, and its test shows how.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

/// A row that a job wrote, and whose the job was at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which job it is of.
    pub job: String,
    /// The hub that wrote.
    pub who: String,
    /// The hub that had the lease, and its fence.
    pub holder: (String, i64),
    /// What was written.
    pub what: String,
}

/// Nobody writes for a job that another hub has.
///
/// # Errors
/// Names the first such write.
pub fn nothing_stale(writes: &[Write]) -> Result<()> {
    match writes.iter().find(|write| write.who != write.holder.0) {
        Some(write) => bail!(
            "a stale write: {} wrote {} for {}, which {} had, fence {}",
            write.who,
            write.what,
            write.job,
            write.holder.0,
            write.holder.1
        ),
        None => Ok(()),
    }
}

/// Whoever takes a lease takes it with a higher fence than all before.
///
/// # Errors
/// Names the first that did not.
pub fn fences_rise(taken: &[(String, i64)]) -> Result<()> {
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    for (job, fence) in taken {
        let before = last.insert(job, *fence).unwrap_or(0);
        ensure!(*fence > before, "{job}: fence {fence} was given after {before}");
    }
    Ok(())
}

/// Something that arrived at the channel's endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// `webhook-id`.
    pub id: String,
    /// `stock.changed` ...
    pub kind: String,
    /// The SKU, or the channel's order.
    pub subject: String,
    /// Its bytes.
    pub body: String,
    /// Of a figure: (epoch, version).
    pub at: (i64, i64),
}

/// Deliveries come at least once: one that comes again has the same id and the same bytes, and of
/// an order each word has one id. Gives how many came again.
///
/// # Errors
/// Names the first that came as something else.
pub fn told_once(arrivals: &[Arrival]) -> Result<usize> {
    let (mut bodies, mut words) = (BTreeMap::new(), BTreeMap::new());
    for one in arrivals {
        let first = bodies.entry(&one.id).or_insert(&one.body);
        ensure!(*first == &one.body, "{} came as {first} and as {}", one.id, one.body);
        let about = match one.kind.as_str() {
            // Of an item there are many words; of one moment there is one.
            "stock.changed" => format!("{} at {:?}", one.subject, one.at),
            _ => one.subject.clone(),
        };
        let id = words.entry((&one.kind, about.clone())).or_insert(&one.id);
        ensure!(*id == &one.id, "{} of {about} was told as {id} and as {}", one.kind, one.id);
    }
    Ok(arrivals.len() - bodies.len())
}

/// A part of a feed: rows as (version, line) behind one cursor, up to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The cursor that was asked with.
    pub after: i64,
    /// The one for the next page.
    pub upto: i64,
    /// What came.
    pub rows: Vec<(i64, i64)>,
}

/// A feed read with its cursors has every row once, in the order of versions, and no other.
///
/// # Errors
/// Names the first row that is missing, doubled or out of its order.
pub fn whole(pages: &[Page], table: &[(i64, i64)]) -> Result<()> {
    let mut upto = 0;
    let mut rows = vec![];
    for page in pages {
        ensure!(
            page.after == upto,
            "a page begins at {}, the last one ended at {upto}",
            page.after
        );
        upto = page.upto;
        for row in &page.rows {
            let within = page.after < row.0 && row.0 <= page.upto;
            ensure!(within, "row {row:?} came in the page {}..{}", page.after, page.upto);
            if let Some(last) = rows.last() {
                ensure!(last < row, "row {row:?} came after {last:?}");
            }
            rows.push(*row);
        }
    }
    let theirs: BTreeSet<_> = rows.iter().collect();
    let ours: BTreeSet<_> = table.iter().filter(|row| row.0 <= upto).collect();
    if let Some(row) = ours.symmetric_difference(&theirs).next() {
        bail!("row {row:?} is in the table or in the feed, not in both");
    }
    let last = table.iter().map(|row| row.0).max().unwrap_or(0);
    ensure!(upto >= last, "the feed ends at {upto}, the table at {last}");
    Ok(())
}

/// A frame of a live reader: `after` is none of a snapshot.
pub type Frame = (Option<i64>, i64);

/// Live frames follow each other: each begins where the one before ended, and none goes back. A
/// snapshot begins anew, as after a lost line. Gives how many changes came.
///
/// # Errors
/// Names the first frame that does not.
pub fn live_in_order(frames: &[Frame]) -> Result<usize> {
    let mut last: Option<i64> = None;
    for frame in frames {
        match (last, frame) {
            (Some(upto), (Some(after), _)) if upto != *after => {
                bail!("a frame begins at {after}, the one before ended at {upto}")
            }
            (None, (Some(_), _)) => bail!("changes {frame:?} came before a snapshot"),
            (_, (Some(after), upto)) if upto < after => bail!("frame {frame:?} goes back"),
            _ => last = Some(frame.1),
        }
    }
    Ok(frames.iter().filter(|(after, _)| after.is_some()).count())
}

/// Of each reservation: how it ended, once.
///
/// # Errors
/// Names the first that did not end so, or not once.
pub fn ended_once(wanted: &BTreeMap<String, &str>, ends: &[(String, String)]) -> Result<()> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (kind, subject) in ends {
        found.entry(subject).or_default().push(kind);
    }
    for (id, end) in wanted {
        let ends = found.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let right = match *end {
            "held" | "committed" => ends.is_empty(),
            end => matches!(ends, [one] if one.strip_prefix("reservation.") == Some(end)),
        };
        ensure!(right, "{id} should be {end}, once, and its ends are {ends:?}");
    }
    Ok(())
}

/// What became of orders: each is told as its row says, and its units are as its row says.
///
/// # Errors
/// Names the first order that is not.
pub fn orders_kept(
    sent: &BTreeMap<String, bool>,
    rows: &BTreeMap<String, (String, String)>,
    claims: &BTreeMap<String, String>,
    arrivals: &[Arrival],
) -> Result<()> {
    let told: BTreeSet<(&str, &str)> =
        arrivals.iter().map(|a| (a.kind.as_str(), a.subject.as_str())).collect();
    for (order, cancelled) in sent {
        let (state, reservation) = rows.get(order).with_context(|| format!("{order} is lost"))?;
        let claim = claims.get(reservation).map(String::as_str);
        let right = match (cancelled, state.as_str()) {
            (true, "cancelled") => {
                told.contains(&("order.cancelled", order))
                    && matches!(claim, None | Some("released"))
            }
            (false, "accepted") => {
                told.contains(&("order.accepted", order)) && claim == Some("committed")
            }
            _ => false,
        };
        ensure!(
            right,
            "order {order}, cancelled: {cancelled}, is {state}, its units are {claim:?}, and the \
             channel was told {:?}",
            told.iter().filter(|(_, of)| of == order).collect::<Vec<_>>()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(who: &str, holder: &str) -> Write {
        Write {
            job: "timers".to_owned(),
            who: who.to_owned(),
            holder: (holder.to_owned(), 3),
            what: "delivery UPDATE".to_owned(),
        }
    }

    #[test]
    fn a_write_of_the_former_holder_is_named() {
        nothing_stale(&[write("a", "a"), write("b", "b")]).unwrap();
        let error = nothing_stale(&[write("a", "a"), write("a", "b")]).unwrap_err();
        assert!(error.to_string().contains("a wrote delivery UPDATE"), "{error}");
    }

    #[test]
    fn a_fence_that_does_not_rise_is_named() {
        let taken = |all: &[(&str, i64)]| -> Vec<(String, i64)> {
            all.iter().map(|(job, fence)| ((*job).to_owned(), *fence)).collect()
        };
        fences_rise(&taken(&[("x", 1), ("y", 1), ("x", 2)])).unwrap();
        assert!(fences_rise(&taken(&[("x", 1), ("y", 1), ("x", 1)])).is_err());
    }

    fn arrival(id: &str, kind: &str, subject: &str, body: &str, version: i64) -> Arrival {
        let [id, kind, subject, body] = [id, kind, subject, body].map(str::to_owned);
        Arrival { id, kind, subject, body, at: (1, version) }
    }

    #[test]
    fn a_delivery_may_come_again_only_as_it_was() {
        let first = arrival("e1", "order.accepted", "W1", "x", 0);
        assert_eq!(told_once(&[first.clone(), first.clone()]).unwrap(), 1);
        let other_bytes = Arrival { body: "y".to_owned(), ..first.clone() };
        assert!(told_once(&[first.clone(), other_bytes]).is_err());
        let other_id = Arrival { id: "e2".to_owned(), ..first.clone() };
        assert!(told_once(&[first, other_id]).is_err());
        let figure = |id, version| arrival(id, "stock.changed", "TEA", id, version);
        assert_eq!(told_once(&[figure("a", 5), figure("b", 6)]).unwrap(), 0);
        assert!(told_once(&[figure("a", 5), figure("b", 5)]).is_err());
    }

    fn page(after: i64, upto: i64, rows: &[(i64, i64)]) -> Page {
        Page { after, upto, rows: rows.to_vec() }
    }

    #[test]
    fn a_feed_that_skips_doubles_or_jumps_is_named() {
        let table = [(1, 0), (2, 0), (2, 1), (4, 0)];
        let good = [page(0, 2, &table[..3]), page(2, 3, &[]), page(3, 4, &table[3..])];
        whole(&good, &table).unwrap();
        let bad = [
            vec![page(0, 2, &table[..2]), page(2, 4, &table[3..])],
            vec![page(0, 2, &table[..3]), page(1, 4, &table[3..])],
            vec![page(0, 2, &table[..3]), page(2, 4, &[(2, 1), (4, 0)])],
            vec![page(0, 4, &[(1, 0), (2, 1), (2, 0), (4, 0)])],
            vec![page(0, 4, &[(1, 0), (2, 0), (2, 1), (3, 0), (4, 0)])],
            vec![page(0, 2, &table[..3])],
        ];
        for (number, pages) in bad.iter().enumerate() {
            assert!(whole(pages, &table).is_err(), "{number}");
        }
    }

    #[test]
    fn live_frames_join() {
        assert_eq!(live_in_order(&[(None, 3), (Some(3), 7), (None, 9), (Some(9), 9)]).unwrap(), 2);
        for bad in [
            vec![(None, 3), (Some(4), 7)],
            vec![(None, 3), (Some(2), 7)],
            vec![(Some(3), 7)],
            vec![(None, 3), (Some(3), 2)],
        ] {
            assert!(live_in_order(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_end_that_is_missing_doubled_or_another_is_named() {
        let end = |kind: &str, id: &str| (format!("reservation.{kind}"), id.to_owned());
        let wanted = |end| BTreeMap::from([("r1".to_owned(), end)]);
        ended_once(&wanted("expired"), &[end("expired", "r1"), end("released", "r2")]).unwrap();
        ended_once(&wanted("held"), &[]).unwrap();
        assert!(ended_once(&wanted("expired"), &[]).is_err());
        assert!(ended_once(&wanted("expired"), &[end("released", "r1")]).is_err());
        assert!(ended_once(&wanted("held"), &[end("expired", "r1")]).is_err());
        let twice = [end("expired", "r1"), end("expired", "r1")];
        assert!(ended_once(&wanted("expired"), &twice).is_err());
    }

    #[test]
    fn an_order_that_a_former_holder_brought_back_is_named() {
        let check = |cancelled, state: &str, claim: &str, kind: &str| {
            let sent = BTreeMap::from([("W1".to_owned(), cancelled)]);
            let row = (state.to_owned(), "rsv_1".to_owned());
            let rows = BTreeMap::from([("W1".to_owned(), row)]);
            let claims = BTreeMap::from([("rsv_1".to_owned(), claim.to_owned())]);
            orders_kept(&sent, &rows, &claims, &[arrival("e", kind, "W1", "", 0)])
        };
        check(false, "accepted", "committed", "order.accepted").unwrap();
        check(true, "cancelled", "released", "order.cancelled").unwrap();
        assert!(check(true, "accepted", "released", "order.cancelled").is_err());
        assert!(check(true, "cancelled", "committed", "order.cancelled").is_err());
        assert!(check(true, "cancelled", "released", "order.accepted").is_err());
        assert!(check(false, "placed", "committed", "order.accepted").is_err());
        let sent = BTreeMap::from([("W1".to_owned(), false)]);
        assert!(orders_kept(&sent, &BTreeMap::new(), &BTreeMap::new(), &[]).is_err());
    }
}
