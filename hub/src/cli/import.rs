//! `hub import`: sends a file, follows it to its end, prints each row that was left out.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::Value;

use super::client::{Client, Where, part};
use super::{say, tell};

/// How often the hub is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);

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
    #[command(flatten)]
    at: Where,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindArg {
    /// Columns sku, name, barcode, price, tax, category, options, image, brand.
    Items,
    /// Columns sku, location, quantity.
    Stock,
}

/// Sends the file. Exit code 1 when rows were left out.
pub(super) async fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let client = args.at.client()?;
    let kind = match args.kind {
        KindArg::Items => "items",
        KindArg::Stock => "stock",
    };
    let shown = args.file.display();
    let bytes = tokio::fs::read(&args.file).await.with_context(|| format!("{shown}"))?;
    let request = client
        .request(Method::POST, &format!("/v1/imports?kind={kind}"))
        .header("content-type", "text/csv")
        .body(bytes);
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
    if failed > 0 {
        print_errors(&client, &id).await?;
    }
    let done = end["rows_done"].as_i64().unwrap_or(0);
    tell(&format!("{done} rows, {failed} left out"));
    if end["state"] == "failed" {
        anyhow::bail!("the import failed: {}", end["detail"].as_str().unwrap_or_default());
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
