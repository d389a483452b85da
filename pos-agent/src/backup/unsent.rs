//! Facts that the hub has not answered, out of a journal in whatever state and into another one.
//!
//! A file of them begins with a line that says whose they are, then one fact a line, as it was
//! stored. Invariant: facts of one store never come into another one's journal.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::{free_name, named, private};
use crate::folder;
use crate::journal::{self, Found, Identity, TakenIn, Walk};

/// A line of a file, bytes: no fact is larger.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Heading {
    /// What the file is.
    oneshelf: String,
    hub_id: String,
    location: String,
    agent: String,
}

/// What it says it is.
const KIND: &str = "unsent facts";

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Exported {
    pub facts: u64,
    /// Rows that could not be read.
    pub lost: u64,
}

/// Writes the unsent facts of a folder's journal: into a file, or line by line to `say`.
///
/// # Errors
/// When nothing of the journal can be read, or the file not be made.
pub(crate) async fn export(
    data: &Path,
    file: Option<(&Path, bool)>,
    say: &mut (dyn FnMut(&str) -> Result<()> + Send),
) -> Result<Exported> {
    let Some((file, overwrite)) = file else { return walk(data, say).await };
    let who = journal::present(data).await.and_then(|present| present.identity);
    let Identity { agent, hub_id, location, .. } =
        who.context("the journal does not say any more whose it is")?;
    let agent = agent.to_string();
    let heading = Heading { oneshelf: KIND.to_owned(), hub_id, location, agent };
    let partial = free_name(file, overwrite)?;
    let mut out = BufWriter::new(private(&partial)?);
    writeln!(out, "{}", serde_json::to_string(&heading)?)?;
    let mut write = |fact: &str| -> Result<()> { Ok(writeln!(out, "{fact}")?) };
    let exported = walk(data, &mut write).await?;
    out.flush()?;
    drop(out);
    named(&partial, file)?;
    Ok(exported)
}

async fn walk(data: &Path, say: &mut (dyn FnMut(&str) -> Result<()> + Send)) -> Result<Exported> {
    let mut log = Walk::open(data).await.context("nothing of the journal can be read")?;
    let mut facts = 0;
    loop {
        let found = log.next().await?;
        if found.is_empty() {
            return Ok(Exported { facts, lost: log.lost });
        }
        for fact in found.iter().filter(|fact| !fact.answered) {
            say(&fact.text)?;
            facts += 1;
        }
    }
}

/// Takes exported facts into a folder's journal; its agent tells them to the hub. Those that it has
/// already change nothing.
///
/// # Errors
/// When an agent works on it, or the facts are of another store; then nothing was changed.
pub(crate) async fn import(data: &Path, file: &Path) -> Result<TakenIn> {
    let busy = "an agent is at work, so nothing can be taken in: stop it first; it works with";
    let _lock = folder::lock(data, folder::LOCK, busy)?;
    let opened = File::open(file).with_context(|| format!("{}", file.display()))?;
    let mut lines = BufReader::new(opened).lines();
    let heading: Heading = match lines.next().transpose()?.map(|line| serde_json::from_str(&line)) {
        Some(Ok(heading)) => heading,
        _ => bail!("{} does not begin as `pos-agent export-unsent FILE` does", file.display()),
    };
    let shown = file.display();
    ensure!(heading.oneshelf == KIND, "{shown} holds {}, not {KIND}", heading.oneshelf);
    let (writer, reads) = journal::open(data).await?;
    let us = reads.identity().await?;
    reads.close().await;
    writer.close().await?;
    let us = us.context("this folder has not joined a shop: pos-agent enrol")?;
    ensure!(
        (&us.hub_id, &us.location) == (&heading.hub_id, &heading.location),
        "{shown} is of store {}, and this folder is of {}: its sales would be booked here",
        heading.location,
        us.location
    );
    let facts = lines.map(|line| {
        let line = line.map_err(|e| journal::Fault::Row(e.to_string()))?;
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(journal::Fault::Row("a line is too long for a fact".to_owned()));
        }
        Found::read(line, false)
    });
    Ok(journal::take_in(data, facts).await?)
}
