//! What the doctor says of the running hub: whether it is there, ready, and found by its name.

use oneshelf_domain::Timestamp;
use oneshelf_protocol::join::HubTime;
use oneshelf_protocol::report::Report;
use reqwest::Client;
use serde_json::Value;
use std::net::SocketAddr;

use super::{ANSWER, Asked, CLOCK_MS, apart};
use crate::serve::Options;
use crate::tls::roots;

pub(super) async fn examine(
    report: &mut Report,
    options: &Options,
    asked: &Asked,
    hub_id: Option<&str>,
    now: Timestamp,
) {
    let made = roots::http_client(asked.hub_ca.as_deref())
        .and_then(|builder| Ok(builder.timeout(ANSWER).no_proxy().build()?));
    let http = match made {
        Ok(http) => http,
        Err(error) => {
            report.bad("network", format!("{error:#}"), "is --hub-ca right?");
            return;
        }
    };
    let runs = running(report, &http, options).await;
    if let Some(url) = &options.public_url {
        public(report, &http, url.trim_end_matches('/'), hub_id, now).await;
    } else {
        report.not_checked("public_url", "say --public-url, the name that browsers and stores use");
    }
    if runs {
        stores(report, &http, options, asked).await;
    }
}

/// The hub's own word on itself; without one whether its addresses are free.
async fn running(report: &mut Report, http: &Client, options: &Options) -> bool {
    let url = format!("http://{}/readyz", options.admin_listen);
    let answer = match http.get(&url).send().await {
        Ok(answer) => answer,
        Err(_) => {
            report.not_checked("running", format!("no hub answers at {}", options.admin_listen));
            let mqtt = options.mqtt_listen.map(|address| ("mqtt_listen", address));
            let both = [("listen", options.listen), ("admin_listen", options.admin_listen)];
            for (name, address) in both.into_iter().chain(mqtt) {
                free(report, name, address);
            }
            return false;
        }
    };
    let ready = answer.json::<Value>().await.unwrap_or(Value::Null);
    match (&ready["ready"], &ready["version"]) {
        (Value::Bool(true), version) => report.ok("running", format!("ready, version {version}")),
        (Value::Bool(false), _) => report.bad(
            "running",
            format!("it runs and is not ready: {ready}"),
            "its log says why; is the database there, is it set up, is it stopping?",
        ),
        _ => {
            let what = format!("something else answers at {}", options.admin_listen);
            report.bad("running", what, "take another --admin-listen, or end that program");
            return false;
        }
    }
    true
}

fn free(report: &mut Report, name: &str, address: SocketAddr) {
    match std::net::TcpListener::bind(address) {
        Ok(_) => report.ok(name, format!("{address} is free")),
        Err(error) => report.bad(
            name,
            format!("{address} cannot be had: {error}"),
            "end what listens there, or take another address",
        ),
    }
}

/// The way that browsers and stores take, through names, proxies and certificates.
async fn public(
    report: &mut Report,
    http: &Client,
    url: &str,
    hub_id: Option<&str>,
    now: Timestamp,
) {
    let name = "public_url";
    let asked = async { http.get(format!("{url}/v1/time")).send().await?.json::<HubTime>().await };
    match asked.await {
        Ok(time) if hub_id.is_none_or(|id| id == time.hub_id) => {
            report.ok(name, format!("{url} leads to this hub"));
            let apart_ms = time.now.ms_since(now);
            if apart_ms.abs() > CLOCK_MS {
                let what = format!("this machine and the hub behind {url} are {}", apart(apart_ms));
                report.warn("public_url.clock", what, "let both follow a time server");
            }
        }
        Ok(time) => report.bad(
            name,
            format!("{url} leads to another hub, {}", time.hub_id),
            "--database or --public-url is of another hub",
        ),
        Err(error) => report.warn(
            name,
            format!("{url}: {:#}", anyhow::Error::from(error)),
            "from here it does not answer: look at the name, the proxy, the firewall, or is the \
             hub down?",
        ),
    }
}

/// What only the running hub knows: how its stores are.
async fn stores(report: &mut Report, http: &Client, options: &Options, asked: &Asked) {
    let name = "stores";
    let Some(secret) = &asked.secret else {
        report.not_checked(name, "say HUB_SECRET, and the stores' links are looked at");
        return;
    };
    let base = match (&options.public_url, &options.tls) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, None) => format!("http://{}", options.listen),
        (None, Some(_)) => {
            report.not_checked(name, "say --public-url, the name of the certificate");
            return;
        }
    };
    let url = format!("{base}/v1/agents?limit=500");
    let answer = async {
        let answer = http.get(url).bearer_auth(secret).send().await?.error_for_status()?;
        answer.json::<Value>().await
    };
    let agents = match answer.await {
        Ok(answer) => answer["agents"].as_array().cloned().unwrap_or_default(),
        Err(error) => {
            let what = format!("{:#}", anyhow::Error::from(error));
            report.warn(name, what, "is HUB_SECRET one of this hub, and may it see agents?");
            return;
        }
    };
    let is = |agent: &Value, state: &str| agent["link"] == state;
    let fresh = agents.iter().filter(|agent| is(agent, "fresh")).count();
    match agents.len() - fresh {
        0 => report.ok(name, format!("{fresh} linked")),
        _ => report.warn(
            name,
            format!("{fresh} of {} linked", agents.len()),
            "each that is not stands below; `pos-agent doctor` on its machine says more",
        ),
    }
    for agent in agents.iter().filter(|agent| !is(agent, "fresh")) {
        let text = |name: &str| agent[name].as_str().unwrap_or("?");
        let what = format!("{} at {} is {}", text("name"), text("location"), text("link"));
        report.warn("stores.link", what, "look at its machine and its line");
    }
}
