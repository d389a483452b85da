//! One MQTT connection: bytes to the endpoint, and what it wants done.
//!
//! Invariant: nothing more is read while the client is being proven or takes nothing, so that a
//! client's own slowness bounds what it costs.

use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use oneshelf_domain::limits;
use oneshelf_sync::mqtt::{Connecting, Endpoint, Input, Output, StockFilter, UNSETTLED_MAX};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio_util::sync::PollSender;

use super::admit::{Admitted, admit};
use super::clients::{Clients, Seat};
use super::figures::{Figures, Proof, Told};
use crate::app::App;
use crate::link::{self, Said, Settled};
use crate::store::StoreError;

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 16 << 10;
/// How often time is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often a client is proven anew.
const PULSE: Duration = Duration::from_secs(5);
/// How long the last word may take.
const LAST_WORD: Duration = Duration::from_secs(1);
/// Frames to an agent that wait for the line.
const FRAMES_MAX: usize = 16;

/// The link of an agent, in a task of its own.
struct Line {
    said: mpsc::Sender<Said>,
    down: mpsc::Receiver<String>,
    task: JoinHandle<Result<(), link::Ended>>,
}

/// A packet id, and whether its message was dealt with.
type Ticket = (u16, bool);

struct Connection<'a, W> {
    app: &'a App,
    clients: &'a Clients,
    address: IpAddr,
    endpoint: Endpoint,
    out: W,
    began: tokio::time::Instant,
    admitted: Option<Admitted>,
    seat: Option<Seat>,
    figures: Option<Figures>,
    line: Option<Line>,
    settled: (UnboundedSender<Ticket>, UnboundedReceiver<Ticket>),
}

/// What happened.
enum Event {
    Read(std::io::Result<usize>),
    Settled(Ticket),
    Down(Option<String>),
    News(crate::live::News),
    Tick,
    Pulse,
    Taken,
    Stop,
}

/// Why it ends, as the log has it.
type Over = String;

/// Serves a connection until it ends.
pub(super) async fn serve<S>(app: &App, clients: &Clients, address: IpAddr, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (reader, out) = tokio::io::split(stream);
    let began = tokio::time::Instant::now();
    let mut connection = Connection {
        app,
        clients,
        address,
        endpoint: Endpoint::new(0),
        out,
        began,
        admitted: None,
        seat: None,
        figures: None,
        line: None,
        settled: mpsc::unbounded_channel(),
    };
    let why = connection.run(reader).await.err().unwrap_or_default();
    match connection.admitted.as_ref().and_then(|admitted| admitted.agent) {
        Some((agent, _)) => tracing::info!(%agent, why, "an agent's MQTT connection ended"),
        None => tracing::debug!(%address, why, "an MQTT connection ended"),
    }
    // Whoever is gone takes nothing more.
    let _ = tokio::time::timeout(LAST_WORD, connection.out.shutdown()).await;
}

impl<W: AsyncWrite + Unpin> Connection<'_, W> {
    async fn run<R: AsyncRead + Unpin>(&mut self, mut reader: R) -> Result<(), Over> {
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        // Made once: each making waits for a lock that all connections share.
        let app = self.app;
        let mut stop = std::pin::pin!(app.stop.cancelled());
        let mut tick = tokio::time::interval(TICK);
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                () = &mut stop => Event::Stop,
                () = taken(self.seat.as_ref()) => Event::Taken,
                read = reader.read_buf(&mut buffer) => Event::Read(read),
                Some(settled) = self.settled.1.recv() => Event::Settled(settled),
                down = down(self.line.as_mut(), self.endpoint.is_blocked()) => Event::Down(down),
                news = news(self.figures.as_mut()) => Event::News(news),
                _ = tick.tick() => Event::Tick,
                _ = pulse.tick() => Event::Pulse,
            };
            match event {
                Event::Read(Ok(0)) => return Err("the client is gone".to_owned()),
                Event::Read(Err(error)) => return Err(error.to_string()),
                Event::Read(Ok(_)) => {
                    let bytes = buffer.split();
                    self.input(Input::Bytes(&bytes)).await?;
                    buffer.reserve(READ_BYTES);
                }
                Event::Settled((pkid, whole)) => self.input(Input::Settled(pkid, whole)).await?,
                Event::Down(Some(text)) => self.input(Input::Frame(Bytes::from(text))).await?,
                Event::Down(None) => self.line_ended().await?,
                Event::News(news) => {
                    let filters: Vec<StockFilter> =
                        self.endpoint.stock_filters().cloned().collect();
                    let Some(figures) = &mut self.figures else { continue };
                    let told = figures.news(news, &filters).await.map_err(over)?;
                    self.tell(told, false).await?;
                }
                Event::Tick => self.input(Input::Tick).await?,
                Event::Pulse => self.prove().await?,
                Event::Taken => self.input(Input::TakenOver).await?,
                Event::Stop => self.input(Input::Stopping).await?,
            }
        }
    }

    /// Gives an input, writes what is to be written, and does what is to be done.
    async fn input(&mut self, input: Input<'_>) -> Result<(), Over> {
        let now = self.now();
        let outputs = self.endpoint.step(input, now);
        self.outputs(outputs).await
    }

    async fn outputs(&mut self, mut outputs: Vec<Output>) -> Result<(), Over> {
        while !outputs.is_empty() {
            let mut bytes = BytesMut::new();
            let mut more = vec![];
            let mut over = None;
            for output in outputs {
                match output {
                    Output::Send(packet) => bytes.extend_from_slice(&packet),
                    Output::Close(why) => over = Some(why.to_owned()),
                    other => more.push(other),
                }
            }
            self.write(&bytes).await?;
            if let Some(why) = over {
                return Err(why);
            }
            outputs = vec![];
            for output in more {
                outputs.extend(self.act(output).await?);
            }
        }
        Ok(())
    }

    async fn act(&mut self, output: Output) -> Result<Vec<Output>, Over> {
        match output {
            Output::Prove(who) => self.admit(who).await,
            Output::Frame { payload, ticket } => Ok(self.frame(&payload, ticket)),
            Output::Listens => {
                self.open_line();
                Ok(vec![])
            }
            Output::Current(new) => self.current(&new).await,
            Output::Send(_) | Output::Close(_) => Ok(vec![]),
        }
    }

    async fn admit(&mut self, who: Connecting) -> Result<Vec<Output>, Over> {
        let now = self.now();
        let admitted = match admit(self.app, &who, self.address).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                tracing::info!(address = %self.address, ?refusal, "an MQTT client was refused");
                return Ok(self.endpoint.step(Input::Refuse(refusal), now));
            }
        };
        self.figures = Figures::of(self.app, &admitted.listener).await.map_err(over)?;
        let name = admitted.assigned.as_ref().unwrap_or(&who.client_id);
        self.seat = Some(self.clients.sit(&admitted.listener.name(), name));
        if let Some((agent, _)) = admitted.agent {
            tracing::info!(%agent, "an agent is connected over MQTT");
        }
        let (rights, assigned) = (admitted.rights.clone(), admitted.assigned.clone());
        self.admitted = Some(admitted);
        Ok(self.endpoint.step(Input::Admit { rights, assigned }, now))
    }

    /// The link begins when the agent can hear its answers.
    fn open_line(&mut self) {
        let agent = self.admitted.as_ref().and_then(|admitted| admitted.agent);
        let (None, Some((agent, location))) = (&self.line, agent) else { return };
        let (said, frames) = mpsc::channel(usize::from(UNSETTLED_MAX));
        let (sender, down) = mpsc::channel(FRAMES_MAX);
        let app = self.app.clone();
        let task = tokio::spawn(async move {
            link::run(&app, agent, location, incoming(frames), PollSender::new(sender)).await
        });
        self.line = Some(Line { said, down, task });
    }

    /// Hands a frame to the link. What it cannot take must come again.
    fn frame(&mut self, payload: &[u8], ticket: Option<u16>) -> Vec<Output> {
        let settled = ticket
            .map_or_else(Settled::default, |number| Settled::tell(self.settled.0.clone(), number));
        // What is no text is no frame; the link says so, as it does of all that it cannot read.
        let text = String::from_utf8_lossy(payload).into_owned();
        if let Some(line) = &self.line {
            // A full queue drops the frame, which settles its ticket as such.
            let _ = line.said.try_send(Said { text, settled });
        }
        vec![]
    }

    async fn current(&mut self, new: &[StockFilter]) -> Result<Vec<Output>, Over> {
        let filters: Vec<StockFilter> = self.endpoint.stock_filters().cloned().collect();
        let Some(figures) = &mut self.figures else { return Ok(vec![]) };
        let heard = figures.listen(&filters, new).await.map_err(over)?;
        let mut outputs = self.values(heard.news, false);
        outputs.extend(self.values(heard.current, true));
        Ok(outputs)
    }

    async fn tell(&mut self, told: Vec<Told>, current: bool) -> Result<(), Over> {
        let outputs = self.values(told, current);
        self.outputs(outputs).await
    }

    fn values(&mut self, told: Vec<Told>, current: bool) -> Vec<Output> {
        let now = self.now();
        let mut outputs = vec![];
        for Told { location, sku, payload } in &told {
            let payload = payload.clone();
            let value = Input::Value { location, sku, payload, current };
            outputs.extend(self.endpoint.step(value, now));
        }
        outputs
    }

    /// Whoever was let in may have been locked out since, or be shown something else.
    async fn prove(&mut self) -> Result<(), Over> {
        let (Some(admitted), Some(figures)) = (&self.admitted, &mut self.figures) else {
            return Ok(());
        };
        match figures.prove(&admitted.listener).await.map_err(over)? {
            Proof::Same => Ok(()),
            Proof::Gone => self.input(Input::Revoked).await,
            Proof::Other => {
                let filters: Vec<StockFilter> = self.endpoint.stock_filters().cloned().collect();
                let outputs = self.current(&filters).await?;
                self.outputs(outputs).await
            }
        }
    }

    async fn line_ended(&mut self) -> Result<(), Over> {
        let Some(line) = self.line.take() else { return Ok(()) };
        match line.task.await {
            Ok(Err(link::Ended::Failed(why))) => {
                tracing::warn!(why, "an agent's link failed");
                self.input(Input::Busy).await
            }
            Ok(Err(why)) => {
                tracing::info!(%why, "an agent's link ended");
                self.input(Input::Revoked).await
            }
            Ok(Ok(())) | Err(_) => self.input(Input::Busy).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        if bytes.is_empty() {
            return Ok(());
        }
        let longest = Duration::from_millis(limits::LIVE_SEND_MS.unsigned_abs());
        // A slow line is no stalled reader: each part has its time.
        for part in bytes.chunks(WRITE_BYTES) {
            let writing = async {
                self.out.write_all(part).await?;
                self.out.flush().await
            };
            match tokio::time::timeout(longest, writing).await {
                Ok(written) => written.map_err(|error| error.to_string())?,
                Err(_) => return Err("the client takes nothing".to_owned()),
            }
        }
        Ok(())
    }

    fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

fn over(error: StoreError) -> Over {
    error.to_string()
}

/// The frames of an agent, until its connection ends.
fn incoming(frames: mpsc::Receiver<Said>) -> Pin<Box<dyn Stream<Item = Said> + Send>> {
    Box::pin(stream::unfold(frames, |mut frames| async move {
        let said = frames.recv().await?;
        Some((said, frames))
    }))
}

async fn taken(seat: Option<&Seat>) {
    match seat {
        Some(seat) => seat.taken.cancelled().await,
        None => std::future::pending().await,
    }
}

/// The next frame for the agent; none at the end of the link, which shows also while no frame is
/// taken.
async fn down(line: Option<&mut Line>, blocked: bool) -> Option<String> {
    match line {
        Some(line) if blocked => {
            line.said.closed().await;
            None
        }
        Some(line) => line.down.recv().await,
        None => std::future::pending().await,
    }
}

async fn news(figures: Option<&mut Figures>) -> crate::live::News {
    match figures {
        Some(figures) => figures.next().await,
        None => std::future::pending().await,
    }
}
