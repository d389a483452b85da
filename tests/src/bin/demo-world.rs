//! `demo-world`: the surroundings of the demo. Started by `cargo xtask demo` after the hub and
//! before the agents; prints one line of JSON when all is ready.
//!
//! It owns no data: the hub has the items, the folder only the links of simulated scanners.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use oneshelf_tests::demo::bench::{World, routes};
use oneshelf_tests::demo::catalogue::Catalogue;
use oneshelf_tests::demo::hub::Hub;
use oneshelf_tests::demo::orders::{self, Tally};
use oneshelf_tests::demo::stores::Store;
use oneshelf_tests::demo::{generated, real};
use oneshelf_tests::program;
use serde_json::{Value, json};

/// Names the admin secret of the hub. No argument: everybody on the machine may read those.
const SECRET: &str = "HUB_SECRET";

/// Simulated devices, lines and shoppers for a demo. The environment variable `HUB_SECRET` is the
/// hub's admin secret.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address of the hub.
    #[arg(long)]
    hub: String,
    /// A store, as CODE=NAME; may be given again.
    #[arg(long = "store")]
    stores: Vec<String>,
    /// Location that ships orders.
    #[arg(long, default_value = "W01")]
    warehouse: String,
    /// Address of the bench page.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Folder for the links of scanners.
    #[arg(long)]
    data: PathBuf,
    /// Folder of shared data; without it the catalogue is generated.
    #[arg(long)]
    shared: Option<PathBuf>,
    /// Seed of the generated catalogue.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// No orders come in.
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let secret = std::env::var(SECRET).with_context(|| format!("{SECRET} is not set"))?;
    let hub = Hub::new(&arguments.hub, &secret)?;
    let catalogue = match &arguments.shared {
        Some(shared) => real::catalogue(shared)?,
        None => generated::catalogue(arguments.seed),
    };
    tracing::info!(source = catalogue.source, products = catalogue.products.len(), "catalogue");
    let names = names(&arguments.stores)?;
    let codes: Vec<String> = names.iter().map(|(code, _)| code.clone()).collect();
    fill(&hub, &catalogue, &arguments.warehouse, &codes).await?;
    let stores = open_stores(&arguments, &catalogue, &names).await?;
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    let bench = format!("http://{}", listener.local_addr()?);
    let tally = Arc::new(Tally::default());
    let world = Arc::new(World { hub: arguments.hub.clone(), stores, tally: tally.clone() });
    say(&bench, &world, &catalogue.source)?;
    if !arguments.quiet {
        let run = u64::from(std::process::id());
        tokio::spawn(orders::run(hub, catalogue.orders, arguments.warehouse, codes, run, tally));
    }
    axum::serve(listener, routes(world)).with_graceful_shutdown(program::asked_to_stop()).await?;
    Ok(())
}

fn names(stores: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| {
        let (code, name) = text.split_once('=').context("a store is CODE=NAME")?;
        Ok((code.to_owned(), name.to_owned()))
    };
    stores.iter().map(pair).collect()
}

/// Items and opening stock, once: before any agent has connected.
async fn fill(hub: &Hub, catalogue: &Catalogue, warehouse: &str, stores: &[String]) -> Result<()> {
    // Each by itself: a first start may have ended between the two.
    if !hub.has_items().await? {
        let items = hub.import("items", catalogue.items_csv()?).await?;
        tracing::info!(%items, "items are in");
    }
    if hub.has_stock(warehouse).await? {
        return Ok(());
    }
    let stock = hub.import("stock", catalogue.stock_csv(warehouse, stores)?).await?;
    tracing::info!(%stock, "opening stock is in");
    Ok(())
}

async fn open_stores(
    arguments: &Arguments,
    catalogue: &Catalogue,
    names: &[(String, String)],
) -> Result<Vec<Store>> {
    let hub = arguments.hub.trim_start_matches("http://").trim_end_matches('/');
    let hub: SocketAddr = hub.parse().context("the hub's address is http://IP:PORT")?;
    let mut stores = vec![];
    for (code, name) in names {
        let buttons = catalogue.on_buttons(code);
        stores.push(Store::open(code, name, &arguments.data, hub, buttons).await?);
    }
    Ok(stores)
}

/// The one line that says that everything is there.
fn say(bench: &str, world: &World, source: &str) -> Result<()> {
    let stores: serde_json::Map<String, Value> = world
        .stores
        .iter()
        .map(|s| {
            let devices = json!({
                "printer": format!("tcp://{}", s.printer.address()),
                "scanner": s.scanner_path().display().to_string(),
                "hub": format!("http://{}", s.line.address()),
            });
            (s.code.clone(), devices)
        })
        .collect();
    let line = json!({"bench": bench, "stores": stores, "catalogue": source});
    Ok(program::say(&line.to_string())?)
}
