//! `hub setup`: the words for setting a hub up. The admin secret is printed once.

use clap::{Args, ValueEnum};
use oneshelf_domain::record::LocationKind;

use crate::setup::{NewShop, set_up};

/// What a hub is set up with.
#[derive(Args)]
pub(super) struct SetupArgs {
    /// `sqlite:PATH` or `postgres://...`.
    #[arg(long, env = "HUB_DATABASE", hide_env_values = true)]
    database: String,
    /// The shop's name, as on receipts.
    #[arg(long)]
    name: String,
    /// ISO 4217; of every price.
    #[arg(long)]
    currency: String,
    /// IANA time zone of the office, as in `Europe/Dublin`.
    #[arg(long)]
    zone: String,
    /// Code of the first location: upper-case letters and digits.
    #[arg(long)]
    location: String,
    /// Its name.
    #[arg(long)]
    location_name: String,
    /// Whether people buy there or orders ship from there.
    #[arg(long, value_enum, default_value = "store")]
    location_kind: KindArg,
    /// Rate of the tax class `standard`, in hundredths of a percent: 2300 is 23 %.
    #[arg(long, default_value_t = 0)]
    tax_rate: i64,
    /// Its name on receipts.
    #[arg(long, default_value = "Tax")]
    tax_name: String,
    /// Where browsers reach the hub's own shop page, as in `https://hub.example`.
    #[arg(long, env = "HUB_PUBLIC_URL")]
    public_url: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindArg {
    /// People buy here.
    Store,
    /// Orders ship from here.
    Warehouse,
}

/// Sets a hub up and prints its admin secret.
pub(super) async fn setup(args: SetupArgs) -> anyhow::Result<()> {
    let shop = NewShop {
        name: args.name,
        currency: args.currency,
        zone: args.zone,
        location: args.location,
        location_name: args.location_name,
        location_kind: match args.location_kind {
            KindArg::Store => LocationKind::Store,
            KindArg::Warehouse => LocationKind::Warehouse,
        },
        tax_basis_points: args.tax_rate,
        tax_name: args.tax_name,
        public_url: args.public_url,
    };
    let secret = set_up(&args.database, &shop).await?;
    super::say(&format!("admin secret: {secret}"))
}
