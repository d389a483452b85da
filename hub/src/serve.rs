//! Puts the parts of a hub together, starts them in order, and ends them in order.
//!
//! Owns no behaviour of its own. Invariant: the writer ends after everything that hands commands
//! to it, and whatever was answered is durable.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use oneshelf_domain::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Clock, ItemNumbers, Parts};
use crate::auth::passwords::Hasher;
use crate::auth::rates::{Gate, Rates};
use crate::channels::{self, Channels};
use crate::commands::Commands;
use crate::exports::Exports;
use crate::follow::Follow;
use crate::http::{self, Listening, Proxy, Served};
use crate::imports::{self, Imports};
use crate::jobs;
use crate::link::{self, Links};
use crate::live::{Board, Sockets};
use crate::mqtt::{self, broker::Broker};
use crate::secrets::Secrets;
use crate::service;
use crate::shown::Source;
use crate::store::Store;
use crate::store::copy::file_of;
use crate::store::lock::beside;
use crate::tls::{self, Files, Tls, roots};
use crate::witness;

/// What a hub needs to start. The address of a database may hold a password: no `Debug`.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:PATH` or `postgres://...`.
    pub database: String,
    /// For everybody.
    pub listen: SocketAddr,
    /// For the operator.
    pub admin_listen: SocketAddr,
    /// Folder of the hub's keys.
    pub data: Option<PathBuf>,
    /// For agents and other clients of MQTT; none: nobody listens there.
    pub mqtt_listen: Option<SocketAddr>,
    /// A broker of somebody else that agents speak through.
    pub broker: Option<Broker>,
    /// Where browsers and agents reach it.
    pub public_url: Option<String>,
    /// Who stands in front.
    pub proxy: Proxy,
    /// Certificate and key of the listener for everybody; none leaves it plain.
    pub tls: Option<Files>,
    /// How often one may ask.
    pub rates: Rates,
    /// How channels are reached.
    pub channels: channels::Settings,
    /// How long a job is this hub's without its saying so again.
    pub lease: Duration,
}

/// A hub at work.
pub struct Running {
    /// Its parts.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its operator looks.
    pub admin_address: SocketAddr,
    /// Where it speaks MQTT.
    pub mqtt_address: Option<SocketAddr>,
    listeners: Vec<Listening>,
    tasks: Vec<JoinHandle<()>>,
    place: witness::Place,
    followers: ([JoinHandle<()>; 2], CancellationToken),
    writer: JoinHandle<()>,
}

/// The wall clock.
pub fn wall_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    })
}

/// The folder of the hub's keys: the one that was said, or beside the file of the database.
pub(crate) fn keys_folder(options: &Options) -> anyhow::Result<PathBuf> {
    let folder = keys_of(&options.database, options.data.as_deref());
    folder.context("with PostgreSQL say where the hub's keys are: --data FOLDER")
}

/// The same of a database; none where nobody can know.
pub(crate) fn keys_of(database: &str, said: Option<&Path>) -> Option<PathBuf> {
    let beside_file = || Some(beside(&file_of(database)?, ".keys"));
    said.map(Path::to_owned).or_else(beside_file)
}

/// How long those who wait get their last answer when the database is of no use any more.
const GIVE_UP_WAIT: Duration = Duration::from_secs(5);

/// Starts a hub.
///
/// # Errors
/// When the database, the keys or an address cannot be had.
pub async fn start(options: Options, clock: Clock) -> anyhow::Result<Running> {
    // Before anything counts.
    http::metrics_handle();
    tls::use_ring();
    let tls = options.tls.clone().map(Tls::open).transpose()?;
    say_when_plain(&options);
    let keys = keys_folder(&options)?;
    let secrets = Secrets::open(&keys)?;
    let store = Store::open(&options.database).await.context("the database cannot be opened")?;
    let (head, hub_id) = store.head().await?;
    let place = witness::Place::of(&keys, &options.database, &hub_id);
    if let Err(behind) = place.check(&store).await {
        store.close().await;
        return Err(behind);
    }
    let stop = CancellationToken::new();
    let (committed, newest) = watch::channel(head.version);
    let links = Arc::new(Links::default());
    let lines = {
        let links = links.clone();
        Arc::new(move || links.lines())
    };
    let (commands, writer) = Commands::start_with(store.clone(), clock.clone(), committed, lines);
    // The follower ends after the last request, which may wait for what it sees.
    let last = CancellationToken::new();
    let (follow, follower) = Follow::start(store.clone(), newest, last.clone()).await?;
    let keeping = witness::keep(place.clone(), follow.subscribe(), last.clone());
    let witness = tokio::spawn(keeping);
    let source = Source {
        store: store.clone(),
        follow: follow.clone(),
        links: links.clone(),
        clock: clock.clone(),
    };
    let app = App::new(Parts {
        board: Board::start(source, stop.clone()),
        sockets: Sockets::of_this_process(),
        commands: commands.clone(),
        follow,
        clock: clock.clone(),
        secrets: Arc::new(secrets),
        hub_id,
        links,
        public_url: options.public_url.clone(),
        tls,
        stop: stop.clone(),
        gate: Gate::new(&options.rates),
        hasher: Hasher::default(),
        imports: Imports::default(),
        channels: Arc::new(Channels::new(&options.channels).context("no way out to channels")?),
        exports: Exports::default(),
        lease: options.lease,
        items: ItemNumbers::default(),
        store: store.clone(),
    });
    let tasks = background(&app, &options)?;
    let Listeners { main, admin, mqtt } = listeners(&app, &options).await?;
    Ok(Running {
        address: main.address,
        admin_address: admin.address,
        mqtt_address: mqtt.as_ref().map(|mqtt| mqtt.address),
        app,
        listeners: [main, admin].into_iter().chain(mqtt).collect(),
        tasks,
        place,
        followers: ([follower, witness], last),
        writer,
    })
}

/// What the hub does by itself.
fn background(app: &App, options: &Options) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let mut tasks = jobs::start(app);
    tasks.push(tokio::spawn(imports::run(app.clone())));
    tasks.extend(channels::start(app));
    tasks.push(tokio::spawn(expect_agents(app.clone())));
    let (links, store, stop) = (app.links.clone(), app.store.clone(), app.stop.clone());
    tasks.push(tokio::spawn(link::ring(links, store, stop)));
    let kept = app.tls.iter().map(|tls| tls.clone().keep(app.clock.clone(), app.stop.clone()));
    tasks.extend(kept.map(tokio::spawn));
    tasks.extend(broker(app, options.broker.as_ref())?);
    Ok(tasks)
}

struct Listeners {
    main: Listening,
    admin: Listening,
    mqtt: Option<Listening>,
}

/// Opens all doors; each is closed by the stop.
async fn listeners(app: &App, options: &Options) -> anyhow::Result<Listeners> {
    let (tls, stop) = (app.tls.clone(), app.stop.clone());
    let cannot = |listen: SocketAddr| move || format!("cannot listen on {listen}");
    let mqtt = match options.mqtt_listen {
        Some(listen) => {
            let listening = mqtt::listen(listen, app.clone(), tls.clone()).await;
            Some(listening.with_context(cannot(listen))?)
        }
        None => None,
    };
    let main = Served { router: http::main_router(app.clone()), proxy: options.proxy, tls };
    let router = http::admin_router(app.clone());
    let admin = Served { router, proxy: Proxy::None, tls: None };
    let (listen, operator) = (options.listen, options.admin_listen);
    let main = http::listen(listen, main, stop.clone()).await.with_context(cannot(listen))?;
    let admin = http::listen(operator, admin, stop).await.with_context(cannot(operator))?;
    Ok(Listeners { main, admin, mqtt })
}

/// The task at an outside broker, where one is used.
fn broker(app: &App, broker: Option<&Broker>) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(broker) = broker.cloned() else { return Ok(None) };
    // A root that cannot be read is said before anybody is served.
    roots::client_config(broker.ca.as_deref())?;
    let app = app.clone();
    Ok(Some(tokio::spawn(async move {
        if let Err(error) = mqtt::broker::run(app, broker).await {
            tracing::error!(%error, "the MQTT broker is not used");
        }
    })))
}

/// Whether what goes in and out of this address can be read on the way.
pub fn is_plain(listen: SocketAddr, tls: bool, proxy: Proxy) -> bool {
    !tls && proxy == Proxy::None && !listen.ip().is_loopback()
}

fn say_when_plain(options: &Options) {
    // No proxy of HTTP stands in front of MQTT.
    let mqtt = options.mqtt_listen.map(|listen| (listen, Proxy::None));
    let listeners = [(options.listen, options.proxy)].into_iter().chain(mqtt);
    for (listen, proxy) in listeners {
        if !is_plain(listen, options.tls.is_some(), proxy) {
            continue;
        }
        tracing::warn!(
            %listen,
            "what this hub says and hears travels UNENCRYPTED, passwords, keys and PIN hashes \
             among it: give it --tls-cert and --tls-key, or put a proxy with TLS in front and say \
             --behind-proxy"
        );
    }
}

/// Keeps the lines' registry in step with the agents that there are.
async fn expect_agents(app: App) {
    let mut seen = app.follow.subscribe();
    loop {
        app.links.expect(http::ws::expected(&app));
        tokio::select! {
            () = app.stop.cancelled() => return,
            changed = seen.changed() => if changed.is_err() { return },
        }
    }
}

impl Running {
    /// Reads anew what can change while the hub runs: its certificate.
    pub fn reload(&self) {
        if let Some(tls) = &self.app.tls {
            tls.reload_and_say();
        }
    }

    /// Waits until the database is of no use any more; says why, and what to do.
    pub async fn failed(&self) -> String {
        let store = &self.app.store;
        tokio::select! {
            () = store.disk_failed() => "the disk of the database failed; look at it (`hub \
                doctor`), then start again".to_owned(),
            behind = store.went_behind() => self.place.words(&behind),
        }
    }

    /// Ends the hub: nobody new comes in, what was begun is answered, what waits is written.
    pub async fn stop(self) {
        self.app.stop.cancel();
        for listening in self.listeners {
            let _ = listening.task.await;
        }
        for task in self.tasks {
            let _ = task.await;
        }
        self.app.commands.stop().await;
        let _ = self.writer.await;
        let (followers, last) = self.followers;
        last.cancel();
        for follower in followers {
            let _ = follower.await;
        }
        self.app.store.close().await;
    }
}

/// Ends a hub whose disk failed, or whose database fell behind: whoever waits is told, nothing more
/// is written, and what is kept shows when the database is opened anew.
async fn give_up(running: Running, why: String) -> anyhow::Result<()> {
    service::tell(service::STOPPING);
    if tokio::time::timeout(GIVE_UP_WAIT, running.stop()).await.is_err() {
        tracing::warn!("some work did not end in time");
    }
    anyhow::bail!(why)
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start.
pub async fn serve(options: Options) -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    // Without a certificate there is nothing to read anew, and nothing to die of.
    let mut hang_up = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    let running = start(options, wall_clock()).await?;
    if running.app.seen().records.shop().is_none() {
        tracing::warn!("this hub is not set up yet: `hub setup` makes its shop and admin secret");
    }
    let scheme = if running.app.tls.is_some() { "https" } else { "http" };
    let mut said = format!(
        "hub listening on {scheme}://{} admin http://{}",
        running.address, running.admin_address
    );
    if let Some(address) = running.mqtt_address {
        let scheme = if running.app.tls.is_some() { "mqtts" } else { "mqtt" };
        said += &format!(" mqtt {scheme}://{address}");
    }
    crate::cli::say(&said)?;
    service::tell(service::READY);
    let alive = service::keep_alive(running.app.store.clone(), running.app.stop.clone());
    let alive = tokio::spawn(alive);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            why = running.failed() => return give_up(running, why).await,
            _ = hang_up.recv() => running.reload(),
        }
    }
    tracing::info!("stopping");
    service::tell(service::STOPPING);
    running.stop().await;
    // It ends at the stop.
    let _ = alive.await;
    Ok(())
}
