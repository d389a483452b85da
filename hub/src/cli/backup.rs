//! `hub backup` and `hub restore`: the words, and how they end. What they do is `backup`'s.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;
use clap::Args;

use super::{Pace, say, tell};
use crate::audit::{Progress, Report};
use crate::backup::{self, Accept, Restore, Restored};
use crate::secrets;
use crate::serve::keys_of;
use crate::store::copy::file_of;

const BYTES_PER_MIB: f64 = 1_048_576.0;

/// What is copied, and where to.
#[derive(Args)]
pub(super) struct BackupArgs {
    /// The file to make; it is there when it is whole, and never before.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Takes the place of a file of this name.
    #[arg(long)]
    overwrite: bool,
}

/// What is put back, and where.
#[derive(Args)]
pub(super) struct RestoreArgs {
    /// A file that `hub backup` made.
    #[arg(required_unless_present = "in_place", conflicts_with = "in_place")]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Keeps a database that is there aside, beside the new one, under a name with the time.
    #[arg(long, conflicts_with = "in_place")]
    replace: bool,
    /// The database was put back already, by pg_restore or a snapshot: looks at it, and tells
    /// agents and channels.
    #[arg(long)]
    in_place: bool,
    /// Takes it also when its audit finds something.
    #[arg(long)]
    accept_findings: bool,
    /// Takes also a backup of another hub than the one whose database is replaced.
    #[arg(long, conflicts_with = "in_place")]
    another_hub: bool,
}

/// A hub that does not run for this.
#[derive(Args)]
struct Place {
    /// `sqlite:PATH` or `postgres://...`.
    #[arg(long, env = "HUB_DATABASE", hide_env_values = true)]
    database: String,
    /// Folder of the hub's keys; beside the file of SQLite when not said.
    #[arg(long, env = "HUB_DATA")]
    data: Option<PathBuf>,
}

impl Place {
    fn folder(&self) -> Option<PathBuf> {
        keys_of(&self.database, self.data.as_deref())
    }

    fn keys(&self) -> Option<PathBuf> {
        self.folder().map(|folder| folder.join(secrets::FILE))
    }
}

/// Makes a backup; exit code 1 when its audit finds something.
pub(super) async fn backup(args: BackupArgs) -> anyhow::Result<ExitCode> {
    let Some(database) = file_of(&args.place.database) else {
        bail!(
            "PostgreSQL has its own way, also while hubs serve: pg_dump --format=custom \
             --file=hub.dump; to look at it, pg_restore into an empty database and `hub audit` \
             there (docs/operations/backups.md)"
        );
    };
    let mut progress = progress();
    let made = backup::backup(&database, &args.file, args.overwrite, &mut progress).await?;
    say(&format!("backup:   {}", made.file.display()))?;
    say(&format!("size:     {:.1} MiB ({} bytes)", mib(made.size), made.size))?;
    say(&format!(
        "version:  {} of {}, epoch {}, schema {}",
        made.held.version, made.held.recorded_at, made.held.epoch, made.held.schema
    ))?;
    say(&format!(
        "took:     {:.1} s, then {:.1} s to look at it",
        made.copied.as_secs_f64(),
        made.verified.as_secs_f64()
    ))?;
    let keys = args.place.keys().filter(|file| file.exists());
    say(&match keys {
        Some(keys) => format!(
            "keys:     not in it; keep {} too, closed as it is (it never changes by itself)",
            keys.display()
        ),
        None => "keys:     not in it, nor where --data says; without secrets.json PINs and \
                 passwords are lost"
            .to_owned(),
    })?;
    audited(&made.report)?;
    Ok(if made.report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Puts a hub back.
pub(super) async fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let mut progress = progress();
    let (url, keys) = (&args.place.database, args.place.folder());
    let keys = keys.as_deref();
    let restored = match (&args.file, file_of(url)) {
        (None, _) => backup::renew(url, keys, args.accept_findings, &mut progress).await?,
        (Some(file), Some(database)) => {
            let what = Restore {
                file,
                database: &database,
                replace: args.replace,
                accept: Accept { findings: args.accept_findings, another_hub: args.another_hub },
                keys,
            };
            backup::restore(&what, &mut progress).await?
        }
        (Some(_), None) => bail!(
            "with PostgreSQL: stop the hubs, pg_restore the dump into an empty database, then say \
             hub restore --in-place (docs/operations/backups.md)"
        ),
    };
    told(&restored, file_of(url).as_deref())?;
    if args.place.keys().is_none_or(|file| !file.exists()) {
        say("keys:     NOT THERE: put secrets.json back before the hub starts, or PINs and \
             passwords must be set anew")?;
    }
    Ok(())
}

fn told(restored: &Restored, database: Option<&Path>) -> anyhow::Result<()> {
    let held = &restored.held;
    let place = database.map_or("the database".to_owned(), |path| path.display().to_string());
    say(&format!("restored: {place} to version {} of {}", held.version, held.recorded_at))?;
    if let Some(aside) = &restored.aside {
        say(&format!("before:   kept as {}", aside.display()))?;
    }
    say(&format!("epoch:    {} (it was {})", restored.epoch, held.epoch))?;
    let waiting: Vec<&str> = restored.waiting.stores.iter().map(|code| code.as_str()).collect();
    say(&match waiting.is_empty() {
        true => "stores:   none has an agent".to_owned(),
        false => format!(
            "stores:   {} are promised again when their agents have told everything",
            waiting.join(" ")
        ),
    })?;
    let channels = restored.waiting.channels.iter().map(|code| code.as_str());
    let channels: Vec<&str> = channels.collect();
    if !channels.is_empty() {
        say(&format!(
            "channels: {}: let each send its orders since then again, then say `hub channel \
             caught-up CODE`; until then the locations that serve it are promised to nobody",
            channels.join(" ")
        ))?;
    }
    say("look at:  orders and holds of channels, goods that came in and settings since then are \
         not in it; keys, staff and agents that were removed since then are back")?;
    audited(&restored.report)
}

fn audited(report: &Report) -> anyhow::Result<()> {
    let rows: u64 = report.checked.iter().map(|(_, rows)| rows).sum();
    let invariants = report.checked.len();
    let word = if report.is_clean() { "nothing broken" } else { "BROKEN" };
    say(&format!("audit:    {word}, {invariants} invariants over {rows} rows"))?;
    report.broken.iter().try_for_each(|finding| say(&format!("broken {finding}")))
}

fn progress() -> impl FnMut(Progress) + Send {
    let mut pace = Pace(Instant::now());
    move |progress| {
        if pace.is_due(Instant::now()) {
            tell(&progress.to_string());
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a size for people, with one digit behind the point"
)]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / BYTES_PER_MIB
}
