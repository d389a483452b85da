//! The words of a table's step, as a command: `reserve r1 MUG@W01 2 for 900s`.
//!
//! Names become ids (`world::id`), so that a table reads as people talk. A table that cannot be
//! read is a panic with the word that was wrong.

use oneshelf_domain::id::{AgentId, IncarnationId, ReservationId, SaleId};
use oneshelf_domain::item::ItemDetails;
use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::record::{Agent, Buffer, Record, RecordState, Safety, SharePolicy, ShareRule};
use oneshelf_domain::stock::{
    Adjustment, ArrivedLine, Command, FactBody, InSource, ItemNo, Lease, LocationNo, Place,
    SaleApproval, SaleDocument, SaleLine, SaleTender, SoldKit, Version, Versions,
};
use oneshelf_domain::{CommandId, Currency, DatedPrice, LocationCode, Money, Sku, Timestamp};

use super::world::{World, id};

/// What an agent keeps by itself, so that a table need not say it.
#[derive(Clone)]
pub(crate) struct Log {
    pub location: String,
    pub session: Lease,
    pub seq: i64,
    pub prev: Option<CommandId>,
}

/// `only at 3,4 ...` and `only unless any ...`: the step's condition.
#[derive(Default)]
pub(crate) struct Condition {
    at: Option<Versions>,
    not_at: Option<Versions>,
}

impl Condition {
    pub fn on(self, change: Command) -> Command {
        let Self { at, not_at } = self;
        if at.is_none() && not_at.is_none() {
            return change;
        }
        Command::OnlyIf { at, not_at, change: Box::new(change) }
    }
}

pub(crate) fn condition(line: &str) -> (Condition, &str) {
    let mut condition = Condition::default();
    let mut rest = line;
    while let Some(more) = rest.strip_prefix("only ") {
        let mut parts = more.splitn(3, ' ');
        let (word, named) = (parts.next().unwrap(), parts.next().unwrap());
        rest = parts.next().unwrap();
        let versions = match named {
            "any" => Versions::Any,
            list => Versions::These(list.split(',').map(|n| Version(number(n))).collect()),
        };
        match word {
            "at" => condition.at = Some(versions),
            "unless" => condition.not_at = Some(versions),
            other => panic!("{other}"),
        }
    }
    (condition, rest)
}

pub(crate) struct Words<'a> {
    words: std::vec::IntoIter<&'a str>,
    world: &'a World,
}

impl<'a> Words<'a> {
    pub fn new(line: &'a str, world: &'a World) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        Self { words: words.into_iter(), world }
    }

    pub fn maybe(&mut self) -> Option<&'a str> {
        self.words.next()
    }

    pub fn word(&mut self) -> &'a str {
        self.words.next().unwrap_or_else(|| panic!("a word is missing"))
    }

    pub fn number(&mut self) -> i64 {
        number(self.word())
    }

    fn item(&mut self) -> ItemNo {
        self.world.item(self.word())
    }

    fn location(&mut self) -> LocationNo {
        self.world.location(self.word())
    }

    fn reservation(&mut self) -> ReservationId {
        ReservationId(id(self.word()))
    }

    /// The value behind a name, wherever it stands in the rest of the line.
    pub fn option(&mut self, name: &str) -> Option<&'a str> {
        let mut rest: Vec<&str> = self.words.as_slice().to_vec();
        let at = rest.iter().position(|w| *w == name)?;
        let value = rest.remove(at + 1);
        rest.remove(at);
        self.words = rest.into_iter();
        Some(value)
    }

    fn flag(&mut self, name: &str) -> bool {
        let rest: Vec<&str> = self.words.as_slice().to_vec();
        let found = rest.contains(&name);
        self.words = rest.into_iter().filter(|w| *w != name).collect::<Vec<_>>().into_iter();
        found
    }

    /// (item, number) until the end.
    fn pairs(&mut self) -> Vec<(ItemNo, i64)> {
        let mut pairs = vec![];
        while let Some(sku) = self.maybe() {
            pairs.push((self.world.item(sku), self.number()));
        }
        pairs
    }

    /// (item, good+damaged) until the end.
    fn arrived(&mut self) -> Vec<ArrivedLine> {
        let mut lines = vec![];
        while let Some(sku) = self.maybe() {
            let (good, damaged) = self.word().split_once('+').expect("good+damaged");
            let item = self.world.item(sku);
            lines.push(ArrivedLine { item, good: number(good), damaged: number(damaged) });
        }
        lines
    }

    fn spots(&mut self) -> Vec<(ItemNo, LocationNo, i64)> {
        let mut spots = vec![];
        while let Some(spot) = self.maybe() {
            let (sku, code) = spot.split_once('@').unwrap_or_else(|| panic!("no spot: {spot}"));
            spots.push((self.world.item(sku), self.world.location(code), self.number()));
        }
        spots
    }
}

pub(crate) fn number(word: &str) -> i64 {
    word.parse().unwrap_or_else(|_| panic!("not a number: {word}"))
}

/// `900s` in milliseconds.
pub(crate) fn seconds(word: &str) -> i64 {
    number(word.strip_suffix('s').unwrap_or(word)) * 1_000
}

pub(crate) fn lease(word: &str) -> Lease {
    let (epoch, n) = word.split_once('.').unwrap_or_else(|| panic!("no lease: {word}"));
    Lease { epoch: number(epoch), number: number(n) }
}

/// A request, by its first word.
pub(crate) fn request(verb: &str, w: &mut Words) -> Command {
    match verb {
        "receive" => Command::Receive { location: w.location(), lines: w.pairs(), reference: None },
        "return" => {
            let (location, item, quantity) = (w.location(), w.item(), w.number());
            let to = Place::from_name(w.option("to").unwrap_or("available"));
            Command::ReturnGoods { location, item, quantity, to: to.unwrap() }
        }
        "adjust" => {
            let approved = w.flag("approved");
            let (location, item, quantity) = (w.location(), w.item(), w.number());
            let why: Adjustment = serde_json::from_value(w.word().into()).unwrap();
            Command::Adjust { location, item, quantity, why, approved, note: None }
        }
        "count" => {
            let approved = w.flag("approved");
            let (location, item, found) = (w.location(), w.item(), w.number());
            Command::Count { location, item, found, approved }
        }
        "reserve" => reserve(w),
        "commit" => Command::Commit { id: w.reservation() },
        "release" => {
            let shopper = w.option("by").map(str::to_owned);
            Command::Release { id: w.reservation(), shopper }
        }
        "expire" => Command::Expire { id: w.reservation() },
        "pick" => Command::Pick { id: w.reservation() },
        "transfer" => {
            let via = w.option("via").map(|code| w.world.location(code));
            let (from, to) = (w.location(), w.location());
            Command::Transfer { from, to, via, lines: w.pairs(), reference: None }
        }
        "take_in" => {
            let close = w.flag("close");
            Command::ReceiveTransfer { id: w.reservation(), lines: w.arrived(), close }
        }
        "handover" => Command::HandOver { id: w.reservation() },
        "grant" => {
            let session = w.option("session").map(lease);
            let (location, item) = (w.location(), w.item());
            let session = session.unwrap_or_else(|| w.world.session(location));
            Command::GrantByPolicy { location, session, item }
        }
        "give-up" => {
            let (location, life) = (w.location(), w.word());
            Command::RetireAgent { location, incarnation: IncarnationId(id(life)) }
        }
        "share" => {
            let (location, item, units) = (w.location(), w.item(), w.number());
            let rule = ShareRule::Fixed { units };
            put(Record::Share(SharePolicy { location, item: Some(item), rule }))
        }
        "safety" => {
            let (location, item, units) = (w.location(), w.item(), w.number());
            put(Record::Safety(Safety { item, location, units }))
        }
        "buffer" => {
            let channel = w.word().to_owned();
            let (item, units) = (w.item(), w.number());
            put(Record::Buffer(Buffer { item, channel, units }))
        }
        other => setting(other, w),
    }
}

/// What changes items and records.
fn setting(verb: &str, w: &mut Words) -> Command {
    match verb {
        "item" => item(w),
        "name" => Command::NameItem { sku: Sku::new(w.word()).unwrap() },
        "retire" => Command::RetireItem { sku: Sku::new(w.word()).unwrap() },
        "price" => set_price(w),
        "prices" => {
            let sku = Sku::new(w.word()).unwrap();
            let prices = std::iter::from_fn(|| w.maybe()).map(|pair| {
                let (from, minor) = pair.rsplit_once('=').unwrap();
                DatedPrice { from: from.parse().unwrap(), price: money(minor) }
            });
            Command::PutPrices { sku, prices: prices.collect() }
        }
        "drop" => Command::RemoveRecord { key: w.word().to_owned() },
        "redeem" => redeem(w),
        other => panic!("no such step: {other}"),
    }
}

fn put(record: Record) -> Command {
    Command::PutRecord { record: Box::new(record) }
}

/// A record in JSON: the rest of the line as it stands.
pub(crate) fn put_json(json: &str) -> Command {
    put(serde_json::from_str(json).unwrap_or_else(|wrong| panic!("{wrong}: {json}")))
}

fn reserve(w: &mut Words) -> Command {
    let text = |t: Option<&str>| t.map(str::to_owned);
    let expires_in_ms = w.option("for").map(seconds);
    let channel = text(w.option("channel"));
    let (shopper, address) = (text(w.option("shopper")), text(w.option("address")));
    let fulfilment = match w.option("by") {
        Some("pickup") => Fulfilment::Pickup,
        _ => Fulfilment::Shipping,
    };
    let (lines, reference) = (w.spots(), None);
    Command::Reserve { lines, expires_in_ms, channel, fulfilment, shopper, address, reference }
}

fn item(w: &mut Words) -> Command {
    let name = w.option("name").unwrap_or("Thing").replace('_', " ");
    let price = w.option("price").map(money);
    let parts = w.option("parts").into_iter().flat_map(|parts| parts.split(','));
    let parts = parts.map(|part| {
        let (sku, quantity) = part.split_once(':').expect("SKU:units");
        serde_json::json!({"sku": sku, "quantity": number(quantity)})
    });
    let components: Vec<_> = parts.collect();
    let sku = Sku::new(w.word()).unwrap();
    let barcodes: Vec<&str> = w.maybe().map(|b| b.split(',').collect()).unwrap_or_default();
    let json = serde_json::json!({
        "name": name, "barcodes": barcodes, "price": price, "components": components});
    let details: ItemDetails = serde_json::from_value(json).unwrap();
    Command::PutItem { sku, details }
}

/// `900` euro cents, `900USD`.
fn money(text: &str) -> Money {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_uppercase());
    let currency = text.strip_prefix(digits).filter(|c| !c.is_empty()).unwrap_or("EUR");
    Money { minor: number(digits), currency: Currency::new(currency).unwrap() }
}

/// `price MUG 900 from 2026-12-01`, `price MUG none`.
fn set_price(w: &mut Words) -> Command {
    let from = w.option("from").map(|from| from.parse().unwrap());
    let (sku, price) = (Sku::new(w.word()).unwrap(), w.word());
    Command::SetPrice { sku, from, price: (price != "none").then(|| money(price)) }
}

fn redeem(w: &mut Words) -> Command {
    let code_hash = w.word().to_owned();
    let name = w.word();
    let agent = Agent {
        id: AgentId(id(name)),
        location: LocationCode::new("X09").unwrap(),
        name: name.to_owned(),
        public_key: "00".to_owned(),
        state: RecordState::Active,
    };
    Command::Redeem { code_hash, agent: Box::new(agent) }
}

pub(crate) fn hello(name: &str, log: &Log, w: &mut Words) -> Command {
    let nonce = id(w.option("nonce").unwrap_or(name));
    let session = w.option("lease").map_or(log.session, lease);
    let last = w.option("last").map_or(log.seq, number);
    let follows = w.option("follows").map(|f| IncarnationId(id(f)));
    let copy = w.option("copy").map_or_else(Lease::default, lease);
    Command::Hello {
        agent: AgentId(id("agent")),
        location: w.world.location(&log.location),
        incarnation: IncarnationId(id(name)),
        follows,
        lease: session,
        nonce,
        last,
        granted: totals(w.option("granted"), w.world),
        copy: (copy.epoch, Version(copy.number)),
    }
}

/// `MUG:3,CUP:1`
fn totals(word: Option<&str>, world: &World) -> Vec<(ItemNo, i64)> {
    let one = |t: &str| {
        let (sku, total) = t.split_once(':').unwrap_or_else(|| panic!("no total: {t}"));
        (world.item(sku), number(total))
    };
    word.map(|w| w.split(',').map(one).collect()).unwrap_or_default()
}

pub(crate) fn ask(name: &str, log: &Log, w: &mut Words) -> Command {
    let session = w.option("session").map_or(log.session, lease);
    Command::Ask {
        location: w.world.location(&log.location),
        incarnation: IncarnationId(id(name)),
        session,
        item: w.item(),
        want: w.number(),
    }
}

/// The fact's id as named, or by its place in the log; and the command.
pub(crate) fn fact(name: &str, log: &Log, session: Lease, w: &mut Words) -> (String, Command) {
    let seq = w.option("seq").map_or(log.seq + 1, number);
    let session = w.option("session").map_or(session, lease);
    let named = w.option("id").map_or_else(|| format!("{name}.{seq}"), str::to_owned);
    let prev = w.option("prev").map_or(log.prev, |p| (p != "none").then(|| CommandId(id(p))));
    let granted = totals(w.option("granted"), w.world);
    let body = body(&named, w);
    let command = Command::Fact {
        location: w.world.location(&log.location),
        session,
        incarnation: IncarnationId(id(name)),
        seq,
        prev,
        granted,
        occurred_at: Timestamp(0),
        body,
    };
    (named, command)
}

/// A fact of an agent that was rejected when it came, booked late.
pub(crate) fn late(name: &str, log: &Log, w: &mut Words) -> (String, Command) {
    let named = w.option("id").map_or_else(|| format!("{name}.late"), str::to_owned);
    let location = w.option("store").unwrap_or(&log.location).to_owned();
    let command = Command::BookRejected {
        location: w.world.location(&location),
        incarnation: IncarnationId(id(name)),
        seq: w.option("seq").map_or(log.seq, number),
        occurred_at: Timestamp(0),
        as_of: Version(w.option("as_of").map_or(i64::MAX, number)),
        body: body(&named, w),
    };
    (named, command)
}

fn body(named: &str, w: &mut Words) -> FactBody {
    match w.word() {
        "sale" => {
            let document = document(w);
            let mut lines = vec![];
            while let Some(sku) = w.maybe() {
                let item = w.world.item(sku);
                let (share, beyond) = w.word().split_once('+').expect("share+beyond");
                lines.push(SaleLine { item, share: number(share), beyond: number(beyond) });
            }
            FactBody::Sale { lines, document }
        }
        "in" => {
            let source = match w.option("from") {
                Some("supplier") => InSource::Supplier,
                _ => InSource::Customer,
            };
            let to_share = w.flag("share");
            FactBody::In { item: w.item(), quantity: w.number(), to_share, source }
        }
        "back" => FactBody::Back { item: w.item(), quantity: w.number() },
        "counted" => {
            let from_share = w.option("cut").map_or(0, number);
            FactBody::Count { item: w.item(), found: w.number(), from_share }
        }
        "handed" => FactBody::Handover { reservation: w.reservation(), lines: w.pairs() },
        "let_go" => FactBody::Released { reservation: w.reservation(), lines: w.pairs() },
        "sent" => {
            let code = |c: &str| LocationCode::new(c).unwrap();
            let via = w.option("over").map(code);
            FactBody::Sent { to: code(w.word()), via, lines: w.pairs() }
        }
        "arrived" => {
            let close = w.flag("closed");
            FactBody::Arrived { transfer: w.reservation(), lines: w.arrived(), close }
        }
        "close" => FactBody::Close { left: w.pairs() },
        "unreadable" => {
            let id = CommandId(id(w.option("for").unwrap_or(named)));
            FactBody::Unreadable { code: w.word().to_owned(), id }
        }
        other => panic!("no such fact: {other}"),
    }
}

/// `paid TOTAL given GIVEN change CHANGE sold MUG:2 kits KIT:MUG:2 approved max:in_hand`
fn document(w: &mut Words) -> Option<Box<SaleDocument>> {
    let total_minor = number(w.option("paid")?);
    let given_minor = w.option("given").map_or(total_minor, number);
    let change_minor = w.option("change").map_or(0, number);
    let approval = w.option("approved").map(|said| {
        let (by, reason) = said.split_once(':').expect("who:why");
        SaleApproval { by: by.to_owned(), reason: reason.replace('_', " ") }
    });
    let mut left = total_minor;
    let sold = totals(w.option("sold"), w.world);
    let kits = w.option("kits").map(|kit| kits(kit, &sold, w.world)).unwrap_or_default();
    let lines =
        sold.into_iter().map(|(item, units)| (item, units, 0, std::mem::take(&mut left))).collect();
    Some(Box::new(SaleDocument {
        id: SaleId(id("sale")),
        receipt_number: "S07-R1-000001".to_owned(),
        register: "S07-R1".to_owned(),
        number: 1,
        cashier: "ana".to_owned(),
        currency: "EUR".to_owned(),
        total_minor,
        change_minor,
        tenders: vec![SaleTender { kind: "cash".to_owned(), given_minor }],
        lines,
        kits,
        approval,
    }))
}

/// `KIT:MUG:2:CUP:1`: the line that sold it, and what one was made of.
fn kits(text: &str, sold: &[(ItemNo, i64)], world: &World) -> Vec<SoldKit> {
    let words: Vec<&str> = text.split(':').collect();
    let (kit, parts) = words.split_first().unwrap();
    let line = sold.iter().position(|(item, _)| *item == world.item(kit)).unwrap();
    let parts = parts.chunks(2).map(|part| (world.item(part[0]), number(part[1]))).collect();
    vec![SoldKit { line, parts }]
}
