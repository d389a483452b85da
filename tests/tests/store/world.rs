//! Random commands of every kind, that mostly make sense: the generator keeps what it was
//! answered, as shops and agents would.

mod agents;

use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::record::{
    Agent, Buffer, Enrolment, LocationKind, Record, RecordState, Safety, SharePolicy, ShareRule,
    Sold, WalkIn,
};
use oneshelf_domain::stock::{
    Adjustment, ArrivedLine, Command, FactBody, ItemNo, LocationNo, Outcome, Place,
};
use oneshelf_domain::{
    AgentId, Currency, DatedPrice, LocationCode, Money, ReservationId, Sku, Timestamp,
};
use oneshelf_sync::plan::{Reply, Submission};

use self::agents::StoreAgent;
use crate::random::Random;
use crate::shop::{keyed, put_item, put_kit, put_location};

const SKUS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];
const CODES: [&str; 5] = ["W01", "W02", "S01", "S02", "T01"];

pub(crate) struct World {
    pub(crate) random: Random,
    items: Vec<ItemNo>,
    locations: Vec<LocationNo>,
    reservations: Vec<ReservationId>,
    sent: Vec<Submission>,
    agents: Vec<StoreAgent>,
    codes: i64,
    sales: i64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let agents = (0..2).map(|_| StoreAgent::new(&mut random)).collect();
        Self {
            random,
            items: vec![],
            locations: vec![],
            reservations: vec![],
            sent: vec![],
            agents,
            codes: 0,
            sales: 0,
        }
    }

    /// Locations, items and stock to begin with: three batches.
    pub(crate) fn opening(&mut self, step: usize) -> Vec<Submission> {
        let commands: Vec<Command> = match step {
            0 => {
                let kind = |c: &str| match &c[..1] {
                    "W" => LocationKind::Warehouse,
                    "T" => LocationKind::Transit,
                    _ => LocationKind::Store,
                };
                CODES.iter().map(|c| put_location(c, kind(c))).collect()
            }
            1 => SKUS.iter().map(|sku| put_item(sku, &[])).collect(),
            _ => {
                let lines: Vec<_> = self.items.iter().map(|i| (*i, 40)).collect();
                let receive = |location: &LocationNo| Command::Receive {
                    location: *location,
                    lines: lines.clone(),
                    reference: Some("PO-1".to_owned()),
                };
                self.locations.iter().map(receive).collect()
            }
        };
        commands.into_iter().map(|c| keyed(self.random.uuid(), c)).collect()
    }

    /// Learns from the answers to a batch.
    pub(crate) fn learn(&mut self, batch: &[Submission], replies: &[Reply]) {
        for (submission, reply) in batch.iter().zip(replies) {
            let Reply::Accepted { outcome, version, .. } = reply else { continue };
            match (&submission.command, outcome, version) {
                (Command::PutItem { .. }, Outcome::Item { no }, _) if !self.items.contains(no) => {
                    self.items.push(*no);
                }
                (Command::PutRecord { record }, _, Some(v))
                    if self.locations.len() < CODES.len()
                        && matches!(**record, Record::Location(_)) =>
                {
                    self.locations.push(LocationNo(v.0));
                }
                (
                    Command::Fact { body: FactBody::Sent { .. }, .. }
                    | Command::BookRejected { body: FactBody::Sent { .. }, .. },
                    Outcome::Booked { .. },
                    _,
                ) => {
                    self.reservations.push(ReservationId(submission.id.0));
                }
                (_, Outcome::Reservation { id, .. }, _) if !self.reservations.contains(id) => {
                    self.reservations.push(*id);
                }
                (Command::Hello { incarnation, .. }, Outcome::Hello(answer), _) => {
                    self.answered(*incarnation, answer);
                }
                (_, Outcome::Grant { incarnation, item, total, .. }, _) => {
                    if let Some(a) = self.agents.iter_mut().find(|a| a.incarnation == *incarnation)
                    {
                        a.granted.insert(*item, *total);
                    }
                }
                _ => {}
            }
        }
    }

    /// The next batch.
    pub(crate) fn batch(&mut self) -> Vec<Submission> {
        let mut batch = vec![];
        for _ in 0..self.random.within(1, 30) {
            let submission = match self.random.within(0, 24) {
                0 if !self.sent.is_empty() => self.random.of(&self.sent),
                1 if !self.sent.is_empty() => {
                    // The id of an earlier command, with other content or from somebody else.
                    let mut again = self.random.of(&self.sent);
                    if self.random.one_in(2) {
                        again.principal = "key:other".to_owned();
                    } else {
                        again.command = self.command();
                    }
                    again
                }
                _ => {
                    let command = self.command();
                    let mut new = keyed(self.random.uuid(), command);
                    new.keyed = !self.random.one_in(4);
                    if self.random.one_in(5) {
                        new.on_behalf_of = Some("staff:ana".to_owned());
                    }
                    self.remember(&mut new);
                    new
                }
            };
            self.sent.push(submission.clone());
            batch.push(submission);
        }
        batch
    }

    /// A fact's id is the head of its agent's log.
    fn remember(&mut self, new: &mut Submission) {
        if let Command::Fact { incarnation, seq, .. } = &new.command
            && let Some(a) = self.agents.iter_mut().find(|a| a.incarnation == *incarnation)
            && *seq == a.seq + 1
        {
            a.seq += 1;
            a.head = Some(new.id);
        }
    }

    fn item(&mut self) -> ItemNo {
        if self.random.one_in(40) { ItemNo(999_999) } else { self.random.of(&self.items) }
    }

    fn location(&mut self) -> LocationNo {
        if self.random.one_in(40) { LocationNo(999_999) } else { self.random.of(&self.locations) }
    }

    fn reservation(&mut self) -> ReservationId {
        if self.reservations.is_empty() || self.random.one_in(20) {
            return ReservationId(self.random.uuid());
        }
        // Mostly a young one, that has not ended.
        let young = self.reservations.len().saturating_sub(12);
        let from = if self.random.one_in(4) { 0 } else { young };
        self.random.of(&self.reservations[from..])
    }

    fn command(&mut self) -> Command {
        match self.random.within(0, 29) {
            0 => {
                let barcodes = ["10", "11", "12", "Käse", "14"];
                let barcodes: Vec<&str> =
                    (0..self.random.within(0, 2)).map(|_| self.random.of(&barcodes)).collect();
                let barcodes: Vec<&str> = barcodes.into_iter().filter(|b| b.is_ascii()).collect();
                put_item(self.random.of(&SKUS), &barcodes)
            }
            1 if self.random.one_in(3) => self.kit(),
            1 if self.random.one_in(6) => {
                Command::RetireItem { sku: Sku::new(self.random.of(&SKUS)).unwrap() }
            }
            1 if self.random.one_in(6) => {
                Command::NameItem { sku: Sku::new(self.random.of(&SKUS)).unwrap() }
            }
            1 | 2 if self.random.one_in(4) => self.price(),
            1 | 2 => self.setting(),
            3 => self.remove(),
            4 => self.redeem(),
            5 | 6 => Command::Receive {
                location: self.location(),
                lines: (0..self.random.within(1, 3))
                    .map(|_| (self.item(), self.random.within(1, 9)))
                    .collect(),
                reference: self.random.one_in(2).then(|| "PO-2 'quoted' \"text\" \\ é".to_owned()),
            },
            7 => Command::ReturnGoods {
                location: self.location(),
                item: self.item(),
                quantity: self.random.within(1, 3),
                to: self.random.of(&[Place::Available, Place::QualityControl]),
            },
            8 => Command::Adjust {
                location: self.location(),
                item: self.item(),
                quantity: self.random.within(1, 5),
                why: self.random.of(&[
                    Adjustment::Damaged,
                    Adjustment::Found,
                    Adjustment::Lost,
                    Adjustment::Scrapped,
                ]),
                approved: self.random.one_in(2),
                note: None,
            },
            9 => Command::Count {
                location: self.location(),
                item: self.item(),
                found: self.random.within(0, 60),
                approved: true,
            },
            10..=15 => self.reserve(),
            16..=20 => {
                let id = self.reservation();
                match self.random.within(0, 8) {
                    6 | 7 => self.transfer(),
                    8 => {
                        let (lines, close) = (self.arrived(), self.random.one_in(3));
                        Command::ReceiveTransfer { id, lines, close }
                    }
                    0 => Command::Commit { id },
                    1 => Command::Release { id, shopper: None },
                    2 => Command::Expire { id },
                    3 => Command::Pick { id },
                    _ => Command::HandOver { id },
                }
            }
            _ => self.agent(),
        }
    }

    /// Mostly a kit, which changes or comes to an end at times; an item with stock is none.
    fn kit(&mut self) -> Command {
        let sku = if self.random.one_in(8) { self.random.of(&SKUS) } else { "KIT" };
        let mut parts: Vec<&str> =
            (0..self.random.within(0, 3)).map(|_| self.random.of(&SKUS)).collect();
        parts.sort_unstable();
        parts.dedup();
        let parts: Vec<(&str, i64)> =
            parts.into_iter().map(|sku| (sku, self.random.within(1, 3))).collect();
        put_kit(sku, &parts)
    }

    fn reserve(&mut self) -> Command {
        let line = |w: &mut Self| (w.item(), w.location(), w.random.within(1, 6));
        let lines = (0..self.random.within(1, 3)).map(|_| line(self)).collect();
        let hold = self.random.one_in(2);
        Command::Reserve {
            lines,
            expires_in_ms: hold.then(|| self.random.within(1, 4) * 1_000),
            channel: self.random.one_in(3).then(|| "web".to_owned()),
            fulfilment: Fulfilment::Pickup,
            shopper: (hold && self.random.one_in(2))
                .then(|| self.random.of(&["shopper-1".to_owned(), "shopper-2".to_owned()])),
            address: (hold && self.random.one_in(3)).then(|| "address-1".to_owned()),
            reference: self.random.one_in(2).then(|| "W-20418".to_owned()),
        }
    }

    fn transfer(&mut self) -> Command {
        let line = |w: &mut Self| (w.item(), w.random.within(1, 4));
        Command::Transfer {
            from: self.location(),
            to: self.location(),
            via: self.random.one_in(4).then(|| self.location()),
            lines: (0..self.random.within(1, 3)).map(|_| line(self)).collect(),
            reference: self.random.one_in(2).then(|| "TO-7".to_owned()),
        }
    }

    fn arrived(&mut self) -> Vec<ArrivedLine> {
        let line = |w: &mut Self| ArrivedLine {
            item: w.item(),
            good: w.random.within(0, 3),
            damaged: w.random.within(0, 1),
        };
        (0..self.random.within(0, 4)).map(|_| line(self)).collect()
    }

    fn price(&mut self) -> Command {
        let sku = Sku::new(self.random.of(&SKUS)).unwrap();
        let moments = ["2026-12-01", "2026-12-01T00:00:00Z", "1970-01-01", "2031-01-01"];
        let mut from = || self.random.of(&moments).parse().unwrap();
        let (from, other) = (from(), from());
        let money = |minor| Money { minor, currency: Currency::new("EUR").unwrap() };
        let price = money(self.random.within(-1, 900));
        match self.random.within(0, 4) {
            0 => Command::SetPrice { sku, from: None, price: Some(price) },
            1 => Command::SetPrice { sku, from: Some(from), price: None },
            2 | 3 => Command::SetPrice { sku, from: Some(from), price: Some(price) },
            _ => {
                let second = DatedPrice { from: other, price: money(7) };
                Command::PutPrices { sku, prices: vec![DatedPrice { from, price }, second] }
            }
        }
    }

    fn setting(&mut self) -> Command {
        let (item, location) = (self.item(), self.location());
        let units = self.random.within(0, 6);
        let rule = match self.random.within(0, 2) {
            0 => ShareRule::Fixed { units },
            1 => ShareRule::Percent { percent: units * 15 },
            _ => ShareRule::Auto,
        };
        let record = match self.random.within(0, 5) {
            5 => {
                let sales = self.random.within(0, 300);
                let sold = vec![Sold { item, sales, units: 2 * sales }];
                Record::WalkIn(WalkIn { location, hours: 160, sold })
            }
            0 => Record::Safety(Safety { item, location, units }),
            1 => Record::Buffer(Buffer { item, channel: "web".to_owned(), units }),
            2 => Record::Share(SharePolicy { location, item: Some(item), rule }),
            3 => Record::Share(SharePolicy { location, item: None, rule }),
            _ => {
                self.codes += 1;
                let used_by = None;
                let location = LocationCode::new(self.random.of(&CODES)).unwrap();
                let code_hash = format!("code{}", self.codes);
                let expires_at = Timestamp(4_000_000_000_000_000);
                Record::Enrolment(Enrolment { code_hash, location, expires_at, used_by })
            }
        };
        Command::PutRecord { record: Box::new(record) }
    }

    fn remove(&mut self) -> Command {
        let (item, location) = (self.item(), self.location());
        let key = match self.random.within(0, 3) {
            0 => format!("safety/{}/{}", item.0, location.0),
            1 => format!("buffer/{}/web", item.0),
            2 => format!("share/{}/*", location.0),
            _ => format!("enrolment/code{}", self.random.within(1, self.codes.max(1))),
        };
        Command::RemoveRecord { key }
    }

    fn redeem(&mut self) -> Command {
        let agent = Agent {
            id: AgentId(self.random.uuid()),
            location: LocationCode::new("S01").unwrap(),
            name: "agent".to_owned(),
            public_key: "00".to_owned(),
            state: RecordState::Active,
        };
        let code_hash = format!("code{}", self.random.within(1, self.codes.max(1)));
        Command::Redeem { code_hash, agent: Box::new(agent) }
    }
}
