//! What the doctor says of the way to the hub: name, connection, TLS, time, credential. Each step
//! stands on the one before, so the first that fails is what to mend.

use std::sync::Arc;

use oneshelf_protocol::certificate;
use oneshelf_protocol::join::HubTime;
use oneshelf_protocol::report::Report;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{ANSWER, Asked};
use crate::journal::Identity;
use crate::key::AgentKey;
use crate::{clock, tls};

/// For requests; the link's credentials name another transport.
const TRANSPORT: &str = "http";
/// The agent's clock stamps receipts: this much is worth a look, milliseconds.
const CLOCK_MS: i64 = 5_000;
/// From here on a certificate's end is said, milliseconds (14 days).
const ENDS_SOON_MS: i64 = 14 * 24 * 60 * 60 * 1_000;

pub(super) async fn examine(report: &mut Report, asked: &Asked, identity: &Identity) {
    report.ok("enrolled", format!("{} of {}", identity.agent, identity.location));
    let trust = match tls::client_config(asked.hub_ca.as_deref()) {
        Ok(trust) => trust,
        Err(error) => {
            report.bad("hub.tls", format!("{error:#}"), "is --hub-ca right?");
            return;
        }
    };
    let Some(stream) = connected(report, identity).await else { return };
    if identity.hub_url.starts_with("https://") {
        if !encrypted(report, identity, &trust, stream).await {
            return;
        }
    } else {
        plain(report, &stream);
    }
    if let Some(time) = time(report, identity, &trust).await {
        credential(report, asked, identity, &trust, &time).await;
    }
}

fn host_and_port(url: &str) -> Option<(String, u16)> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((host, url.port_or_known_default()?))
}

/// Name and connection.
async fn connected(report: &mut Report, identity: &Identity) -> Option<TcpStream> {
    let Some((host, port)) = host_and_port(&identity.hub_url) else {
        report.bad("hub", format!("{} is no address", identity.hub_url), "say --hub");
        return None;
    };
    let found = match timeout(ANSWER, lookup_host((&*host, port))).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => {
            let to_do = "is the name right, and does this machine's name server answer?";
            report.bad("hub.name", format!("{host}: {error}"), to_do);
            return None;
        }
        Err(_) => {
            let to_do = "look at this machine's network and name server";
            report.bad("hub.name", format!("{host}: no answer"), to_do);
            return None;
        }
    };
    let mut why = "it has no address".to_owned();
    for address in found {
        match timeout(ANSWER, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                report.ok("hub.connection", format!("{host} is {address}, which answers"));
                return Some(stream);
            }
            Ok(Err(error)) => why = format!("{address}: {error}"),
            Err(_) => why = format!("{address}: no answer"),
        }
    }
    let to_do = "is the line up, the hub running, a firewall between? The store sells meanwhile";
    report.bad("hub.connection", format!("{host}: {why}"), to_do);
    None
}

fn plain(report: &mut Report, stream: &TcpStream) {
    let loopback = stream.peer_addr().is_ok_and(|address| address.ip().is_loopback());
    match loopback {
        true => report.ok("hub.tls", "none is needed: the hub is on this machine"),
        false => report.warn(
            "hub.tls",
            "what goes to the hub and back is UNENCRYPTED",
            "give the hub a certificate and this agent --hub https://...",
        ),
    }
}

/// The handshake, and how long the certificate is good.
async fn encrypted(
    report: &mut Report,
    identity: &Identity,
    trust: &Arc<ClientConfig>,
    stream: TcpStream,
) -> bool {
    let host = host_and_port(&identity.hub_url).map(|(host, _)| host).unwrap_or_default();
    let Ok(name) = ServerName::try_from(host.clone()) else {
        report.bad("hub.tls", format!("{host} is no name"), "say --hub");
        return false;
    };
    let connecting = TlsConnector::from(Arc::clone(trust)).connect(name, stream);
    let stream = match timeout(ANSWER, connecting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            let to_do = "an unknown issuer: say --hub-ca, the root that signed it; another name: \
                the hub's certificate must be for this one; ended: renew it at the hub";
            report.bad("hub.tls", error.to_string(), to_do);
            return false;
        }
        Err(_) => {
            report.bad("hub.tls", "no handshake", "does this port speak TLS?");
            return false;
        }
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let says = certificates.first().and_then(|first| certificate::read(first));
    let Some(says) = says else {
        report.ok("hub.tls", "trusted");
        return true;
    };
    let what = format!("trusted, until {}", says.ends);
    match says.ends.ms_since(clock::now()) < ENDS_SOON_MS {
        true => report.warn("hub.tls", what, "renew it at the hub, or this store's line ends"),
        false => report.ok("hub.tls", what),
    }
    true
}

/// Whose hub it is, and what its clock says.
async fn time(
    report: &mut Report,
    identity: &Identity,
    trust: &Arc<ClientConfig>,
) -> Option<HubTime> {
    let url = format!("{}/v1/time", identity.hub_url);
    let answer = async {
        let answer = tls::http_client(trust, ANSWER)?.get(url).send().await?;
        anyhow::Ok(answer.error_for_status()?.json::<HubTime>().await?)
    };
    let time = match answer.await {
        Ok(time) => time,
        Err(error) => {
            let to_do = "something else answers there, or the hub is not ready: look at its log";
            report.bad("hub", format!("{error:#}"), to_do);
            return None;
        }
    };
    if time.hub_id != identity.hub_id {
        let what =
            format!("{} is hub {}, not the one that was joined", identity.hub_url, time.hub_id);
        report.bad("hub", what, "say the right --hub, or join this hub with another folder");
        return None;
    }
    report.ok("hub", format!("{} at {}", time.hub_id, identity.hub_url));
    let apart_ms = time.now.ms_since(clock::now());
    let what =
        format!("{}.{:03} s apart from the hub's", apart_ms.abs() / 1_000, apart_ms.abs() % 1_000);
    match apart_ms.abs() > CLOCK_MS {
        true => report.warn(
            "clock",
            what,
            "let this machine follow a time server: its clock stands on receipts",
        ),
        false => report.ok("clock", what),
    }
    Some(time)
}

/// Whether the hub still takes this agent for the one that joined.
async fn credential(
    report: &mut Report,
    asked: &Asked,
    identity: &Identity,
    trust: &Arc<ClientConfig>,
    time: &HubTime,
) {
    let name = "credential";
    let key = match AgentKey::read(&asked.data) {
        Ok(key) => key,
        Err(error) => {
            let to_do = "put the key back, or join the shop anew with another folder";
            report.bad(name, format!("{error:#}"), to_do);
            return;
        }
    };
    let credential = key.credential(identity.agent, &time.hub_id, TRANSPORT, time.now);
    let url = format!("{}/v1/session", identity.hub_url);
    let answer = async {
        let http = tls::http_client(trust, ANSWER)?;
        let header = format!("Agent {credential}");
        anyhow::Ok(http.get(url).header("authorization", header).send().await?.status())
    };
    match answer.await {
        Ok(status) if status.is_success() => report.ok(name, "the hub takes it"),
        Ok(status) if status.as_u16() == 401 => report.bad(
            name,
            "the hub does not take it: this agent was revoked, or its key is another",
            "`pos-agent backup` this folder, join anew with another one, and there, before it is \
             started, `pos-agent restore BACKUP --replace --as-this-agent`",
        ),
        Ok(status) => report.warn(name, format!("the hub answered {status}"), "look at its log"),
        Err(error) => report.warn(name, format!("{error:#}"), "try again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for (url, host, port) in [
            ("https://hub.example", "hub.example", 443),
            ("http://[::1]:8080", "::1", 8080),
            ("http://10.0.0.7", "10.0.0.7", 80),
        ] {
            assert_eq!(host_and_port(url), Some((host.to_owned(), port)));
        }
        assert_eq!(host_and_port("https://"), None);
    }
}
