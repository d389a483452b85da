//! The command line of `hub`: what people type, and how it ends.
//!
//! Owns words and exit codes. Everything but `serve`, `setup`, `doctor`, `backup`, `restore`,
//! `audit` and `openapi` is a request to a running hub, the same that a page makes. Invariant:
//! standard output carries answers alone; logs and progress go to standard error.

mod backup;
mod broker;
mod channels;
mod client;
mod doctor;
mod enrol;
mod export;
mod import;
mod keys;
mod notices;
mod office;
mod setup;
mod stock;
mod stores;
mod table;
mod transfers;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::auth::rates::{Rate, Rates};
use crate::channels::{Settings, outgoing::Network};
use crate::http::Proxy;
use crate::store::Store;
use crate::tls::{self, Files};
use crate::{audit, http, jobs, log, serve};

/// The hub of Oneshelf: the single source of truth for stock.
#[derive(Parser)]
#[command(name = "hub", version, about, propagate_version = true)]
struct Cli {
    /// How logs are written to standard error.
    #[arg(long, env = "HUB_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    log_format: log::Format,
    /// Which logs, as in `info` or `oneshelf_hub=debug`.
    #[arg(long, env = "HUB_LOG", default_value = "info", global = true)]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves pages, API, live figures and agents.
    Serve(Box<ServeArgs>),
    /// Makes the shop, its first location and the admin secret, once.
    Setup(Box<setup::SetupArgs>),
    /// Locations: stores and warehouses.
    Location(office::LocationCommand),
    /// Stores as they stand: line, share, doubt, risk; giving up an agent that is gone.
    Store(stores::StoreCommand),
    /// Stock as it is; goods in, counts and corrections where no agent works.
    Stock(stock::StockCommand),
    /// Goods from one location to another: asked for, sent, taken in.
    Transfer(Box<transfers::TransferCommand>),
    /// Registers: points of sale.
    Register(office::RegisterCommand),
    /// People.
    Staff(office::StaffCommand),
    /// Keys of servers, apps and web shops.
    Key(keys::KeyCommand),
    /// Sales channels: what each is told, what it orders.
    Channel(Box<channels::ChannelCommand>),
    /// One-time codes that let a store's agent join.
    Enrol(enrol::EnrolCommand),
    /// Numbers that lower or share what may be promised.
    Policy(office::PolicyCommand),
    /// What the rules want somebody to look at.
    Notice(notices::NoticeCommand),
    /// Facts of stores that could not be booked.
    Rejected(notices::RejectedCommand),
    /// Takes in a CSV file of items, prices or opening stock.
    Import(import::ImportArgs),
    /// Writes a CSV file of items, prices, stock or movements.
    Export(export::ExportArgs),
    /// Looks at database, keys, certificate, addresses and stores; exit code 1 when one is bad.
    Doctor(Box<doctor::DoctorArgs>),
    /// Makes a backup of a hub's database, also while the hub serves, and audits it.
    Backup(backup::BackupArgs),
    /// Puts a hub back to a backup, and tells agents and channels that it was.
    Restore(backup::RestoreArgs),
    /// Re-derives every invariant from the tables; exit code 1 and a list when one is broken.
    Audit(AuditArgs),
    /// Prints the OpenAPI document.
    Openapi,
}

#[derive(Args)]
struct ServeArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Requests a second of one key or person.
    #[arg(long, env = "HUB_REQUESTS_PER_CALLER", default_value_t = 2_000)]
    requests_per_caller: u32,
    /// Requests a second of one address to the public shop.
    #[arg(long, env = "HUB_REQUESTS_PER_ADDRESS", default_value_t = 100)]
    requests_per_address: u32,
    /// Holds a second from one address.
    #[arg(long, env = "HUB_HOLDS_PER_ADDRESS", default_value_t = 10)]
    holds_per_address: u32,
    /// Sign-ins and enrolment codes tried a minute from one address.
    #[arg(long, env = "HUB_TRIES_PER_MINUTE", default_value_t = 10)]
    tries_per_minute: u32,
    /// Of several hubs one does a job (holds that run out, channels): so many seconds after it was
    /// heard of last another one does it.
    #[arg(long = "lease", env = "HUB_LEASE", value_name = "SECONDS",
        default_value_t = jobs::LEASE.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=300))]
    lease_s: u64,
}

/// Where a hub is and what it stands on: what `serve` is told, and `doctor` looks at.
#[derive(Args)]
struct PlaceArgs {
    /// `sqlite:PATH` or `postgres://...`.
    #[arg(long, env = "HUB_DATABASE", hide_env_values = true)]
    database: String,
    /// Address for everybody; port 0 takes a free one.
    #[arg(long, env = "HUB_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address for the operator: health, readiness, metrics. Keep it on loopback.
    #[arg(long, env = "HUB_ADMIN_LISTEN", default_value = "127.0.0.1:8081")]
    admin_listen: SocketAddr,
    /// Address for MQTT, as in `0.0.0.0:8883`: for agents with `--mqtt`, and for standard clients
    /// that read public stock with a key. With a certificate it speaks TLS.
    #[arg(long, env = "HUB_MQTT_LISTEN")]
    mqtt_listen: Option<SocketAddr>,
    #[command(flatten)]
    broker: broker::BrokerArgs,
    /// Folder of the hub's keys (mode 0700); beside the file of SQLite when not said.
    #[arg(long, env = "HUB_DATA")]
    data: Option<PathBuf>,
    /// Where browsers and agents reach this hub, as in `https://hub.example`.
    #[arg(long, env = "HUB_PUBLIC_URL")]
    public_url: Option<String>,
    /// A proxy of yours stands in front and sets `X-Forwarded-For`.
    #[arg(long, env = "HUB_BEHIND_PROXY")]
    behind_proxy: bool,
    /// Speaks TLS with this certificate: PEM, the hub's first, then those that signed it. Read
    /// anew when it changes and at SIGHUP.
    #[arg(long, env = "HUB_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key: PEM, readable by the hub's user alone.
    #[arg(long, env = "HUB_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A network that is not public and that channels may be reached in, also without TLS, as in
    /// 10.1.0.0/16; several times.
    #[arg(
        long = "allow-private-endpoints",
        env = "HUB_ALLOW_PRIVATE_ENDPOINTS",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    allow_private_endpoints: Vec<Network>,
}

#[derive(Args)]
struct AuditArgs {
    /// `sqlite:PATH` or `postgres://...`.
    #[arg(long, env = "HUB_DATABASE", hide_env_values = true)]
    database: String,
}

/// What the program takes, for those who check what is written about it.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Prints an answer.
///
/// # Errors
/// When nobody takes it.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("standard output is closed")
}

/// Prints progress or a complaint.
fn tell(text: &str) {
    // Nobody listening is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Parses the command line and does what it says.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    tls::use_ring();
    if let Err(error) = log::begin(cli.log_format, &cli.log) {
        tell(&format!("error: {error:#}"));
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&format!("error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let serves = matches!(cli.command, Command::Serve(_));
    match runtime.block_on(obey(cli.command)) {
        Ok(code) => code,
        // Whoever reads the log of a service reads nothing else.
        Err(error) if serves => {
            tracing::error!(cause = format!("{error:#}"), "the hub cannot run");
            ExitCode::FAILURE
        }
        Err(error) => {
            tell(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn obey(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::serve(args.options()?).await?,
        Command::Setup(args) => setup::setup(*args).await?,
        Command::Notice(command) => notices::notice(&command).await?,
        Command::Rejected(command) => notices::rejected(&command).await?,
        Command::Location(command) => office::location(&command).await?,
        Command::Store(command) => stores::store(&command).await?,
        Command::Stock(command) => stock::stock(&command).await?,
        Command::Transfer(command) => transfers::transfer(&command).await?,
        Command::Register(command) => office::register(&command).await?,
        Command::Staff(command) => office::staff(&command).await?,
        Command::Key(command) => keys::key(&command).await?,
        Command::Channel(command) => channels::channel(&command).await?,
        Command::Enrol(command) => enrol::enrol(&command).await?,
        Command::Policy(command) => office::policy(&command).await?,
        Command::Import(args) => return import::import(&args).await,
        Command::Export(args) => export::export(&args).await?,
        Command::Doctor(args) => return doctor::doctor(*args).await,
        Command::Backup(args) => return backup::backup(args).await,
        Command::Restore(args) => backup::restore(args).await?,
        Command::Audit(args) => return audited(&args).await,
        Command::Openapi => say(&http::document().to_pretty_json()?)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl ServeArgs {
    fn options(self) -> anyhow::Result<serve::Options> {
        let rate = |per_second: u32, burst: u32| Rate {
            burst: burst.max(1),
            every: Duration::from_secs(1) / per_second.max(1),
        };
        let rates = Rates {
            caller: rate(self.requests_per_caller, self.requests_per_caller.saturating_mul(2)),
            address: rate(self.requests_per_address, self.requests_per_address.saturating_mul(4)),
            holds: rate(self.holds_per_address, self.holds_per_address.saturating_mul(6)),
            door: Rate {
                burst: self.tries_per_minute.max(1),
                every: Duration::from_secs(60) / self.tries_per_minute.max(1),
            },
        };
        let lease = Duration::from_secs(self.lease_s);
        Ok(serve::Options { lease, ..self.place.options(rates)? })
    }
}

impl PlaceArgs {
    fn options(self, rates: Rates) -> anyhow::Result<serve::Options> {
        if let Some(url) = &self.public_url {
            let http = url.starts_with("http://") || url.starts_with("https://");
            anyhow::ensure!(http, "--public-url: an address that begins with https:// or http://");
        }
        Ok(serve::Options {
            database: self.database,
            listen: self.listen,
            admin_listen: self.admin_listen,
            mqtt_listen: self.mqtt_listen,
            broker: self.broker.broker()?,
            data: self.data,
            public_url: self.public_url,
            tls: self
                .tls_cert
                .zip(self.tls_key)
                .map(|(certificate, key)| Files { certificate, key }),
            proxy: if self.behind_proxy { Proxy::Trusted } else { Proxy::None },
            rates,
            channels: Settings { allowed: self.allow_private_endpoints, ..Settings::default() },
            lease: jobs::LEASE,
        })
    }
}

/// Keeps progress from becoming a flood: a line a second, and none in the first.
struct Pace(Instant);

impl Pace {
    const EVERY: Duration = Duration::from_secs(1);

    /// Whether a line is due; then the next one is due later.
    fn is_due(&mut self, now: Instant) -> bool {
        let due = now.duration_since(self.0) >= Self::EVERY;
        if due {
            self.0 = now;
        }
        due
    }
}

async fn audited(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let store = Store::open(&args.database).await.context("the database cannot be opened")?;
    let mut pace = Pace(Instant::now());
    let mut progress = |progress: audit::Progress| {
        if pace.is_due(Instant::now()) {
            tell(&progress.to_string());
        }
    };
    let report = audit::audit_with(&store, &mut progress).await?;
    store.close().await;
    for (name, rows) in &report.checked {
        say(&format!("{name}: {rows} checked"))?;
    }
    for finding in &report.broken {
        say(&format!("broken {finding}"))?;
    }
    for finding in &report.explained {
        say(&format!("explained {finding}"))?;
    }
    Ok(if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn progress_is_told_once_a_second() {
        let begin = Instant::now();
        let mut pace = Pace(begin);
        let at = |ms| begin + Duration::from_millis(ms);
        let due: Vec<bool> =
            [0, 999, 1_000, 1_001, 1_999, 2_000, 9_000].map(|ms| pace.is_due(at(ms))).to_vec();
        assert_eq!(due, [false, false, true, false, false, true, true]);
    }

    #[test]
    fn every_command_says_what_it_does() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {argument}", command.get_name());
            }
        }
    }
}
