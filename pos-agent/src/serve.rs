//! What runs: the store's front, its pages, its devices, its link. Starting and stopping them.
//!
//! One program per data folder, kept so by a lock on a file. Stopping loses nothing: what was
//! answered is on disk.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oneshelf_hardware::printer::{Bitmap, PictureMode, Printer, Profile, Times};
use oneshelf_hardware::scale::{Scale, ScaleTimes};
use oneshelf_hardware::scanner::Patterns;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::devices::{Drawer, printer, scale, scanner as scanning};
use crate::key::AgentKey;
pub use crate::language::Language;
pub use crate::link::{Broker, Transport};
use crate::pepper::Pepper;
use crate::register::{Devices, DrawerWord, Front, Links, PrinterWord, ScannerWord};
use crate::{clock, enrol, folder, http, journal, link, tls};

/// How long running work may take to end.
const STOP_WAIT: Duration = Duration::from_secs(10);
/// Between two cleanings of the log.
const CLEAN: Duration = Duration::from_secs(6 * 60 * 60);

/// How the agent runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder with database and key.
    pub data: PathBuf,
    /// Where the hub is now; without it, where the shop was joined.
    pub hub: Option<String>,
    /// A root that the hub's certificate leads to, beside those of the system.
    pub hub_ca: Option<PathBuf>,
    /// What frames travel over.
    pub transport: Transport,
    /// Where pages are served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Pages may be served to other machines: they come unencrypted, PINs among them.
    pub to_other_machines: bool,
    /// `tcp://HOST:PORT`, `serial:/dev/...` or `file:/dev/...`.
    pub printer: Option<String>,
    pub paper: Paper,
    /// `serial:/dev/...`, `evdev:/dev/...`, or the path of a serial port.
    pub scanner: Option<String>,
    /// `serial:/dev/...`: what weighs goods.
    pub scale: Option<String>,
    /// How the store's own labels carry weights and prices, as `2PPPPPCWWWWWC`.
    pub patterns: Vec<String>,
    /// Further values of the Host header.
    pub hosts: Vec<String>,
    /// Of receipts.
    pub language: Language,
}

/// What receipts are printed on, and how they look.
#[derive(Debug, Clone, Default)]
pub struct Paper {
    /// The printer's profile: a name, or a TOML file.
    pub printer_profile: Option<String>,
    /// A PNG file that stands above every receipt.
    pub logo: Option<PathBuf>,
}

impl Paper {
    fn profile(&self) -> Result<Profile> {
        let mut profile = match &self.printer_profile {
            Some(name_or_file) => Profile::find(name_or_file)?,
            None => Profile::default(),
        };
        if let Some(path) = &self.logo {
            if profile.pictures == PictureMode::None {
                bail!("the printer profile `{}` prints no pictures, so no logo", profile.name);
            }
            profile.logo = Some(Bitmap::read(path, profile.dots)?);
        }
        Ok(profile)
    }
}

/// A running agent. Dropping it without [`Running::stop`] is what a crash does.
pub struct Running {
    address: SocketAddr,
    front: Arc<Front>,
    stop: CancellationToken,
    tasks: TaskTracker,
    endless: Vec<tokio::task::JoinHandle<()>>,
    data: PathBuf,
    _lock: File,
}

/// Starts everything.
pub async fn start(options: Options) -> Result<Running> {
    if !options.listen.ip().is_loopback() && !options.to_other_machines {
        bail!(
            "{} can be reached from other machines, and everything between them and this one \
             travels unencrypted, PINs among it; where that is wanted add --to-other-machines",
            options.listen
        );
    }
    folder::make(&options.data)?;
    // Two programs on one database would both number facts and receipts.
    let lock = folder::lock(&options.data, folder::LOCK, "another pos-agent serves")?;
    let hub = options.hub.as_deref().map(enrol::hub_address).transpose()?;
    let trust = tls::client_config(options.hub_ca.as_deref())?;
    let address = options.printer.as_deref().map(str::parse).transpose()?;
    let scanner = options.scanner.as_deref().map(str::parse).transpose()?;
    let profile = options.paper.profile()?;
    let (drawer, pulses) = Drawer::new();
    let printer = address.map(|at| Arc::new(Printer::new(at, profile.drawer, Times::default())));
    let (writer, reads) = journal::open(&options.data).await?;
    // The log of the run before is there; one that fails below ends this journal in order.
    journal::unmark(&options.data);
    let pepper = Pepper::of(&options.data);
    if reads.identity().await?.is_some() {
        // Rather now than at the first sign-in, when a customer waits.
        pepper.hex()?;
    }
    let scale = options.scale.as_deref().map(str::parse).transpose()?;
    let scale = scale.map(|address| Arc::new(Scale::new(address, ScaleTimes::default())));
    let links = Links {
        printer: options.printer.clone(),
        scanner: options.scanner.clone(),
        scale: options.scale.clone(),
    };
    let words = devices_at_start(printer.as_deref(), scanner.is_some(), scale.as_deref());
    let devices = (words, links, scale.clone());
    let drawer = printer.is_some().then_some(drawer);
    let receipts = (options.language, Patterns::parse(&options.patterns)?);
    let front = Front::load(writer, reads, pepper, drawer, devices, receipts).await?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    let address = listener.local_addr()?;
    journal::mark(&options.data).context("the folder takes no file")?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());

    let server = http::serve(listener, Arc::clone(&front), options.hosts, stop.clone());
    tasks.spawn(server);
    let data = options.data.clone();
    let key = move || AgentKey::read(&data);
    tasks.spawn(link::run(
        Arc::clone(&front),
        link::Way { hub, trust, transport: options.transport },
        key,
        stop.clone(),
    ));
    let mut endless = vec![
        tokio::spawn(Arc::clone(&front).push_states()),
        tokio::spawn(Arc::clone(&front).watch_devices()),
        tokio::spawn(Arc::clone(&front).watch_line()),
        tokio::spawn(clean(Arc::clone(&front))),
    ];
    if let Some(printer) = printer {
        endless.push(tokio::spawn(printer::show(Arc::clone(&front), Arc::clone(&printer))));
        tasks.spawn(printer::run(Arc::clone(&front), (printer, profile), pulses, stop.clone()));
    }
    if let Some(address) = scanner {
        tasks.spawn(scanning::run(Arc::clone(&front), address, stop.clone()));
    }
    if let Some(scale) = scale {
        tasks.spawn(scale::run(Arc::clone(&front), scale, stop.clone()));
    }
    tasks.close();
    Ok(Running { address, front, stop, tasks, endless, data: options.data, _lock: lock })
}

fn devices_at_start(printer: Option<&Printer>, scanner: bool, scale: Option<&Scale>) -> Devices {
    let state = printer.map(|p| *p.watch().borrow());
    Devices {
        printer: PrinterWord { state, since: clock::now() },
        scanner: if scanner { ScannerWord::Gone } else { ScannerWord::None },
        drawer: DrawerWord::Unknown,
        scale: scale.map(|s| *s.watch().borrow()),
    }
}

async fn clean(front: Arc<Front>) {
    loop {
        match front.drop_old_facts().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old answered facts left the log"),
            Err(error) => tracing::error!(%error, "old facts could not be dropped"),
        }
        tokio::time::sleep(CLEAN).await;
    }
}

/// From now on SIGTERM and SIGINT end nothing by themselves; what is answered waits for one.
pub fn until_told() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

impl Running {
    /// Where pages are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the disk under the database has failed: what is kept shows when it is opened
    /// anew.
    pub async fn disk_failed(&self) {
        self.front.disk_failed().await;
    }

    /// Ends everything in order.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_WAIT, self.tasks.wait()).await.is_err() {
            // A job that hangs in the printer: it is kept as `sending`, so it will be asked about.
            tracing::warn!("some work did not end in time");
        }
        for task in &self.endless {
            task.abort();
        }
        for task in self.endless {
            // Aborted, as asked.
            let _ = task.await;
        }
        // Its log goes into the file with the last connection.
        if journal::unmark(&self.data) {
            self.front.close().await;
        } else {
            std::mem::forget(self.front); // the connections stay open until the program has ended
        }
    }
}
