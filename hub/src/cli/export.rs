//! `hub export`: a file of the catalogue, its prices, stock or movements, to standard output.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use futures_util::StreamExt;
use reqwest::Method;

use super::client::{Where, part, refusal};
use super::tell;

/// A file to be written.
#[derive(Args)]
pub(super) struct ExportArgs {
    /// What the file holds.
    #[arg(value_enum)]
    kind: KindArg,
    /// Of one location (stock and movements).
    #[arg(long)]
    location: Option<String>,
    /// Movements behind this version; the end of the file before is told on standard error.
    #[arg(long)]
    after: Option<i64>,
    /// Movements up to this version; the newest when absent.
    #[arg(long)]
    upto: Option<i64>,
    /// What stands in amounts before their fraction; with `comma` cells are parted by semicolons.
    #[arg(long, value_enum)]
    decimal: Option<DecimalArg>,
    /// Begins the file with a byte order mark, which spreadsheets look for.
    #[arg(long)]
    bom: bool,
    /// Writes to this file; standard output when absent.
    #[arg(long)]
    output: Option<PathBuf>,
    #[command(flatten)]
    at: Where,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindArg {
    /// The catalogue.
    Items,
    /// Prices, also those that begin at a moment.
    Prices,
    /// Stock per item and location, with its buckets.
    Stock,
    /// What moved, the oldest first.
    Movements,
}

/// What stands in amounts before their fraction.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum DecimalArg {
    /// `12.50`.
    Point,
    /// `12,50`.
    Comma,
}

impl DecimalArg {
    pub(super) const fn name(self) -> &'static str {
        match self {
            DecimalArg::Point => "point",
            DecimalArg::Comma => "comma",
        }
    }
}

impl ExportArgs {
    fn path(&self) -> String {
        let kind = match self.kind {
            KindArg::Items => "items",
            KindArg::Prices => "prices",
            KindArg::Stock => "stock",
            KindArg::Movements => "movements",
        };
        let asked = [
            self.location.as_ref().map(|code| format!("location={}", part(code))),
            self.after.map(|version| format!("after={version}")),
            self.upto.map(|version| format!("upto={version}")),
            self.decimal.map(|mark| format!("decimal={}", mark.name())),
            self.bom.then(|| "bom=true".to_owned()),
        ];
        let asked: Vec<String> = asked.into_iter().flatten().collect();
        format!("/v1/exports/{kind}?{}", asked.join("&"))
    }
}

/// Writes the file as it comes; one that breaks off is an error.
pub(super) async fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let client = args.at.client()?;
    let sent = client.request(Method::GET, &args.path()).send().await;
    let response = sent.context("no answer from the hub")?;
    if !response.status().is_success() {
        let status = response.status();
        bail!(refusal(status, &response.text().await?));
    }
    let cursor = response.headers().get("oneshelf-next-cursor").cloned();
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => {
            let shown = path.display();
            Box::new(std::fs::File::create(path).with_context(|| format!("{shown}"))?)
        }
        None => Box::new(std::io::stdout()),
    };
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.context("the file was cut off; ask again with the same --after")?;
        out.write_all(&piece).context("the file cannot be written")?;
    }
    out.flush().context("the file cannot be written")?;
    if let Some(cursor) = cursor.as_ref().and_then(|value| value.to_str().ok()) {
        tell(&format!("next: --after {cursor}"));
    }
    Ok(())
}
