//! A store's agent is put back to yesterday, told so or by hand, and copied: each is noticed at the
//! next contact, named, and led back (reference/shares.md sections 3 and 6).
//!
//! Every round sells before, lets a day pass (the programs' clock is put forward), moves the share,
//! makes the trouble, and looks: the old life is
//! retired, its share in doubt, nobody else is taken for a copy; every sale that a disk still has
//! is booked once; after a count the shelf, the hub and the store agree. At the end the audit is
//! clean, and receipt numbers come twice only where two machines sold without a line.

mod machine;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use self::machine::{Book, LIMIT, Machine, Maker, copy_folder, remove_journal};
use super::client::{Ask, Caller, until};
use super::clock::Clock;
use super::dice::Dice;
use super::register::Sold;
use super::world::{Engine, Item, STORE, World};
use super::{rows, settle};

const ITEMS: usize = 5;
const OPENING: i64 = 2_000;
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// So few that grants follow every ticket, and some sales go beyond.
const SHARE: i64 = 4;

/// The shop, and what is looked at over all rounds.
struct Drill<'a> {
    world: &'a World,
    clock: Arc<Clock>,
    hub: Caller,
    items: Vec<Item>,
    book: Book,
    dice: Dice,
    /// Lives that were lived twice.
    forks: usize,
    /// Machines that a manager had to let on.
    copies: usize,
    refused: usize,
}

/// Makes so many rounds of each; says what happened.
///
/// # Errors
/// What was wrong.
pub async fn run(
    world: &mut World,
    _engine: Engine,
    rounds: usize,
    dice: &mut Dice,
) -> Result<String> {
    let clock = world.with_a_clock()?;
    let hub_process = world.hub(0)?.start_sound().await?;
    world.open_store(&["R1"]).await?;
    let items = world.items(ITEMS, &[(STORE, OPENING)]).await?;
    world.policy(&format!("share/{STORE}/*"), SHARE).await?;
    world.enrol(world.hubs[0]).await?;
    let (program, _) = world.agent()?;
    let (folder, address) = (world.journal(), world.hubs[0]);
    let mut one = Machine::new(&program, &folder, address, "agent", dice).await?;
    let second = world.folder.join("agent-2");
    let mut two = Machine::new(&program, &second, address, "agent-2", dice).await?;
    one.enrolled().await?;
    let (hub, dice) = (world.admin(0)?, dice.fork());
    let (book, world) = (Book::default(), &*world);
    let mut drill = Drill { world, clock, hub, items, book, dice, forks: 0, copies: 0, refused: 0 };
    for round in 0..rounds {
        drill.told(&mut one, round).await.with_context(|| format!("restore {round}"))?;
        drill.by_hand(&mut one, round).await.with_context(|| format!("by hand {round}"))?;
        drill.copied(&mut one, &mut two).await.with_context(|| format!("copy {round}"))?;
    }
    one.stop().await?;
    hub_process.stop().await?;
    drill.compare().await?;
    let Drill { book, forks, copies, refused, .. } = &drill;
    Ok(format!(
        "{rounds} restores of an agent to yesterday, {rounds} by hand, {rounds} copies: {} sales, \
         {} more went with their disk; {forks} forks, no false alarm; {copies} machines went on \
         after a manager's yes; {refused} payments waited for the hub's word; {} numbers came \
         twice, all without a line; each sale booked once, counted, views equal, audit clean",
        book.sold.len(),
        book.lost.len(),
        book.doubles(),
    ))
}

impl Drill<'_> {
    /// `pos-agent restore`: over a journal that can be read, or in the place of a lost disk.
    async fn told(&mut self, one: &mut Machine, round: usize) -> Result<()> {
        let file = self.yesterday(one, "told", round).await?;
        let before = self.doubts(one).await?;
        one.cut();
        let unsent = self.sell(one, 1, 3).await?;
        one.kill().await?;
        let disk_lost = round % 2 == 1;
        if disk_lost {
            remove_journal(&one.data)?;
            self.book.lost.extend(unsent);
        } else {
            self.book.sold.extend(unsent);
        }
        let replace: &[&str] = if disk_lost { &[] } else { &["--replace"] };
        one.command(&[&["restore", &file][..], replace].concat()).await?;
        one.start().await?;
        match one.ticket(&self.items, &mut self.dice).await? {
            Err(code) if disk_lost && code == "receipt_numbers_unknown" => self.refused += 1,
            Ok(sold) if !disk_lost => self.book.sold.push(sold),
            other => bail!("lost disk: {disk_lost}, without a line: {other:?}"),
        }
        one.mend();
        one.shows(&["restored"]).await?;
        one.drained().await?;
        if disk_lost {
            self.in_doubt(&before).await?;
        }
        self.whole_again(one).await
    }

    /// The disk is put back, and nobody says so; in every second round it sells before it is heard.
    async fn by_hand(&mut self, one: &mut Machine, round: usize) -> Result<()> {
        let file = self.yesterday(one, "hand", round).await?;
        let before = self.doubts(one).await?;
        one.stop().await?;
        remove_journal(&one.data)?;
        std::fs::copy(&file, one.data.join("agent.sqlite"))?;
        let dark = round % 2 == 1;
        if dark {
            one.cut();
        }
        one.start().await?;
        if dark {
            let sold = self.sell(one, 1, 3).await?;
            self.book.sold.extend(sold);
            one.mend();
        }
        one.shows(&["copied"]).await?;
        one.drained().await?;
        self.forks += 1;
        self.told_of("agent_forked", self.forks).await?;
        if !dark {
            self.in_doubt(&before).await?;
        }
        self.whole_again(one).await
    }

    /// The folder is copied, and both machines sell: first without a line, then one waits.
    async fn copied(&mut self, one: &mut Machine, two: &mut Machine) -> Result<()> {
        let sold = self.sell(one, 1, 3).await?;
        self.book.sold.extend(sold);
        one.drained().await?;
        one.stop().await?;
        copy_folder(&one.data, &two.data)?;
        for machine in [&mut *one, &mut *two] {
            machine.cut();
            machine.start().await?;
            let sold = self.sell(machine, 1, 3).await?;
            self.book.sold.extend(sold);
            machine.mend();
        }
        let second_waits = until(LIMIT, async || {
            let words = (one.word().await?, two.word().await?);
            Ok(match (&*words.0, &*words.1) {
                ("waits", other) if other != "waits" => Ok(false),
                (other, "waits") if other != "waits" => Ok(true),
                _ => Err(format!("one of two goes on: {words:?}")),
            })
        });
        let second_waits = second_waits.await?;
        let (goes_on, waits) = match second_waits {
            true => (&*one, &mut *two),
            false => (&*two, &mut *one),
        };
        goes_on.drained().await?;
        self.forks += 1;
        self.told_of("agent_forked", self.forks).await?;
        match waits.ticket(&self.items, &mut self.dice).await? {
            Err(code) if code == "receipt_numbers_unknown" => self.refused += 1,
            other => bail!("a copy that waits sells: {other:?}"),
        }
        self.yes(waits).await?;
        let (waits_now, goes_on) = if second_waits { (&*one, &*two) } else { (&*two, &*one) };
        waits_now.shows(&["waits"]).await?;
        // The store's own machine goes on in the end, and the copy is switched off.
        if second_waits {
            self.yes(waits_now).await?;
        } else {
            goes_on.drained().await?;
        }
        two.shows(&["waits"]).await?;
        two.stop().await?;
        std::fs::remove_dir_all(&two.data)?;
        self.forget_waiting().await?;
        self.whole_again(one).await
    }

    /// A manager says yes to the machine that waits, which then tells what it sold.
    async fn yes(&mut self, machine: &Machine) -> Result<()> {
        let waiting = until(LIMIT, async || {
            let mut waiting = self.waiting().await?;
            Ok(waiting.pop().ok_or_else(|| "no copy is listed".to_owned()))
        });
        let life = waiting.await?;
        self.copies += 1;
        let path = format!("/v1/agent-copies/{life}");
        self.hub.need(&Ask::put(&path, &json!({"allowed": true}))).await?;
        machine.shows(&["copied", "sound"]).await?;
        machine.drained().await
    }

    async fn waiting(&self) -> Result<Vec<String>> {
        let copies = self.hub.need(&Ask::get("/v1/agent-copies?limit=500")).await?;
        let waits = |c: &&Value| c["state"] == json!("waiting");
        let all = copies["copies"].as_array().into_iter().flatten();
        Ok(all.filter(waits).filter_map(|c| c["life"].as_str().map(str::to_owned)).collect())
    }

    /// The copy that was switched off is not waited for any more.
    async fn forget_waiting(&self) -> Result<()> {
        for life in self.waiting().await? {
            let path = format!("/v1/agent-copies/{life}");
            self.hub.need(&Ask::put(&path, &json!({"allowed": false}))).await?;
        }
        Ok(())
    }

    async fn sell(&mut self, machine: &mut Machine, low: u64, high: u64) -> Result<Vec<Sold>> {
        let tickets = self.dice.between(low, high);
        machine.sell(&self.items, tickets, &mut self.dice).await
    }

    /// A backup under sales; since then a day, sales, a recall by a lower policy, and new grants.
    async fn yesterday(&mut self, one: &mut Machine, what: &str, round: usize) -> Result<String> {
        let sold = self.sell(one, 1, 3).await?;
        self.book.sold.extend(sold);
        let file = self.world.folder.join(format!("{what}-{round}.sqlite")).display().to_string();
        let (items, dice) = (&self.items, &mut self.dice);
        let maker = Maker::of(one);
        let (made, sold) = tokio::join!(maker.backup(&file), one.sell(items, 2, dice));
        made?;
        self.book.sold.extend(sold?);
        self.clock.forward(DAY).await?;
        let policy = format!("share/{STORE}/*");
        self.world.policy(&policy, 1).await?;
        let sold = self.sell(one, 1, 3).await?;
        self.book.sold.extend(sold);
        one.drained().await?;
        self.share_is(1).await?;
        self.world.policy(&policy, SHARE).await?;
        let sold = self.sell(one, 1, 3).await?;
        self.book.sold.extend(sold);
        one.drained().await?;
        self.share_is(SHARE).await?;
        Ok(file)
    }

    /// Waits until the hub sees so much share of every item.
    async fn share_is(&self, units: i64) -> Result<()> {
        for item in &self.items {
            until(LIMIT, async || {
                let figures = settle::at_store(&self.hub, &item.sku).await?;
                let good = figures["store_share"].as_i64() == Some(units);
                Ok(if good { Ok(()) } else { Err(format!("{}: {figures}", item.sku)) })
            })
            .await
            .with_context(|| format!("the share does not come to {units}"))?;
        }
        Ok(())
    }

    /// What will be in doubt when this machine forgets: its share, by item.
    async fn doubts(&self, one: &Machine) -> Result<BTreeMap<String, i64>> {
        one.drained().await?;
        let mut doubts = BTreeMap::new();
        for item in &self.items {
            let figures = settle::at_store(&self.hub, &item.sku).await?;
            let share = figures["store_share"].as_i64().context("a share")?;
            doubts.insert(item.sku.clone(), share);
        }
        Ok(doubts)
    }

    /// Exactly that is in doubt now.
    async fn in_doubt(&self, before: &BTreeMap<String, i64>) -> Result<()> {
        for (sku, share) in before {
            let figures = settle::at_store(&self.hub, sku).await?;
            settle::expect(&figures, "in_doubt", *share, sku)?;
        }
        Ok(())
    }

    /// A count, and all is as it was: nothing in doubt, the book's shelf, equal views, sales.
    async fn whole_again(&mut self, one: &mut Machine) -> Result<()> {
        let sold = self.sell(one, 1, 2).await?;
        self.book.sold.extend(sold);
        one.drained().await?;
        one.count(&self.items, &self.book, OPENING).await?;
        self.share_is(SHARE).await?;
        for item in &self.items {
            let figures = settle::at_store(&self.hub, &item.sku).await?;
            let left = self.book.left(&item.sku, OPENING);
            settle::expect(&figures, "on_hand", left, &item.sku)?;
            settle::expect(&figures, "in_doubt", 0, &item.sku)?;
            settle::expect(&figures, "discrepancy", 0, &item.sku)?;
        }
        let skus: Vec<String> = self.items.iter().map(|item| item.sku.clone()).collect();
        settle::same_views(&mut one.register, &self.hub, skus.iter()).await?;
        // Nobody was taken for a copy who is none.
        self.told_of("agent_forked", self.forks).await
    }

    /// There are so many notices of a code.
    async fn told_of(&self, code: &str, times: usize) -> Result<()> {
        let mut cursor = String::new();
        let mut found = 0;
        loop {
            let page = self.hub.need(&Ask::get(&format!("/v1/notices?limit=500{cursor}"))).await?;
            let all = page["notices"].as_array().into_iter().flatten();
            found += all.filter(|n| n["code"] == json!(code)).count();
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        ensure!(found == times, "{found} notices of {code}, and there should be {times}");
        Ok(())
    }

    /// Hub, book and audit at the end.
    async fn compare(&self) -> Result<()> {
        let key = |receipt: &str, total: i64, units: &BTreeMap<String, i64>| -> Key {
            (receipt.to_owned(), total, units.clone())
        };
        let hub = rows::sales(&self.world.database).await?;
        let mut theirs: Vec<_> =
            hub.iter().map(|sale| key(&sale.receipt, sale.total, &sale.units)).collect();
        let mut ours: Vec<_> =
            self.book.sold.iter().map(|sold| key(&sold.receipt, sold.total, &sold.units)).collect();
        theirs.sort();
        ours.sort();
        if theirs != ours {
            let only = |a: &[Key], b: &[Key]| -> Vec<Key> {
                a.iter().filter(|sale| !b.contains(sale)).cloned().collect()
            };
            bail!(
                "{} sales and {} at the hub; only sold {:?}; only booked {:?}",
                ours.len(),
                theirs.len(),
                only(&ours, &theirs),
                only(&theirs, &ours)
            );
        }
        let said = self.world.audit().await?;
        let explained = said.lines().filter(|line| line.starts_with("explained")).count();
        let doubles = self.book.doubles();
        // The audit tells a hundred of them.
        ensure!(explained == doubles.min(100), "{doubles} numbers came twice: {said}");
        Ok(())
    }
}

/// A sale as hub and book compare it: receipt number, total, units.
type Key = (String, i64, BTreeMap<String, i64>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_sale_is_gone_from_the_shelf_and_doubles_nothing() {
        let sold = |receipt: &str, n: i64| Sold {
            receipt: receipt.to_owned(),
            total: 1,
            units: BTreeMap::from([("A".to_owned(), n)]),
        };
        let book = Book {
            sold: vec![sold("1", 2), sold("2", 1), sold("2", 1)],
            lost: vec![sold("3", 5), sold("1", 1)],
        };
        assert_eq!((book.left("A", 100), book.left("B", 100)), (90, 100));
        assert_eq!(book.doubles(), 1);
    }
}
