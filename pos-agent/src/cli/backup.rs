//! `backup`, `restore`, `export-unsent`, `import-unsent`: the words, and how they end.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::say;
use crate::backup::{self, Restore, Restored};

const BYTES_PER_MIB: f64 = 1_048_576.0;

/// What is copied, and where to.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to make; it is there when it is whole, and never before.
    file: PathBuf,
    /// The folder with the agent's database and key.
    #[arg(long, env = "POS_AGENT_DATA")]
    data: PathBuf,
    /// Takes the place of a file of this name.
    #[arg(long)]
    overwrite: bool,
}

/// What is put back, and where.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// A file that `pos-agent backup` made.
    #[arg(required_unless_present = "in_place", conflicts_with = "in_place")]
    file: Option<PathBuf>,
    /// The folder with the agent's database and key.
    #[arg(long, env = "POS_AGENT_DATA")]
    data: PathBuf,
    /// Keeps a journal that is there aside, under a name with the time. What can be read of its log
    /// comes along.
    #[arg(long, conflicts_with = "in_place")]
    replace: bool,
    /// The backup is of another agent of the same store, which is gone for good: this one takes it
    /// over.
    #[arg(long, conflicts_with = "in_place")]
    as_this_agent: bool,
    /// The folder was put back already, by a snapshot or a copy: tells the journal so.
    #[arg(long)]
    in_place: bool,
}

/// Where unsent facts go.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The file to make, for `import-unsent`; standard output when not said.
    file: Option<PathBuf>,
    /// The folder with the agent's database and key.
    #[arg(long, env = "POS_AGENT_DATA")]
    data: PathBuf,
    /// Takes the place of a file of this name.
    #[arg(long, requires = "file")]
    overwrite: bool,
}

/// Where unsent facts come from.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// A file that `pos-agent export-unsent` made.
    file: PathBuf,
    /// The folder with the agent's database and key.
    #[arg(long, env = "POS_AGENT_DATA")]
    data: PathBuf,
}

/// Makes a backup.
pub(super) async fn make(args: BackupArgs) -> Result<()> {
    let made = backup::backup(&args.data, &args.file, args.overwrite).await?;
    let (held, who) = (&made.held, &made.held.identity);
    say(&format!("backup:   {}", args.file.display()))?;
    say(&format!("size:     {:.1} MiB ({} bytes)", mib(made.size), made.size))?;
    say(&format!("agent:    {} of {}, schema {}", who.agent, who.location, held.schema))?;
    say(&format!("life:     {}", held.life.incarnation))?;
    say(&format!(
        "log:      {} facts, {} of which the hub has not answered",
        held.facts, held.unsent
    ))?;
    say("keys:     not in it; keep agent.key and agent.pepper too, closed as they are (they never \
         change)")
}

/// Puts a journal back.
pub(super) async fn restore(args: RestoreArgs) -> Result<()> {
    let what = Restore {
        data: &args.data,
        file: args.file.as_deref(),
        replace: args.replace,
        as_this_agent: args.as_this_agent,
    };
    told(&backup::restore(&what).await?)
}

fn told(restored: &Restored) -> Result<()> {
    let (renewed, who) = (&restored.renewed, &restored.held.identity);
    say(&format!("restored: the journal of {} ({})", who.location, who.agent))?;
    if let Some(aside) = &restored.aside {
        say(&format!("before:   kept as {}", aside.display()))?;
    }
    say(&format!(
        "life:     {} begins with no share and follows {}; what that one still held is in doubt \
         until somebody counts it",
        renewed.life, renewed.follows
    ))?;
    if !renewed.follows_newest {
        say(&format!(
            "may wait: if this store's agent began another life after that one (a restore, a \
             copy), the hub holds this machine back, and it takes no payment, until a manager lets \
             it go on: on the office's page of agents, or `hub enrol allow {}`",
            renewed.life
        ))?;
    }
    let taken = renewed.taken_in;
    if taken.facts > 0 || renewed.lost > 0 {
        say(&format!(
            "taken in: {} facts of the journal before; {} rows of it cannot be read, and {} places \
             of its log say so to the hub (`hub rejected list`)",
            taken.facts, renewed.lost, taken.filled
        ))?;
    }
    say(&format!("to tell:  {} facts, each of which is booked once", renewed.to_tell))?;
    if renewed.tickets + renewed.jobs > 0 {
        say(&format!(
            "left out: {} open tickets, which may have been paid since, and {} receipts that \
             waited for the printer",
            renewed.tickets, renewed.jobs
        ))?;
    }
    say(match renewed.numbers_known {
        true => "receipts: their numbers go on behind those of the journal before",
        false => {
            "receipts: no payment is taken until the hub was heard once: it says which numbers \
             were given since"
        }
    })?;
    for path in &restored.missing {
        say(&format!(
            "NOT THERE: {}: put it back, or join the shop anew and say --as-this-agent",
            path.display()
        ))?;
    }
    Ok(())
}

/// Writes unsent facts.
pub(super) async fn export(args: ExportArgs) -> Result<bool> {
    let file = args.file.as_deref().map(|file| (file, args.overwrite));
    let exported = backup::export(&args.data, file, &mut say).await?;
    if exported.lost > 0 {
        tracing::warn!(rows = exported.lost, "rows of the log cannot be read; the rest is here");
    }
    if let Some(file) = &args.file {
        say(&format!("{} facts in {}", exported.facts, file.display()))?;
    }
    Ok(exported.lost == 0)
}

/// Takes unsent facts in.
pub(super) async fn import(args: ImportArgs) -> Result<()> {
    let taken = backup::import(&args.data, &args.file).await?;
    say(&format!(
        "{} facts are told to the hub when the agent runs; {} places of facts that nobody has are \
         filled",
        taken.facts, taken.filled
    ))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a size for people, with one digit behind the point"
)]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / BYTES_PER_MIB
}
