//! Joining a shop, once per data folder: a one-time code for an identity.
//!
//! The key is made before the code is used, and the pepper of PINs kept before the join is noted,
//! so that a crash costs a code and never an identity: joining again replaces what is half done.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oneshelf_protocol::join::{Joined, Redeem};
use oneshelf_protocol::problem::Problem;

use crate::journal::{self, Identity};
use crate::key::AgentKey;
use crate::{clock, folder, pepper, tls};

const ANSWER: Duration = Duration::from_secs(15);

/// The hub that is joined.
#[derive(Debug, Clone, Copy)]
pub struct Hub<'a> {
    /// Its address.
    pub url: &'a str,
    /// A root that its certificate leads to, beside those of the system.
    pub ca: Option<&'a Path>,
}

/// Redeems a code at a hub. Answers the store's code.
pub async fn enrol(data: &Path, at: Hub<'_>, code: &str, agent_name: &str) -> Result<String> {
    let hub = hub_address(at.url)?;
    let http = tls::http_client(&tls::client_config(at.ca)?, ANSWER)?;
    folder::make(data)?;
    // Two hubs' answers at once would leave the identity of one with the pepper of the other.
    let _lock = folder::lock(data, "enrol.lock", "another pos-agent joins a shop with")?;
    let (mut writer, reads) = journal::open(data).await?;
    if let Some(known) = reads.identity().await? {
        bail!(
            "{} has joined {} as {} already; another store needs another folder",
            data.display(),
            known.hub_url,
            known.location
        );
    }
    let key = AgentKey::read_or_make(data)?;
    let asked = Redeem {
        code: code.trim().to_owned(),
        public_key: key.public(),
        agent_name: agent_name.to_owned(),
    };
    let joined = redeem(&http, &hub, &asked).await?;
    pepper::keep(data, &joined.pin_pepper)?;
    let identity = Identity {
        agent: joined.agent_id,
        hub_url: hub,
        hub_id: joined.hub_id,
        location: joined.location.clone(),
    };
    if !writer.join(&identity, clock::now()).await? {
        bail!("{} joined a shop at the same moment", data.display());
    }
    reads.close().await;
    writer.close().await?;
    Ok(joined.location)
}

/// An address as it is kept: with its scheme, without a slash at the end.
pub(crate) fn hub_address(hub: &str) -> Result<String> {
    let hub = hub.trim_end_matches('/');
    if !hub.starts_with("http://") && !hub.starts_with("https://") {
        bail!("the hub's address begins with http:// or https://, as in http://127.0.0.1:8080");
    }
    Ok(hub.to_owned())
}

async fn redeem(http: &reqwest::Client, hub: &str, asked: &Redeem) -> Result<Joined> {
    let url = format!("{hub}/v1/enrolments/redeem");
    let answer = http.post(&url).json(asked).send().await;
    let answer = answer.with_context(|| format!("no answer from {url}"))?;
    let status = answer.status();
    let body = answer.bytes().await?;
    if !status.is_success() {
        let detail = serde_json::from_slice::<Problem>(&body).map(|p| p.detail);
        bail!("the hub refused ({status}): {}", detail.unwrap_or_default());
    }
    serde_json::from_slice(&body).context("the hub's answer cannot be read")
}
