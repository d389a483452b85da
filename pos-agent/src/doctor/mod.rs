//! `pos-agent doctor`: looks at everything that a store's agent stands on and says what to do.
//!
//! It changes nothing in the store and may run beside the agent; what a running agent holds (the
//! printer's one connection) is asked of it. At the hub it leaves one used credential behind.
//! Invariant: no check waits longer than its time-out, and one that cannot be made says so.

mod devices;
mod files;
mod line;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use oneshelf_protocol::report::Report;
use serde_json::Value;

use crate::{enrol, journal};

/// How long anything may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// What to look at: what `serve` is started with.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The data folder.
    pub data: PathBuf,
    /// Where the hub is now; none: where the shop was joined.
    pub hub: Option<String>,
    /// A root of one's own.
    pub hub_ca: Option<PathBuf>,
    /// Where a running agent serves its pages.
    pub listen: SocketAddr,
    /// The printer.
    pub printer: Option<String>,
    /// The scanner's port.
    pub scanner: Option<String>,
}

/// Looks at everything.
pub async fn examine(asked: &Asked) -> Report {
    let mut report = Report::default();
    files::folder(&mut report, &asked.data);
    let state = running(&mut report, asked).await;
    let identity = match journal::inspect(&asked.data).await {
        Ok(found) => {
            files::database(&mut report, &found);
            found.identity
        }
        Err(error) => {
            files::no_database(&mut report, &asked.data, &error.to_string());
            None
        }
    };
    match identity {
        Some(mut identity) => {
            let hub = asked.hub.as_deref().map(enrol::hub_address).transpose();
            match hub {
                Ok(hub) => {
                    identity.hub_url = hub.unwrap_or(identity.hub_url);
                    line::examine(&mut report, asked, &identity).await;
                }
                Err(error) => report.bad("hub", error.to_string(), "say --hub as it says"),
            }
        }
        None => report.bad(
            "enrolled",
            "this folder has not joined a shop",
            "make a code at the hub (`hub enrol add STORE`), then `pos-agent enrol`",
        ),
    }
    match state {
        Some(state) => devices::of_running(&mut report, &state),
        None => devices::by_hand(&mut report, asked).await,
    }
    report
}

/// A running agent's own word on itself; none when none runs.
async fn running(report: &mut Report, asked: &Asked) -> Option<Value> {
    let holder = files::holder(&asked.data);
    let url = format!("http://{}/api/state", asked.listen);
    crate::tls::use_ring();
    let answer = async {
        let http = reqwest::Client::builder().timeout(ANSWER).no_proxy().build().ok()?;
        let answer = http.get(&url).send().await.ok()?;
        answer.error_for_status().ok()?.json::<Value>().await.ok()
    };
    let answer = answer.await;
    match (holder, answer) {
        (Some(pid), Some(state)) => {
            report.ok("running", format!("process {pid} serves {}", asked.listen));
            Some(state)
        }
        (Some(pid), None) => {
            report.warn(
                "running",
                format!("process {pid} holds the folder, and nothing answers at {}", asked.listen),
                "say the --listen that the agent was started with; else look at its log",
            );
            None
        }
        (None, Some(_)) => {
            report.warn(
                "running",
                format!("an agent answers at {}, and it is not of this folder", asked.listen),
                "say the --data and the --listen of the same agent",
            );
            None
        }
        (None, None) => {
            report.not_checked("running", "no agent serves this folder now");
            match std::net::TcpListener::bind(asked.listen) {
                Ok(_) => report.ok("listen", format!("{} is free", asked.listen)),
                Err(error) => report.bad(
                    "listen",
                    format!("{} cannot be had: {error}", asked.listen),
                    "end what listens there, or take another address",
                ),
            }
            None
        }
    }
}
