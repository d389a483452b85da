//! Listening: connections in, a limit on their number and on slow headers, an orderly end.
//!
//! Owns sockets; knows no route. Invariant: after the stop nothing new is accepted, and what was
//! begun has a moment to be answered.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::guard::ClientAddress;
use super::layers::Proxy;
use super::line::{self, Line};
use crate::tls::{Inside, Tls};

/// Connections at once.
const CONNECTIONS_MAX: usize = 10_000;
/// How long the headers of a request may take.
const HEADERS_MAX: Duration = Duration::from_secs(15);
/// How long requests may go on after the stop.
const LAST_MOMENT: Duration = Duration::from_secs(10);
/// Browsers that came over TLS come over TLS for a year. Only this host: what else has a name
/// below it is not ours to say.
const ALWAYS_TLS: &str = "max-age=31536000";
/// Pause after a failed accept, so that a full table of files does not burn a processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener at work.
pub struct Listening {
    /// Where.
    pub address: SocketAddr,
    /// Ends after the stop.
    pub task: JoinHandle<()>,
}

/// What a listener serves, and to whom.
#[derive(Clone)]
pub struct Served {
    /// The routes.
    pub router: Router,
    /// Who stands in front.
    pub proxy: Proxy,
    /// Its certificate; none speaks plainly.
    pub tls: Option<Arc<Tls>>,
}

/// Serves a router on an address until the stop.
///
/// # Errors
/// When the address cannot be had.
pub async fn listen(
    address: SocketAddr,
    served: Served,
    stop: CancellationToken,
) -> std::io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(accept(listener, served, stop));
    Ok(Listening { address, task })
}

async fn accept(listener: TcpListener, served: Served, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_MAX);
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = places.clone().acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        line::tune(&stream);
        let (served, builder, watcher) = (served.clone(), builder.clone(), graceful.watcher());
        let stop = stop.clone();
        tokio::spawn(async move {
            match served.tls.clone() {
                None => serve(&builder, watcher, stream, peer.ip(), served).await,
                Some(tls) => {
                    let made = tokio::select! {
                        () = stop.cancelled() => None,
                        made = tls.accept(Inside::Http, stream) => made,
                    };
                    if let Some(stream) = made {
                        serve(&builder, watcher, stream, peer.ip(), served).await;
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(LAST_MOMENT) => {
            tracing::warn!("requests were still open at the end");
        }
    }
}

async fn serve<S>(
    builder: &Builder<TokioExecutor>,
    watcher: Watcher,
    stream: S,
    peer: IpAddr,
    served: Served,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper_util::service::TowerToHyperService::new(tower::service_fn(
        move |request: axum::http::Request<_>| {
            let mut request: Request = request.map(axum::body::Body::new);
            let address = ClientAddress(client(peer, served.proxy, request.headers()));
            request.extensions_mut().insert(address);
            let over_tls = served.tls.is_some();
            let answering = tower::ServiceExt::oneshot(served.router.clone(), request);
            async move {
                let mut response = answering.await?;
                if over_tls {
                    let value = HeaderValue::from_static(ALWAYS_TLS);
                    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
                }
                Ok::<_, std::convert::Infallible>(response)
            }
        },
    ));
    let connection = builder
        .serve_connection_with_upgrades(TokioIo::new(Line::new(stream, line::PATIENCE)), service);
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        tracing::trace!(%error, "a connection broke");
    }
}

/// Who asks: the peer, or whom a proxy of ours names last.
fn client(peer: IpAddr, proxy: Proxy, headers: &HeaderMap) -> IpAddr {
    if proxy == Proxy::None {
        return peer;
    }
    let last = headers.get_all("x-forwarded-for").into_iter().next_back();
    let named = last.and_then(|v| v.to_str().ok()).and_then(|text| text.rsplit(',').next());
    named.and_then(|text| text.trim().parse().ok()).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_who_asks() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.1.1.1, 203.0.113.7".parse().unwrap());
        assert_eq!(client(peer, Proxy::None, &headers), peer);
        assert_eq!(client(peer, Proxy::Trusted, &headers).to_string(), "203.0.113.7");
        headers.insert("x-forwarded-for", "nonsense".parse().unwrap());
        assert_eq!(client(peer, Proxy::Trusted, &headers), peer);
    }
}
