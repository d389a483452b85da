//! The MQTT listener: sockets around the endpoint of `sync`, for agents and for standard clients.
//!
//! An agent's frames go to its link as they do over WebSocket; figures come from the board of live
//! stock. It owns sockets and tasks, and decides nothing. Invariants: nobody is served who was not
//! proven, and what one connection holds in memory is bounded.

mod admit;
pub mod broker;
mod clients;
mod connection;
mod figures;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::http::Listening;
use crate::tls::{Inside, Tls};
use clients::Clients;

/// Connections at once, those that have not said who they are among them.
const CONNECTIONS_MAX: usize = 10_000;
/// Pause after a failed accept, so that a full table of files does not burn a processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves MQTT on an address until the stop; without a certificate it is plain.
///
/// # Errors
/// When the address cannot be had.
pub async fn listen(
    address: SocketAddr,
    app: App,
    tls: Option<Arc<Tls>>,
) -> std::io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(accept(listener, app, tls));
    Ok(Listening { address, task })
}

async fn accept(listener: TcpListener, app: App, tls: Option<Arc<Tls>>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (clients, tasks) = (Clients::default(), TaskTracker::new());
    loop {
        let place = tokio::select! {
            () = app.stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let (stream, peer) = tokio::select! {
            () = app.stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "an MQTT connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // Small answers leave at once.
        let _ = stream.set_nodelay(true);
        let (app, tls, clients) = (app.clone(), tls.clone(), clients.clone());
        tasks.spawn(async move {
            match tls {
                None => connection::serve(&app, &clients, peer.ip(), stream).await,
                Some(tls) => {
                    let made = tokio::select! {
                        () = app.stop.cancelled() => None,
                        made = tls.accept(Inside::Mqtt, stream) => made,
                    };
                    if let Some(stream) = made {
                        connection::serve(&app, &clients, peer.ip(), stream).await;
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}
