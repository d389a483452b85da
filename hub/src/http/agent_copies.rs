//! `/v1/agent-copies`: machines that speak as an agent which has lived on since, and a manager's
//! word.
//!
//! It changes records alone: whether a life is a copy is the link's finding, and what becomes of
//! its facts the write path's.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oneshelf_domain::record::{AgentCopy, CopyState, Record};
use oneshelf_domain::stock::Command;
use oneshelf_domain::{IncarnationId, LocationCode, Refusal, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::page::{self, Page};
use super::problem::Answer;
use super::schema::{AgentCopyStateSchema, LinkStateSchema};
use super::sending::Sending;
use crate::app::App;
use crate::auth::Action;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(decide))
}

/// A machine that is held back: it has the past of an agent that has lived on since.
#[derive(Serialize, ToSchema)]
#[schema(as = AgentCopy)]
struct CopyBody {
    /// The life that waits, as the machine itself shows it.
    life: String,
    /// Its store.
    #[schema(value_type = String)]
    location: LocationCode,
    /// Who it proved to be.
    agent: String,
    /// The life that it follows, as another one did before.
    follows: String,
    /// Whether another machine answers as that agent: `fresh` says that one sells there now.
    #[schema(value_type = LinkStateSchema)]
    link: &'static str,
    /// When it was first heard.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// What was said of it.
    #[schema(value_type = AgentCopyStateSchema)]
    state: CopyState,
}

/// A page of them.
#[derive(Serialize, ToSchema)]
#[schema(as = AgentCopies)]
struct CopiesBody {
    /// In the order of their lives.
    copies: Vec<CopyBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// A manager's word.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AgentCopyDecision)]
struct Decision {
    /// True: this machine goes on as the store's agent. False: it stays out.
    allowed: bool,
}

/// Machines that are held back, since their store's agent has lived on without them.
///
/// Another machine is that agent (a copied folder), or the machine was put back to a backup of
/// before its newest life: then nobody else answers there, and it is to go on. Their registers take
/// no payment meanwhile, and what they sold before waits on them.
#[utoipa::path(get, path = "/v1/agent-copies", tag = "agents",
    operation_id = "list_agent_copies",
    params(Page), responses((status = 200, body = CopiesBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<CopiesBody>> {
    signed.need(Action::ReadAgents)?;
    let seen = app.seen();
    let copies = seen.records.of_kind("agent_copy").filter_map(|(_, record)| match record {
        Record::AgentCopy(c) => {
            let location = seen.records.location_by_no(c.location)?.code.clone();
            signed.0.sees(&location).then(|| CopyBody {
                life: c.life.to_string(),
                location,
                agent: c.agent.to_string(),
                follows: c.follows.to_string(),
                link: app.links.state(c.location).name(),
                since: c.since,
                state: c.state,
            })
        }
        _ => None,
    });
    let (copies, next_cursor) = page::cut(copies, &asked, |c| c.life.clone())?;
    Ok(Json(CopiesBody { copies, next_cursor }))
}

/// Says whether a machine that is held back goes on.
///
/// With a yes it takes the place of the one that speaks now, which is held back in its turn when it
/// comes again: a store has one agent. What both sold is booked, each once.
#[utoipa::path(put, path = "/v1/agent-copies/{life}", tag = "agents",
    operation_id = "decide_agent_copy",
    params(("life" = String, Path, pattern = "^inc_[0-9a-f]{32}$")),
    request_body = Decision, responses((status = 204)))]
async fn decide(
    State(app): State<App>,
    signed: Signed,
    Path(life): Path<String>,
    key: Option<IdempotencyKey>,
    body: Payload<Decision>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeAgents)?;
    let body = body.read()?;
    let unknown = || Refusal::RecordUnknown { what: "agent_copy".to_owned() };
    let life: IncarnationId = life.parse().map_err(|_| unknown())?;
    let seen = app.seen();
    let Some(Record::AgentCopy(copy)) = seen.records.get(&AgentCopy::key(life)) else {
        return Err(unknown().into());
    };
    let location = seen.records.location_by_no(copy.location);
    location.filter(|l| signed.0.sees(&l.code)).ok_or_else(unknown)?;
    let state = if body.allowed { CopyState::Allowed } else { CopyState::Refused };
    let record = Box::new(Record::AgentCopy(AgentCopy { state, ..copy.clone() }));
    let sending = Sending::new(&app, &signed.0, key.as_ref());
    sending.settle(Command::PutRecord { record }).await?;
    Ok(StatusCode::NO_CONTENT)
}
