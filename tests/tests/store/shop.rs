//! A hub with a warehouse and items, and short ways to send it commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use oneshelf_domain::item::{Component, ItemDetails};
use oneshelf_domain::promise::Fulfilment;
use oneshelf_domain::record::{Location, LocationKind, Record, RecordState};
use oneshelf_domain::stock::{Command, ItemNo, LocationNo, Outcome, Version};
use oneshelf_domain::{CommandId, LocationCode, Sku, Timestamp};
use oneshelf_hub::commands::{Answer, Clock, Commands, Lane};
use oneshelf_hub::store::Store;
use oneshelf_sync::plan::Submission;
use oneshelf_tests::database::Database;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(crate) struct Hub {
    pub(crate) store: Store,
    pub(crate) commands: Commands,
    pub(crate) committed: watch::Receiver<Version>,
    pub(crate) clock: Arc<AtomicI64>,
    writer: JoinHandle<()>,
}

impl Hub {
    pub(crate) async fn start(url: &str) -> Self {
        let store = Store::open(url).await.unwrap();
        let now = Arc::new(AtomicI64::new(1_000_000));
        let read = now.clone();
        let clock: Clock = Arc::new(move || Timestamp(read.load(Ordering::Relaxed)));
        let (sender, committed) = watch::channel(Version(0));
        let (commands, writer) = Commands::start(store.clone(), clock, sender);
        Self { store, commands, committed, clock: now, writer }
    }

    pub(crate) async fn stop(self) {
        self.commands.stop().await;
        self.writer.await.unwrap();
        self.store.close().await;
    }

    pub(crate) async fn send(&self, submission: Submission) -> Answer {
        self.commands.submit(Lane::Interactive, submission).await
    }

    /// Sends all at once: on one thread they become one batch.
    pub(crate) async fn send_all(&self, batch: Vec<Submission>) -> Vec<Answer> {
        let put = |s| self.commands.enqueue(Lane::Interactive, s).unwrap();
        let waiting: Vec<_> = batch.into_iter().map(put).collect();
        let mut answers = vec![];
        for answer in waiting {
            answers.push(answer.await.unwrap());
        }
        answers
    }

    /// A warehouse with `units` of one item.
    pub(crate) async fn stocked(&self, units: i64) -> (ItemNo, LocationNo) {
        let made = self.send(submission(put_location("W01", LocationKind::Warehouse))).await;
        let location = LocationNo(made.unwrap().version.unwrap().0);
        let Outcome::Item { no } =
            self.send(submission(put_item("TEA", &[]))).await.unwrap().outcome
        else {
            panic!("an item was put");
        };
        self.receive(no, location, units).await;
        (no, location)
    }

    pub(crate) async fn receive(&self, item: ItemNo, location: LocationNo, units: i64) {
        let lines = vec![(item, units)];
        let command = Command::Receive { location, lines, reference: None };
        self.send(submission(command)).await.unwrap();
    }
}

pub(crate) async fn fresh() -> (Database, Hub) {
    let database = Database::fresh().await;
    let hub = Hub::start(database.url()).await;
    (database, hub)
}

/// A command with an id of its own, that its sender may send again.
pub(crate) fn submission(command: Command) -> Submission {
    keyed(Uuid::now_v7(), command)
}

pub(crate) fn keyed(id: Uuid, command: Command) -> Submission {
    Submission {
        id: CommandId(id),
        principal: "admin".to_owned(),
        actor: "admin".to_owned(),
        on_behalf_of: None,
        keyed: true,
        command,
    }
}

pub(crate) fn put_location(code: &str, kind: LocationKind) -> Command {
    let location = Location {
        no: LocationNo(0),
        code: LocationCode::new(code).unwrap(),
        name: format!("Location {code}"),
        kind,
        zone: "Europe/Dublin".to_owned(),
        address: None,
        receipt_header: vec![],
        opening_hours: None,
        state: RecordState::Active,
    };
    Command::PutRecord { record: Box::new(Record::Location(location)) }
}

pub(crate) fn put_item(sku: &str, barcodes: &[&str]) -> Command {
    let details = serde_json::json!({"name": format!("Item {sku}"), "barcodes": barcodes});
    let details: ItemDetails = serde_json::from_value(details).unwrap();
    Command::PutItem { sku: Sku::new(sku).unwrap(), details }
}

pub(crate) fn put_kit(sku: &str, parts: &[(&str, i64)]) -> Command {
    let Command::PutItem { sku, mut details } = put_item(sku, &[]) else { unreachable!() };
    let component = |(sku, quantity): &(&str, i64)| Component {
        sku: Sku::new(sku).unwrap(),
        quantity: *quantity,
    };
    details.components = parts.iter().map(component).collect();
    Command::PutItem { sku, details }
}

pub(crate) fn reserve(item: ItemNo, location: LocationNo, units: i64) -> Command {
    Command::Reserve {
        lines: vec![(item, location, units)],
        expires_in_ms: None,
        channel: None,
        fulfilment: Fulfilment::Shipping,
        shopper: None,
        address: None,
        reference: None,
    }
}
