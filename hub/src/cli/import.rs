//! `hub import`: sends a file, follows it to its end, prints each row that was left out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::Value;

use super::client::{Client, Where, part};
use super::export::DecimalArg;
use super::{say, tell};

/// How often the hub is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);
/// Of the file, read at once.
const PIECE_BYTES: usize = 64 << 10;

/// A file to take in.
#[derive(Args)]
pub(super) struct ImportArgs {
    /// What the file holds.
    #[arg(value_enum)]
    kind: KindArg,
    /// The CSV file; its first row names the columns.
    file: PathBuf,
    /// A name of your choice: a file sent again under it is taken in once.
    #[arg(long)]
    key: Option<String>,
    /// A mapping of columns that the hub keeps under this name.
    #[arg(long)]
    mapping: Option<String>,
    /// What stands in amounts before their fraction; the first rows say it when absent.
    #[arg(long, value_enum)]
    decimal: Option<DecimalArg>,
    /// Writes the rows that were left out to this file, to be put right and taken in again.
    #[arg(long)]
    errors: Option<PathBuf>,
    #[command(flatten)]
    at: Where,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindArg {
    /// Columns sku, name, barcode, price, tax, category, options, image, brand, unit, state.
    Items,
    /// Columns sku, price, currency, from.
    Prices,
    /// Columns sku, location, quantity.
    Stock,
}

/// Sends the file. Exit code 1 when rows were left out.
pub(super) async fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let client = args.at.client()?;
    let kind = match args.kind {
        KindArg::Items => "items",
        KindArg::Prices => "prices",
        KindArg::Stock => "stock",
    };
    let shown = args.file.display();
    let file = tokio::fs::File::open(&args.file).await.with_context(|| format!("{shown}"))?;
    let mapping = args.mapping.as_ref().map(|name| format!("&mapping={}", part(name)));
    let decimal = args.decimal.map(|mark| format!("&decimal={}", mark.name()));
    let path = format!(
        "/v1/imports?kind={kind}{}{}",
        mapping.unwrap_or_default(),
        decimal.unwrap_or_default()
    );
    let request =
        client.request(Method::POST, &path).header("content-type", "text/csv").body(pieces(file));
    let request = match &args.key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    let made = client.answer(request).await?;
    let id = made["id"].as_str().context("the hub named no import")?.to_owned();
    let end = follow(&client, &id).await?;
    if args.at.json {
        say(&end.to_string())?;
    }
    let failed = end["rows_failed"].as_i64().unwrap_or(0);
    match &args.errors {
        Some(path) if failed > 0 => write_errors(&client, &id, path).await?,
        None if failed > 0 => print_errors(&client, &id).await?,
        _ => {}
    }
    let done = end["rows_done"].as_i64().unwrap_or(0);
    let rate = end["rows_per_second"].as_i64().map(|n| format!(", {n} a second"));
    tell(&format!("{done} rows, {failed} left out{}", rate.unwrap_or_default()));
    if end["state"] == "failed" {
        anyhow::bail!("the import failed: {}", end["detail"].as_str().unwrap_or_default());
    }
    if end["state"] == "cancelled" {
        anyhow::bail!("the import was cancelled; rows that were taken in stay");
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file as it is read: it may be larger than the memory that one would spend on it.
fn pieces(file: tokio::fs::File) -> reqwest::Body {
    let read = |mut file: tokio::fs::File| async move {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        match tokio::io::AsyncReadExt::read_buf(&mut file, &mut piece).await {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some((piece, file))),
            Err(error) => Err(error),
        }
    };
    reqwest::Body::wrap_stream(futures_util::stream::try_unfold(file, read))
}

async fn write_errors(client: &Client, id: &str, path: &Path) -> anyhow::Result<()> {
    let report = format!("/v1/imports/{}/errors.csv", part(id));
    let response = client.request(Method::GET, &report).send().await?.error_for_status()?;
    let shown = path.display();
    tokio::fs::write(path, response.bytes().await?).await.with_context(|| format!("{shown}"))?;
    tell(&format!("the rows that were left out are in {shown}"));
    Ok(())
}

async fn follow(client: &Client, id: &str) -> anyhow::Result<Value> {
    let mut said = Value::Null;
    loop {
        let now = client.get(&format!("/v1/imports/{}", part(id))).await?;
        if now["state"] != "running" {
            return Ok(now);
        }
        if now["rows_done"] != said {
            tell(&format!("{} of {}", now["rows_done"], now["rows_total"]));
            said = now["rows_done"].clone();
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn print_errors(client: &Client, id: &str) -> anyhow::Result<()> {
    let path = format!("/v1/imports/{}/errors", part(id));
    for error in client.all(&path, "errors").await? {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        say(&format!("row {}: {} ({})", error["row"], text("detail"), text("code")))?;
    }
    Ok(())
}
