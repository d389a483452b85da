//! A day of a warehouse and a store with an agent: some of everything that moves stock.

use std::sync::atomic::Ordering;

use oneshelf_domain::record::{LocationKind, Record, SharePolicy, ShareRule};
use oneshelf_domain::stock::{
    Adjustment, Command, FactBody, HelloAnswer, InSource, ItemNo, Lease, LocationNo, Outcome,
    SaleDocument, SaleLine, SaleTender, Version,
};
use oneshelf_domain::{AgentId, CommandId, IncarnationId, ReservationId, SaleId, Timestamp};
use uuid::Uuid;

use crate::shop::{Hub, keyed, put_item, put_location, reserve, submission};

pub(crate) const BARCODE: &str = "4006381333931";

/// Prices are whole units: one piece costs this much.
const PRICE: i64 = 1_000;

pub(crate) struct Day {
    pub(crate) tea: ItemNo,
    pub(crate) mug: ItemNo,
    pub(crate) warehouse: LocationNo,
    pub(crate) store: LocationNo,
    pub(crate) agent: Agent,
}

/// A store's agent in a session.
pub(crate) struct Agent {
    pub(crate) incarnation: IncarnationId,
    session: Lease,
    last: Option<CommandId>,
    pub(crate) seq: i64,
    receipts: i64,
}

impl Agent {
    pub(crate) async fn hello(hub: &Hub, store: LocationNo, follows: Option<&Agent>) -> Self {
        let incarnation = IncarnationId(Uuid::now_v7());
        let command = Command::Hello {
            agent: AgentId(Uuid::now_v7()),
            location: store,
            incarnation,
            follows: follows.map(|f| f.incarnation),
            lease: Lease::default(),
            nonce: Uuid::now_v7(),
            last: 0,
            granted: vec![],
            copy: (0, Version(0)),
        };
        let outcome = hub.send(submission(command)).await.unwrap().outcome;
        let Outcome::Hello(HelloAnswer::Welcome { lease: session, .. }) = outcome else {
            panic!("{outcome:?}");
        };
        let receipts = follows.map_or(0, |f| f.receipts);
        Self { incarnation, session, last: None, seq: 0, receipts }
    }

    pub(crate) async fn fact(&mut self, hub: &Hub, location: LocationNo, body: FactBody) {
        let id = Uuid::now_v7();
        self.seq += 1;
        let command = Command::Fact {
            location,
            session: self.session,
            incarnation: self.incarnation,
            seq: self.seq,
            prev: self.last,
            granted: vec![],
            occurred_at: Timestamp(self.seq),
            body,
        };
        hub.send(keyed(id, command)).await.unwrap();
        self.last = Some(CommandId(id));
    }

    pub(crate) async fn sell(&mut self, hub: &Hub, store: LocationNo, line: SaleLine) {
        self.receipts += 1;
        let units = line.share + line.beyond;
        let document = SaleDocument {
            id: SaleId(Uuid::now_v7()),
            receipt_number: format!("S01-R1-{:06}", self.receipts),
            register: "S01-R1".to_owned(),
            number: self.receipts,
            cashier: "Ana".to_owned(),
            currency: "EUR".to_owned(),
            total_minor: units * PRICE,
            change_minor: 500,
            tenders: vec![SaleTender { kind: "cash".to_owned(), given_minor: units * PRICE + 500 }],
            lines: vec![(line.item, units, PRICE, units * PRICE)],
            kits: vec![],
            approval: None,
        };
        let body = FactBody::Sale { lines: vec![line], document: Some(Box::new(document)) };
        self.fact(hub, store, body).await;
    }

    pub(crate) async fn take_in(&mut self, hub: &Hub, store: LocationNo, item: ItemNo, units: i64) {
        let source = InSource::Customer;
        let body = FactBody::In { item, quantity: units, to_share: true, source };
        self.fact(hub, store, body).await;
    }
}

pub(crate) async fn reserved(hub: &Hub, command: Command) -> ReservationId {
    match hub.send(submission(command)).await.unwrap().outcome {
        Outcome::Reservation { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn hold(item: ItemNo, location: LocationNo, units: i64, ms: i64) -> Command {
    let mut command = reserve(item, location, units);
    if let Command::Reserve { expires_in_ms, shopper, .. } = &mut command {
        *expires_in_ms = Some(ms);
        *shopper = Some(Uuid::now_v7().to_string());
    }
    command
}

impl Day {
    /// The whole day.
    pub(crate) async fn pass(hub: &Hub) -> Self {
        let mut day = Self::morning(hub).await;
        day.warehouse_works(hub).await;
        day.store_sells(hub).await;
        day.agent_is_replaced(hub).await;
        day
    }

    /// Locations, items and stock; no agent yet.
    async fn morning(hub: &Hub) -> Self {
        let location = |code, kind| hub.send(submission(put_location(code, kind)));
        let warehouse = location("W01", LocationKind::Warehouse).await.unwrap();
        let warehouse = LocationNo(warehouse.version.unwrap().0);
        let store = location("S01", LocationKind::Store).await.unwrap();
        let store = LocationNo(store.version.unwrap().0);
        let mut items = vec![];
        for command in [put_item("TEA", &[BARCODE]), put_item("MUG", &["96385074"])] {
            match hub.send(submission(command)).await.unwrap().outcome {
                Outcome::Item { no } => items.push(no),
                other => panic!("{other:?}"),
            }
        }
        let (tea, mug) = (items[0], items[1]);
        hub.receive(tea, warehouse, 20).await;
        hub.receive(mug, warehouse, 5).await;
        hub.receive(tea, store, 10).await;
        let policy =
            SharePolicy { location: store, item: None, rule: ShareRule::Fixed { units: 3 } };
        let record = Box::new(Record::Share(policy));
        hub.send(submission(Command::PutRecord { record })).await.unwrap();
        // For a whole shelf, before the agent takes over its books.
        let agent = Agent::hello(hub, store, None).await;
        Self { tea, mug, warehouse, store, agent }
    }

    /// Reservations in every state, and an adjustment.
    async fn warehouse_works(&self, hub: &Hub) {
        let (tea, mug, at) = (self.tea, self.mug, self.warehouse);
        let shipped = reserved(hub, reserve(tea, at, 3)).await;
        hub.send(submission(Command::Pick { id: shipped })).await.unwrap();
        hub.send(submission(Command::HandOver { id: shipped })).await.unwrap();
        let released = reserved(hub, reserve(tea, at, 2)).await;
        let command = Command::Release { id: released, shopper: None };
        hub.send(submission(command)).await.unwrap();
        let picked = reserved(hub, reserve(tea, at, 1)).await;
        hub.send(submission(Command::Pick { id: picked })).await.unwrap();
        reserved(hub, reserve(mug, at, 2)).await;
        let expired = reserved(hub, hold(tea, at, 1, 1_000)).await;
        hub.clock.fetch_add(2_000_000, Ordering::Relaxed);
        hub.send(submission(Command::Expire { id: expired })).await.unwrap();
        reserved(hub, hold(tea, at, 1, 900_000)).await;
        let command = Command::Adjust {
            location: at,
            item: tea,
            why: Adjustment::Damaged,
            quantity: 1,
            note: Some("dropped".to_owned()),
            approved: false,
        };
        hub.send(submission(command)).await.unwrap();
    }

    /// Sales from the share and beyond it: one reservation falls short.
    async fn store_sells(&mut self, hub: &Hub) {
        let (item, location) = (self.tea, self.store);
        reserved(hub, reserve(item, location, 4)).await;
        let session = self.agent.session;
        let command = Command::GrantByPolicy { location, session, item };
        hub.send(submission(command)).await.unwrap();
        for (share, beyond) in [(2, 0), (0, 4), (1, 0)] {
            self.agent.sell(hub, location, SaleLine { item, share, beyond }).await;
        }
        self.agent.take_in(hub, location, item, 3).await;
    }

    /// The old agent's units are in doubt, the new one brings some in.
    async fn agent_is_replaced(&mut self, hub: &Hub) {
        let next = Agent::hello(hub, self.store, Some(&self.agent)).await;
        self.agent = next;
        self.agent.take_in(hub, self.store, self.tea, 2).await;
    }
}
