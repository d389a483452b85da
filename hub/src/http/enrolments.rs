//! `/v1/enrolments` and `/v1/agents`: one-time codes, the programs that used them, their end.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use oneshelf_domain::record::{Agent, Enrolment, Record, RecordState};
use oneshelf_domain::stock::{Command, Outcome};
use oneshelf_domain::{AgentId, LocationCode, Refusal, Timestamp, code, limits};
use oneshelf_protocol::join::Redeem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::{ClientAddress, Signed};
use super::origins;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use super::schema::LinkStateSchema;
use super::sending::Sending;
use crate::app::App;
use crate::auth::rates::Door;
use crate::auth::{Action, agents, tokens};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, make))
        .routes(routes!(redeem))
        .routes(routes!(drop_code))
        .routes(routes!(list_agents))
        .routes(routes!(revoke))
}

/// For which store a code is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEnrolment)]
struct NewEnrolment {
    /// The store.
    #[schema(pattern = "^[A-Z0-9]{1,12}$")]
    location: String,
}

/// A one-time code, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeEnrolment)]
struct MadeEnrolment {
    /// Typed or scanned at the store's machine.
    code: String,
    /// Dead from here on.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Where the agent finds this hub.
    hub_url: String,
}

/// A code that was made, without the code.
#[derive(Serialize, ToSchema)]
#[schema(as = Enrolment)]
struct EnrolmentBody {
    /// Its name here.
    id: String,
    /// The store.
    #[schema(value_type = String)]
    location: LocationCode,
    /// Dead from here on.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The agent that used it.
    #[schema(value_type = Option<String>)]
    used_by: Option<AgentId>,
}

/// A page of codes.
#[derive(Serialize, ToSchema)]
#[schema(as = Enrolments)]
struct EnrolmentsBody {
    /// The newest last.
    enrolments: Vec<EnrolmentBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// What an agent says to join.
#[derive(Serialize, ToSchema)]
#[schema(as = Redeem)]
struct RedeemSchema {
    /// The one-time code.
    #[schema(min_length = 16, max_length = 40)]
    code: String,
    /// Ed25519 public key.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    public_key: String,
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    agent_name: String,
}

/// What it gets.
#[derive(Serialize, ToSchema)]
#[schema(as = Joined)]
struct JoinedBody {
    /// Its id from now on.
    agent_id: String,
    /// Of the hub; goes into every signature.
    hub_id: String,
    /// Its store.
    location: String,
    /// Raised by a restore.
    hub_epoch: i64,
    /// Key that PIN hashes are peppered with, hex.
    pin_pepper: String,
}

/// Codes for the stores that the caller works at.
#[utoipa::path(get, path = "/v1/enrolments", tag = "agents", operation_id = "list_enrolments",
    params(Page), responses((status = 200, body = EnrolmentsBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<EnrolmentsBody>> {
    signed.need(Action::ReadAgents)?;
    let seen = app.seen();
    let mine = seen.records.of_kind("enrolment").filter_map(|(_, record)| match record {
        Record::Enrolment(e) if signed.0.sees(&e.location) => Some(EnrolmentBody {
            id: e.code_hash.clone(),
            location: e.location.clone(),
            expires_at: e.expires_at,
            used_by: e.used_by,
        }),
        _ => None,
    });
    // Twenty digits: as text they stand in the order of their times.
    let name = |e: &EnrolmentBody| format!("{:020}/{}", e.expires_at.0, e.id);
    let (enrolments, next_cursor) = page::cut(mine, &asked, name)?;
    Ok(Json(EnrolmentsBody { enrolments, next_cursor }))
}

/// Makes a code that lets one agent join a store within 15 minutes.
#[utoipa::path(post, path = "/v1/enrolments", tag = "agents", operation_id = "make_enrolment",
    request_body = NewEnrolment, responses((status = 201, body = MadeEnrolment)))]
async fn make(
    State(app): State<App>,
    signed: Signed,
    headers: HeaderMap,
    key: Option<IdempotencyKey>,
    body: Payload<NewEnrolment>,
) -> Answer<(StatusCode, Json<MadeEnrolment>)> {
    signed.need(Action::ChangeAgents)?;
    let body = body.read()?;
    let seen = app.seen();
    let location = signed.location(&seen.records, &body.location)?.code.clone();
    let sending = Sending::new(&app, &signed.0, key.as_ref());
    // Follows from the command, so that a request sent again is answered the same code.
    let code = tokens::enrolment_code(&app.secrets.derive("enrolment", sending.id.0.as_bytes()));
    let code_hash = tokens::hash(&code);
    let hub_url = origins::believed_url(&app, &headers).unwrap_or_default();
    let made = |expires_at| {
        let body = MadeEnrolment { code: code.clone(), expires_at, hub_url: hub_url.clone() };
        (StatusCode::CREATED, Json(body))
    };
    if let Some(Record::Enrolment(e)) = seen.records.get(&format!("enrolment/{code_hash}"))
        && e.location == location
    {
        return Ok(made(e.expires_at));
    }
    let expires_at = app.now().plus_ms(limits::ENROLMENT_MS);
    let enrolment = Enrolment { code_hash, location, expires_at, used_by: None };
    let record = Box::new(Record::Enrolment(enrolment));
    sending.settle(Command::PutRecord { record }).await?;
    Ok(made(expires_at))
}

/// Takes a code back.
#[utoipa::path(delete, path = "/v1/enrolments/{id}", tag = "agents",
    operation_id = "end_enrolment",
    params(("id" = String, Path, pattern = "^[0-9a-f]{64}$")),
    responses((status = 204)))]
async fn drop_code(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeAgents)?;
    let name = format!("enrolment/{id}");
    match app.seen().records.get(&name) {
        Some(Record::Enrolment(e)) if signed.0.sees(&e.location) => {}
        _ => return Err(Refusal::RecordUnknown { what: "enrolment".to_owned() }.into()),
    }
    let command = Command::RemoveRecord { key: name };
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Joins with a code. Few tries an address. The same code and public key are answered again.
#[utoipa::path(post, path = "/v1/enrolments/redeem", tag = "agents",
    operation_id = "redeem_enrolment", security(()),
    request_body = RedeemSchema, responses((status = 200, body = JoinedBody)))]
async fn redeem(
    State(app): State<App>,
    address: ClientAddress,
    body: Payload<Redeem>,
) -> Answer<Json<JoinedBody>> {
    app.gate.pass(Door::Door, &address.name()).map_err(Error::too_many_requests)?;
    let body = body.read()?;
    let key = body.public_key.to_ascii_lowercase();
    if agents::public_key(&key).is_none() {
        return Err(Error::invalid("/public_key", "64 hex digits of an Ed25519 public key"));
    }
    let name = super::shop::words("/agent_name", &body.agent_name)?;
    let code_hash = tokens::hash(&tokens::normal_code(&body.code));
    let agent = Agent {
        id: AgentId(uuid::Uuid::now_v7()),
        // The code says where.
        location: LocationCode::new("0").map_err(Error::internal)?,
        name,
        public_key: key.clone(),
        state: RecordState::Active,
    };
    let sending = Sending::of(&app, "enrolment".to_owned(), None);
    let command = Command::Redeem { code_hash: code_hash.clone(), agent: Box::new(agent) };
    let (agent_id, location) = match sending.settle(command).await {
        Ok(accepted) => match accepted.outcome {
            Outcome::Joined { agent, location } => (agent.to_string(), location),
            other => return Err(Error::internal(format!("{other:?}"))),
        },
        // The answer was lost on its way: whoever has the code and the same key gets it again.
        Err(refused) => match joined_before(&app, &code_hash, &key) {
            Some(agent) => (agent.id.to_string(), agent.location.to_string()),
            None => return Err(refused),
        },
    };
    Ok(Json(JoinedBody {
        agent_id,
        hub_id: app.hub_id.clone(),
        location,
        hub_epoch: app.seen().epoch,
        pin_pepper: hex::encode(app.secrets.pin_pepper()),
    }))
}

fn joined_before(app: &App, code_hash: &str, public_key: &str) -> Option<Agent> {
    let seen = app.seen();
    let Some(Record::Enrolment(enrolment)) = seen.records.get(&format!("enrolment/{code_hash}"))
    else {
        return None;
    };
    let agent = seen.records.agent(enrolment.used_by?)?;
    let same = tokens::same(&agent.public_key, public_key) && app.now() < enrolment.expires_at;
    (same && agent.state == RecordState::Active).then(|| agent.clone())
}

/// An agent that joined.
#[derive(Serialize, ToSchema)]
#[schema(as = Agent)]
struct AgentBody {
    /// Its id.
    id: String,
    /// Its store.
    #[schema(value_type = String)]
    location: LocationCode,
    /// For people.
    name: String,
    /// In use or not.
    #[schema(value_type = super::schema::InUseSchema)]
    state: RecordState,
    /// Age of its last answer, milliseconds.
    last_answer_age_ms: Option<i64>,
    /// How its line looks.
    #[schema(value_type = LinkStateSchema)]
    link: &'static str,
}

/// A page of agents.
#[derive(Serialize, ToSchema)]
#[schema(as = Agents)]
struct AgentsBody {
    /// In the order of their ids; revoked ones are left out.
    agents: Vec<AgentBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// Agents with the state of their lines.
#[utoipa::path(get, path = "/v1/agents", tag = "agents", operation_id = "list_agents",
    params(Page), responses((status = 200, body = AgentsBody)))]
async fn list_agents(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<AgentsBody>> {
    signed.need(Action::ReadAgents)?;
    let seen = app.seen();
    let agents = seen.records.of_kind("agent").filter_map(|(_, record)| match record {
        Record::Agent(a) if a.state == RecordState::Active && signed.0.sees(&a.location) => {
            let no = seen.records.location(&a.location)?.no;
            Some(AgentBody {
                id: a.id.to_string(),
                location: a.location.clone(),
                name: code::plain_text(&a.name, limits::NAME_CHARS_MAX),
                state: a.state,
                last_answer_age_ms: app.links.age_ms(no),
                link: app.links.state(no).name(),
            })
        }
        _ => None,
    });
    let (agents, next_cursor) = page::cut(agents, &asked, |a| a.id.clone())?;
    Ok(Json(AgentsBody { agents, next_cursor }))
}

/// Revokes an agent: its line is cut within seconds, and its key opens nothing any more.
#[utoipa::path(delete, path = "/v1/agents/{id}", tag = "agents", operation_id = "revoke_agent",
    params(("id" = String, Path, pattern = "^agt_[0-9a-f]{32}$")),
    responses((status = 204)))]
async fn revoke(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangeAgents)?;
    let unknown = || Refusal::RecordUnknown { what: "agent".to_owned() };
    let id: AgentId = id.parse().map_err(|_| unknown())?;
    let seen = app.seen();
    let mine = seen.records.agent(id).filter(|a| signed.0.sees(&a.location));
    mine.ok_or_else(unknown)?;
    let command = Command::RemoveRecord { key: format!("agent/{id}") };
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    Ok(StatusCode::NO_CONTENT)
}
