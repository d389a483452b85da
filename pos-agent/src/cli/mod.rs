//! The command line. Nothing but arguments and words.

mod backup;
mod doctor;
mod line;
mod paper;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::serve::Language;
use crate::{enrol, log, serve, service};

/// The agent of one store: its registers, devices and link to the hub.
#[derive(Debug, Parser)]
#[command(name = "pos-agent", version, about)]
pub struct Cli {
    /// How logs are written to standard error.
    #[arg(long, env = "POS_AGENT_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    pub log_format: log::Format,
    /// Which logs, as in `info` or `oneshelf_pos_agent=debug`.
    #[arg(long, env = "POS_AGENT_LOG", default_value = "info", global = true)]
    pub log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the store's registers, with or without the hub.
    Serve {
        /// The folder with the agent's database and key.
        #[arg(long, env = "POS_AGENT_DATA")]
        data: PathBuf,
        /// The hub's address, when it is not the one that was joined any more.
        #[arg(long, env = "HUB_URL")]
        hub: Option<String>,
        /// A root certificate (PEM) that the hub's leads to, beside those of the system.
        #[arg(long, env = "HUB_CA")]
        hub_ca: Option<PathBuf>,
        #[command(flatten)]
        line: Box<line::LineArgs>,
        /// Where the pages are served. An address that is not this machine's own (127.0.0.1,
        /// [::1]) needs --to-other-machines.
        #[arg(long, env = "POS_AGENT_LISTEN", default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
        /// Serves the pages to other machines too. They travel unencrypted: put a proxy with TLS
        /// in front, or use a network that nobody else is on.
        #[arg(long, env = "POS_AGENT_TO_OTHER_MACHINES")]
        to_other_machines: bool,
        /// The receipt printer: tcp://HOST:PORT, serial:/dev/serial/by-id/...?baud=115200 or
        /// file:/dev/usb/lp0. `answers=no` behind the `?`: it never says anything back. The drawer
        /// hangs on it.
        #[arg(long, env = "POS_AGENT_PRINTER")]
        printer: Option<String>,
        #[command(flatten)]
        paper: Box<paper::PaperArgs>,
        /// The scanner: serial:/dev/serial/by-id/...?baud=9600, or one that types like a keyboard,
        /// evdev:/dev/input/by-id/... `repeat=300` behind the `?`: the same code within so many
        /// milliseconds counts once.
        #[arg(long, env = "POS_AGENT_SCANNER")]
        scanner: Option<String>,
        /// What weighs goods, as serial:/dev/serial/by-id/...?baud=9600 (NCI protocol); `&bits=7`
        /// behind it where the scale is set to 7 bits and even parity.
        #[arg(long, env = "POS_AGENT_SCALE")]
        scale: Option<String>,
        /// A pattern of the store's own labels with a weight or a price in them, as
        /// 2PPPPPCWWWWWC; may be given several times.
        #[arg(long = "label-pattern", env = "POS_AGENT_LABEL_PATTERNS", value_delimiter = ',')]
        patterns: Vec<String>,
        /// Another host name, with its port, under which pages may be opened.
        #[arg(long = "host", env = "POS_AGENT_HOSTS", value_delimiter = ',')]
        hosts: Vec<String>,
        /// The language of receipts, with its decimal mark. Pages follow their browser.
        #[arg(long, env = "POS_AGENT_LANGUAGE", value_enum, default_value_t)]
        language: Language,
    },
    /// Joins a shop with a one-time code; once per data folder.
    Enrol {
        /// The folder with the agent's database and key.
        #[arg(long, env = "POS_AGENT_DATA")]
        data: PathBuf,
        /// The hub's address.
        #[arg(long, env = "HUB_URL")]
        hub: String,
        /// A root certificate (PEM) that the hub's leads to, beside those of the system.
        #[arg(long, env = "HUB_CA")]
        hub_ca: Option<PathBuf>,
        /// The code, as the hub showed it.
        #[arg(long)]
        code: String,
        /// How the hub's pages call this agent.
        #[arg(long, default_value = "POS agent")]
        name: String,
    },
    /// Looks at folder, line, printer and scanner; exit code 1 when one is bad.
    Doctor(doctor::DoctorArgs),
    /// Makes a backup of the journal, also while the agent serves, and looks at it.
    Backup(backup::BackupArgs),
    /// Puts the journal back to a backup; what can be read of the one before comes along.
    Restore(backup::RestoreArgs),
    /// Writes the facts that the hub has not answered, one JSON document a line, also out of a
    /// journal that is damaged; exit code 1 when rows of it cannot be read.
    ExportUnsent(backup::ExportArgs),
    /// Takes exported facts in, for the hub to be told; the agent must not run.
    ImportUnsent(backup::ImportArgs),
}

/// Runs one command to its end. False: it ended well and has nothing good to say.
pub async fn run(cli: Cli) -> Result<bool> {
    match cli.command {
        Command::Serve {
            data,
            hub,
            hub_ca,
            line,
            listen,
            to_other_machines,
            printer,
            paper,
            scanner,
            scale,
            patterns,
            hosts,
            language,
        } => {
            let options = serve::Options {
                data,
                hub,
                hub_ca,
                transport: line.transport()?,
                listen,
                to_other_machines,
                printer,
                paper: (*paper).into(),
                scanner,
                scale,
                patterns,
                hosts,
                language,
            };
            // Before anybody hears that it is ready, and may tell it to stop.
            let told = serve::until_told()?;
            let running = serve::start(options).await?;
            say(&format!("pos-agent listening on http://{}", running.address()))?;
            service::tell(service::READY);
            let failed = tokio::select! {
                () = told => false,
                () = running.disk_failed() => true,
            };
            service::tell(service::STOPPING);
            running.stop().await;
            if failed {
                bail!("the disk failed; look at it (`pos-agent doctor`), then start again");
            }
        }
        Command::Enrol { data, hub, hub_ca, code, name } => {
            let at = enrol::Hub { url: &hub, ca: hub_ca.as_deref() };
            let location = enrol::enrol(&data, at, &code, &name).await?;
            say(&format!("joined as the agent of {location}"))?;
        }
        Command::Doctor(args) => return doctor::doctor(args).await,
        Command::Backup(args) => backup::make(args).await?,
        Command::Restore(args) => backup::restore(args).await?,
        Command::ExportUnsent(args) => return backup::export(args).await,
        Command::ImportUnsent(args) => backup::import(args).await?,
    }
    Ok(true)
}

/// One line on standard output; everything else goes to standard error.
fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
