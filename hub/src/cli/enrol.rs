//! `hub enrol`: one-time codes that let a store's agent join, and the agents that did.

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Client, Where, part};
use super::office::{done, list, remove};
use super::say;
use super::table::table;

/// One-time codes and agents.
#[derive(Args)]
pub(super) struct EnrolCommand {
    #[command(subcommand)]
    what: EnrolWhat,
    #[command(flatten)]
    at: Where,
}

#[derive(Subcommand)]
enum EnrolWhat {
    /// Makes a code for a store and prints it once.
    Add {
        /// The store.
        location: String,
    },
    /// Lists agents that joined, and codes that wait.
    List,
    /// Revokes an agent, or takes a code back.
    Remove {
        /// `agt_...`, or the id of a code.
        id: String,
    },
    /// Lists machines that are held back, since their store's agent has lived on without them;
    /// where `link` is not fresh nobody else sells there.
    Copies,
    /// Lets such a machine go on as its store's agent; another one is held back then.
    Allow {
        /// `inc_...`, as `copies` lists it.
        life: String,
    },
    /// Leaves such a machine out.
    Refuse {
        /// `inc_...`, as `copies` lists it.
        life: String,
    },
}

pub(super) async fn enrol(command: &EnrolCommand) -> anyhow::Result<()> {
    let at = &command.at;
    match &command.what {
        EnrolWhat::Add { location } => {
            let client = at.client()?;
            let answer = client.post("/v1/enrolments", &json!({"location": location})).await?;
            let words = enrolment(&answer)?;
            done(at, &answer, &words)
        }
        EnrolWhat::List => listed(at).await,
        EnrolWhat::Remove { id } if id.starts_with("agt_") => {
            remove(at, &format!("/v1/agents/{}", part(id)), &format!("{id} is revoked")).await
        }
        EnrolWhat::Remove { id } => {
            remove(at, &format!("/v1/enrolments/{}", part(id)), "the code is taken back").await
        }
        EnrolWhat::Copies => {
            let headings = ["life", "location", "agent", "link", "since", "state"];
            list(at, "/v1/agent-copies", "copies", &headings).await
        }
        EnrolWhat::Allow { life } => decide(at, life, true).await,
        EnrolWhat::Refuse { life } => decide(at, life, false).await,
    }
}

/// A manager's word on a machine that is held back.
async fn decide(at: &Where, life: &str, allowed: bool) -> anyhow::Result<()> {
    let path = format!("/v1/agent-copies/{}", part(life));
    let answer = at.client()?.put(&path, &json!({"allowed": allowed})).await?;
    let words = match allowed {
        true => format!("{life} goes on as its store's agent, at its next try"),
        false => format!("{life} stays out"),
    };
    done(at, &answer, &words)
}

async fn listed(at: &Where) -> anyhow::Result<()> {
    let client: Client = at.client()?;
    let agents = client.all("/v1/agents", "agents").await?;
    let codes = client.all("/v1/enrolments", "enrolments").await?;
    if at.json {
        let both = json!({"agents": agents, "enrolments": codes});
        return say(&serde_json::to_string_pretty(&both)?);
    }
    say(&table(&["id", "location", "name", "link"], &agents))?;
    say("")?;
    say(&table(&["id", "location", "expires_at", "used_by"], &codes))
}

/// The code, the command for the store's machine, and the same as a QR code.
fn enrolment(answer: &Value) -> anyhow::Result<String> {
    let code = answer["code"].as_str().context("the hub gave no code")?;
    let hub = answer["hub_url"].as_str().unwrap_or_default();
    let until = answer["expires_at"].as_str().unwrap_or_default();
    let content = format!("oneshelf:enrol?hub={}&code={}", part(hub), part(code));
    let picture = qrcode::QrCode::new(content.as_bytes())?
        .render::<qrcode::render::unicode::Dense1x2>()
        .build();
    Ok(format!(
        "code {code}, until {until}\n\npos-agent enrol --data DIR --hub {hub} --code {code}\n\n\
         {picture}"
    ))
}
