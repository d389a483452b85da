//! Setting a hub up: the shop, its first location, the admin secret. Once.
//!
//! It hands the same commands to the write path as a request does. Invariant: the secret is given
//! back once and kept as a hash; without the shop, which is written last, a hub is not set up and
//! setting up begins anew.

use anyhow::{Context, bail};
use oneshelf_domain::code::plain_text;
use oneshelf_domain::record::{
    ApiKey, Display, KeyKind, Location, LocationKind, Record, RecordState, Scope, Shop, TaxRate,
};
use oneshelf_domain::stock::{Command, LocationNo};
use oneshelf_domain::{CommandId, Currency, KeyId, LocationCode, limits};
use oneshelf_sync::plan::Submission;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::tokens;
use crate::commands::{Commands, Failure, Lane};
use crate::follow::Follow;
use crate::secrets::random;
use crate::serve::wall_clock;
use crate::store::Store;

/// What a hub is set up with.
#[derive(Debug, Clone)]
pub struct NewShop {
    /// As on receipts.
    pub name: String,
    /// ISO 4217.
    pub currency: String,
    /// IANA zone of the office.
    pub zone: String,
    /// Code of the first location.
    pub location: String,
    /// Its name.
    pub location_name: String,
    /// What it is.
    pub location_kind: LocationKind,
    /// Rate of the tax class `standard`; 2300 is 23 %.
    pub tax_basis_points: i64,
    /// Its name on receipts.
    pub tax_name: String,
    /// Where browsers reach the hub's own shop page.
    pub public_url: Option<String>,
}

fn named(what: &str, text: &str) -> anyhow::Result<String> {
    let plain = plain_text(text, limits::NAME_CHARS_MAX);
    anyhow::ensure!(!plain.is_empty(), "{what}: 1 to 200 characters of text");
    Ok(plain)
}

/// Sets a hub up. Gives its admin secret, this once.
///
/// # Errors
/// When something of the shop does not fit, or the hub is set up already.
pub async fn set_up(database: &str, shop: &NewShop) -> anyhow::Result<String> {
    let secret = tokens::text(tokens::ADMIN, &random()?);
    let records = shop.records(&secret)?;
    let store = Store::open(database).await.context("the database cannot be opened")?;
    let (head, _) = store.head().await?;
    let (committed, newest) = watch::channel(head.version);
    let stop = CancellationToken::new();
    let (follow, follower) = Follow::start(store.clone(), newest, stop.clone()).await?;
    if follow.seen().records.shop().is_some() {
        stop.cancel();
        let _ = follower.await;
        store.close().await;
        bail!("this hub is set up already; its admin secret was printed then");
    }
    let (commands, writer) = Commands::start(store.clone(), wall_clock(), committed);
    for record in records {
        let submission = Submission {
            id: CommandId(Uuid::now_v7()),
            principal: "admin".to_owned(),
            actor: "setup".to_owned(),
            on_behalf_of: None,
            keyed: false,
            command: Command::PutRecord { record: Box::new(record) },
        };
        match commands.submit(Lane::Interactive, submission).await {
            Ok(_) => {}
            Err(Failure::Refused(refusal)) => bail!("{refusal}"),
            Err(failure) => bail!("the hub could not be set up: {failure:?}"),
        }
    }
    commands.stop().await;
    let _ = writer.await;
    stop.cancel();
    let _ = follower.await;
    store.close().await;
    Ok(secret)
}

impl NewShop {
    /// The records, the shop last.
    fn records(&self, secret: &str) -> anyhow::Result<Vec<Record>> {
        let zone: chrono_tz::Tz = self
            .zone
            .parse()
            .map_err(|_| anyhow::anyhow!("--zone: an IANA time zone, as in Europe/Dublin"))?;
        let code = LocationCode::new(&self.location).context("--location")?;
        anyhow::ensure!((0..=10_000).contains(&self.tax_basis_points), "--tax-rate: 0 to 10000");
        let location = Location {
            // The write path gives the number.
            no: LocationNo(0),
            code,
            name: named("--location-name", &self.location_name)?,
            kind: self.location_kind,
            zone: zone.name().to_owned(),
            address: None,
            receipt_header: vec![named("--name", &self.name)?],
            opening_hours: None,
            state: RecordState::Active,
        };
        let shop = Shop {
            name: named("--name", &self.name)?,
            currency: Currency::new(&self.currency).context("--currency")?,
            zone: zone.name().to_owned(),
            taxes: vec![TaxRate {
                class: "standard".to_owned(),
                rate_basis_points: self.tax_basis_points,
                name: named("--tax-name", &self.tax_name)?,
            }],
        };
        let origins = match &self.public_url {
            Some(url) => vec![url.trim_end_matches('/').to_owned()],
            None => vec![],
        };
        Ok(vec![
            Record::Location(location),
            Record::Key(shop_page_key(origins)?),
            Record::Key(admin_key(secret)),
            Record::Shop(shop),
        ])
    }
}

/// The key of the hub's own shop page, which may always use it.
fn shop_page_key(origins: Vec<String>) -> anyhow::Result<ApiKey> {
    let text = tokens::text(tokens::PUBLISHABLE, &random()?);
    Ok(ApiKey {
        id: KeyId(Uuid::now_v7()),
        name: "Shop page".to_owned(),
        kind: KeyKind::Publishable,
        secret_hash: tokens::hash(&text),
        public_text: Some(text),
        scopes: vec![Scope::StockRead, Scope::Hold, Scope::Live],
        origins,
        channel: Some("web".to_owned()),
        display: Display::default(),
        expires_at: None,
        state: RecordState::Active,
    })
}

fn admin_key(secret: &str) -> ApiKey {
    ApiKey {
        id: KeyId(Uuid::now_v7()),
        name: "admin".to_owned(),
        kind: KeyKind::Secret,
        secret_hash: tokens::hash(secret),
        public_text: None,
        scopes: vec![Scope::Admin],
        origins: vec![],
        channel: None,
        display: Display::default(),
        expires_at: None,
        state: RecordState::Active,
    }
}
