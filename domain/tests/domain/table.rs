//! Runs a text table: cases, steps with their expected answer, and figures afterwards.
//!
//! ```text
//! == title of a case; each begins with an empty shop
//! at 900s                              the clock; `epoch 2` restores the hub
//! receive W01 MUG 5 => done            a step and its answer; notices follow `!`
//! = stock MUG@W01 available 5          all buckets, short and discrepancy; the rest only if named
//! = moved supplier>available 5         the last step's movements, in order
//! = says TEXT                          the last step's notices in words
//! = price MUG 900 of 2                 the price now at S02, of so many dated ones
//! ```
//!
//! A wrong line panics with its number and what was found.

use std::collections::BTreeMap;

use oneshelf_domain::stock::{
    Command, Decision, HelloAnswer, ItemNo, Lease, LocationNo, Outcome, Place, StockKey, Stop,
};
use oneshelf_domain::{
    CommandId, IncarnationId, LocationCode, Refusal, ReservationId, Sku, Timestamp,
};

use super::words::{self, Log, Words};
use super::world::{World, id};

pub(crate) struct Run {
    pub world: World,
    logs: BTreeMap<String, Log>,
    last: Option<Decision>,
    step: usize,
}

pub(crate) fn run(name: &str, text: &str) {
    let mut run = None;
    let mut cases = 0;
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        let place = format!("{name}:{}: {line}", n + 1);
        if line.starts_with("== ") {
            run = Some(Run::new());
            cases += 1;
        } else if !line.is_empty() && !line.starts_with('#') {
            let run = run.as_mut().unwrap_or_else(|| panic!("{place}: no case yet"));
            run.line(line, &place);
        }
    }
    assert!(cases > 0, "{name} has no case");
}

impl Run {
    pub fn new() -> Self {
        Self { world: World::new(), logs: BTreeMap::new(), last: None, step: 0 }
    }

    fn line(&mut self, line: &str, place: &str) {
        if let Some(expected) = line.strip_prefix("= ") {
            let found = self.figure(expected);
            assert_eq!(found, expected, "\n{place}");
        } else if let Some(time) = line.strip_prefix("at ") {
            self.world.now_ms = words::seconds(time);
        } else if let Some(epoch) = line.strip_prefix("epoch ") {
            self.world.epoch = words::number(epoch);
        } else {
            let (step, expected) =
                line.rsplit_once(" => ").unwrap_or_else(|| panic!("{place}: no answer"));
            let found = self.step(step.trim());
            assert_eq!(found, expected.trim(), "\n{place}");
        }
    }

    /// Does one step and gives its answer.
    pub fn step(&mut self, line: &str) -> String {
        self.step += 1;
        let (condition, line) = words::condition(line);
        let mut w = Words::new(line, &self.world);
        let verb = w.word();
        let mut named = format!("step {}", self.step);
        let mut agent = None;
        let command = match verb {
            "put" => {
                while w.maybe().is_some() {}
                words::put_json(line.trim_start_matches("put "))
            }
            "hello" | "ask" | "fact" | "late" => {
                let name = w.word();
                agent = Some(name.to_owned());
                let log = log(&mut self.logs, name, w.option("at"));
                match verb {
                    "hello" => words::hello(name, &log, &mut w),
                    "ask" => words::ask(name, &log, &mut w),
                    "late" => {
                        let (id, command) = words::late(name, &log, &mut w);
                        named = id;
                        command
                    }
                    _ => {
                        let by = w.option("via").map_or(log.session, |a| {
                            self.logs.get(a).map_or(Lease::default(), |l| l.session)
                        });
                        let (id, command) = words::fact(name, &log, by, &mut w);
                        named = id;
                        command
                    }
                }
            }
            other => {
                if matches!(other, "reserve" | "transfer") {
                    w.word().clone_into(&mut named);
                }
                words::request(other, &mut w)
            }
        };
        assert_eq!(w.maybe(), None, "a word too many");
        let command = condition.on(command);
        let result = self.world.step(&named, &command);
        if let Some(name) = agent {
            self.heard(&name, &named, &command, &result);
        }
        let answer = self.answer(&result);
        self.last = result.ok();
        answer
    }

    fn heard(
        &mut self,
        name: &str,
        named: &str,
        command: &Command,
        result: &Result<Decision, Stop>,
    ) {
        let Some(log) = self.logs.get_mut(name) else { return };
        match (command, super::world::outcome(result)) {
            (_, Some(Outcome::Hello(HelloAnswer::Welcome { lease, .. }))) => log.session = *lease,
            (Command::Fact { seq, .. }, Some(_)) if *seq > log.seq => {
                log.seq = *seq;
                log.prev = Some(CommandId(id(named)));
            }
            _ => {}
        }
    }

    fn sku(&self, no: ItemNo) -> String {
        let item = self.world.state.item_by_no(no).ok().flatten();
        item.map_or_else(|| no.0.to_string(), |i| i.sku.to_string())
    }

    fn answer(&self, result: &Result<Decision, Stop>) -> String {
        let decision = match result {
            Ok(decision) => decision,
            Err(Stop::Refused(refusal)) => return refused(refusal),
            Err(Stop::NotNow(_)) => return "not now".to_owned(),
            Err(Stop::Missing(keys)) => panic!("unanswered: {keys:?}"),
        };
        let mut text = match &decision.outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Unchanged => "unchanged".to_owned(),
            Outcome::Item { no } => format!("item {}", self.sku(*no)),
            Outcome::Reservation { state, .. } => state.name().to_owned(),
            Outcome::Joined { location, .. } => format!("joined {location}"),
            Outcome::Hello(HelloAnswer::Stale) => "stale".to_owned(),
            Outcome::Hello(HelloAnswer::Retired) => "retired".to_owned(),
            Outcome::Hello(HelloAnswer::Welcome { lease, granted, .. }) => {
                let mut text = format!("welcome {}.{}", lease.epoch, lease.number);
                for (item, total) in granted {
                    text += &format!(" {} {total}", self.sku(*item));
                }
                text
            }
            Outcome::Grant { item, total, .. } => format!("grant {} {total}", self.sku(*item)),
            Outcome::Booked { attention: None } => "booked".to_owned(),
            Outcome::Booked { attention: Some(code) } => format!("booked, see {code}"),
            Outcome::NotBooked { code } => format!("not booked {code}"),
        };
        for notice in &decision.notices {
            text += &format!(" ! {}", notice.code);
        }
        text
    }

    /// The figure that a line asks for, in the words of the line.
    fn figure(&self, line: &str) -> String {
        let mut w = Words::new(line, &self.world);
        match w.word() {
            "stock" => self.stock_line(line, w.word()),
            "says" => {
                let notices = self.last.iter().flat_map(|decision| &decision.notices);
                let texts: Vec<&str> = notices.map(|n| n.text.as_str()).collect();
                format!("says {}", texts.join("; "))
            }
            "reservation" => {
                let name = w.word();
                let r = &self.world.reservations[&ReservationId(id(name))];
                let mut text = format!("reservation {name} {}", r.shown_state());
                let short: i64 = r.lines.iter().map(|l| l.short).sum();
                if r.is_short() {
                    text += &format!(" by {short}");
                }
                text
            }
            "due" => {
                let name = w.word();
                let subject = ReservationId(id(name)).to_string();
                let due = self.world.timers.get(&subject);
                let due = due.map_or("never".to_owned(), |t| format!("{}s", t.0 / 1_000_000));
                format!("due {name} {due}")
            }
            "incarnation" => {
                let name = w.word();
                let i = &self.world.incarnations[&IncarnationId(id(name))];
                let mut text = format!("incarnation {name}");
                for (flag, word) in
                    [(!i.retired, "live"), (i.retired, "retired"), (i.forked, "forked")]
                {
                    text += &if flag { format!(" {word}") } else { String::new() };
                }
                text += if i.closed { " closed" } else { "" };
                format!("{text} last {}", i.last)
            }
            "share" => self.share_line(w.word(), w.word()),
            "price" => self.price_line(w.word()),
            "moved" => self.moved(),
            other => panic!("no such figure: {other}"),
        }
    }

    fn stock_line(&self, line: &str, spot: &str) -> String {
        let (sku, code) = spot.split_once('@').unwrap();
        let row = self.world.stock(self.world.key(sku, code));
        let mut text = format!("stock {spot}");
        for place in Place::ALL {
            let asked = line.split_whitespace().any(|w| w == place.name());
            let always = place.is_bucket() || place == Place::Discrepancy;
            if asked || always && row.at(place) != 0 {
                text += &format!(" {} {}", place.name(), row.at(place));
            }
        }
        if row.short != 0 {
            text += &format!(" short {}", row.short);
        }
        text
    }

    fn share_line(&self, agent: &str, sku: &str) -> String {
        let incarnation = IncarnationId(id(agent));
        let location =
            self.logs.get(agent).map_or(LocationNo(0), |l| self.world.location(&l.location));
        let key = StockKey { item: self.world.item(sku), location };
        let s = self.world.shares.get(&(key, incarnation)).copied().unwrap_or_default();
        let mut text = format!("share {agent} {sku}");
        for (name, n) in [
            ("granted", s.granted),
            ("brought", s.brought),
            ("sold", s.sold),
            ("returned", s.returned),
            ("doubt", s.doubt),
            ("written_off", s.written_off),
        ] {
            if n != 0 {
                text += &format!(" {name} {n}");
            }
        }
        text
    }

    /// The price now at S02, of all that are kept.
    fn price_line(&self, sku: &str) -> String {
        let item = self.world.state.item(&Sku::new(sku).unwrap()).unwrap().unwrap();
        let (now, code) = (Timestamp(self.world.now_ms * 1_000), LocationCode::new("S02").unwrap());
        let price = item.price_at(now, self.world.state.records.zone_of(Some(&code)));
        let price = price.map_or("none".to_owned(), |p| p.minor.to_string());
        format!("price {sku} {price} of {}", item.prices.len())
    }

    fn moved(&self) -> String {
        let mut text = "moved".to_owned();
        for m in self.last.iter().flat_map(|d| &d.movements) {
            text += &format!(" {}>{} {}", m.from.place.name(), m.to.place.name(), m.quantity);
        }
        text
    }
}

fn log(logs: &mut BTreeMap<String, Log>, name: &str, at: Option<&str>) -> Log {
    let log = logs.entry(name.to_owned()).or_insert_with(|| Log {
        location: "S07".to_owned(),
        session: Lease::default(),
        seq: 0,
        prev: None,
    });
    if let Some(at) = at {
        at.clone_into(&mut log.location);
    }
    log.clone()
}

fn refused(refusal: &Refusal) -> String {
    let code = refusal.code();
    let more = match refusal {
        Refusal::Invalid { field, .. } => field.clone(),
        Refusal::NotEnoughAvailable { sku, available, wanted } => {
            format!("{available} of {wanted} {sku}")
        }
        Refusal::TooManyHeld { sku, most } => format!("{most} {sku}"),
        Refusal::BarcodeInUse { barcode } => barcode.clone(),
        Refusal::KitNested { sku } => sku.clone(),
        Refusal::ReservationEnded { state } => state.clone(),
        Refusal::ReservationState { state, step } => format!("{state} {step}"),
        Refusal::RecordUnknown { what } => what.clone(),
        _ => String::new(),
    };
    format!("refused {code} {more}").trim_end().to_owned()
}
