//! `/v1/policies`: numbers that lower or share what may be promised.
//!
//! `safety/{sku}/{location}`, `buffer/{sku}/{channel}`, `share/{location}/{sku or *}`.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use oneshelf_domain::record::{Buffer, Record, Records, Safety, SharePolicy, ShareRule};
use oneshelf_domain::stock::{Command, ItemNo, Version};
use oneshelf_domain::{Quantity, Refusal, Sku};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{IdempotencyKey, Path, Payload, Query};
use super::guard::Signed;
use super::keys::channel;
use super::page::{self, Page};
use super::problem::{Answer, Error};
use super::sending::{Preconditions, Sending, etag};
use crate::app::App;
use crate::auth::Action;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, put, remove))
}

/// Which number it is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PolicyKind {
    /// Units that a location keeps back from every channel.
    Safety,
    /// Units that one channel may not offer.
    Buffer,
    /// Units that a store's registers own without asking.
    Share,
}

/// How a store's share is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ShareRule)]
enum RuleName {
    /// `quantity` units.
    Fixed,
    /// `quantity` percent of what is free or share there: nothing of one unit, rounded up from two
    /// units on.
    Percent,
    /// The smallest share that covers the walk-in demand of four opening hours in 90 % of cases.
    /// It follows the sales of the last 28 days, and is what counts where no policy is set.
    Auto,
}

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Policy)]
struct PolicyBody {
    /// Which number it is.
    kind: PolicyKind,
    /// The item, or `*` for all.
    sku: String,
    /// Of safety and share.
    location: Option<String>,
    /// Of buffer.
    channel: Option<String>,
    /// Units; a percentage where the rule says so; 0 with `auto`.
    quantity: i64,
    /// Of share.
    rule: Option<RuleName>,
    /// Of the last change; also the ETag.
    version: i64,
}

/// A page of policies.
#[derive(Serialize, ToSchema)]
#[schema(as = Policies)]
struct PoliciesBody {
    /// By kind.
    policies: Vec<PolicyBody>,
    /// None at the end.
    next_cursor: Option<String>,
}

/// A policy's number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyUnits)]
struct UnitsBody {
    /// Units; with the rule `percent` 0 to 100; not with `auto`.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000)]
    quantity: Option<Quantity>,
    /// Of share; `fixed` when absent.
    #[serde(default)]
    rule: Option<RuleName>,
}

impl UnitsBody {
    /// The number that safety stock and buffers have.
    fn units(&self) -> Answer<i64> {
        if self.rule.is_some() {
            return Err(Error::invalid("/rule", "of a share alone"));
        }
        self.quantity.map(Quantity::units).ok_or_else(|| Error::invalid("/quantity", "is missing"))
    }

    fn share(&self) -> Answer<ShareRule> {
        let quantity = self.quantity.map(Quantity::units);
        match (self.rule.unwrap_or(RuleName::Fixed), quantity) {
            (RuleName::Fixed, Some(units)) => Ok(ShareRule::Fixed { units }),
            (RuleName::Percent, Some(percent)) if percent <= 100 => {
                Ok(ShareRule::Percent { percent })
            }
            (RuleName::Percent, Some(_)) => Err(Error::invalid("/quantity", "0 to 100 percent")),
            (RuleName::Auto, None) => Ok(ShareRule::Auto),
            (RuleName::Auto, Some(_)) => {
                Err(Error::invalid("/quantity", "auto finds the number itself: leave it out"))
            }
            (_, None) => Err(Error::invalid("/quantity", "is missing")),
        }
    }
}

fn named_rule(rule: ShareRule) -> (RuleName, i64) {
    match rule {
        ShareRule::Fixed { units } => (RuleName::Fixed, units),
        ShareRule::Percent { percent } => (RuleName::Percent, percent),
        ShareRule::Auto => (RuleName::Auto, 0),
    }
}

const KINDS: [&str; 3] = ["safety", "buffer", "share"];

fn item_of(record: &Record) -> Option<ItemNo> {
    match record {
        Record::Safety(s) => Some(s.item),
        Record::Buffer(b) => Some(b.item),
        Record::Share(s) => s.item,
        _ => None,
    }
}

/// Whether the caller works where the policy counts; a buffer counts everywhere.
fn is_seen(signed: &Signed, records: &Records, record: &Record) -> bool {
    let at = match record {
        Record::Safety(s) => s.location,
        Record::Share(s) => s.location,
        _ => return true,
    };
    records.location_by_no(at).is_some_and(|l| signed.location(records, l.code.as_str()).is_ok())
}

fn body(
    records: &Records,
    skus: &BTreeMap<ItemNo, Sku>,
    version: Version,
    record: &Record,
) -> Option<PolicyBody> {
    let code = |no| records.location_by_no(no).map(|l| l.code.to_string());
    let sku = |no: &ItemNo| skus.get(no).map(Sku::to_string);
    let version = version.0;
    Some(match record {
        Record::Safety(s) => PolicyBody {
            kind: PolicyKind::Safety,
            sku: sku(&s.item)?,
            location: Some(code(s.location)?),
            channel: None,
            quantity: s.units,
            rule: None,
            version,
        },
        Record::Buffer(b) => PolicyBody {
            kind: PolicyKind::Buffer,
            sku: sku(&b.item)?,
            location: None,
            channel: Some(b.channel.clone()),
            quantity: b.units,
            rule: None,
            version,
        },
        Record::Share(s) => PolicyBody {
            kind: PolicyKind::Share,
            sku: s.item.as_ref().map_or(Some("*".to_owned()), sku)?,
            location: Some(code(s.location)?),
            channel: None,
            quantity: named_rule(s.rule).1,
            rule: Some(named_rule(s.rule).0),
            version,
        },
        _ => return None,
    })
}

/// Policies of the locations that the caller works at.
#[utoipa::path(get, path = "/v1/policies", tag = "policies", operation_id = "list_policies",
    params(Page), responses((status = 200, body = PoliciesBody)))]
async fn list(
    State(app): State<App>,
    signed: Signed,
    Query(asked): Query<Page>,
) -> Answer<Json<PoliciesBody>> {
    signed.need(Action::ReadPolicies)?;
    let seen = app.seen();
    let records = &seen.records;
    let mine = KINDS
        .iter()
        .flat_map(|kind| records.of_kind(kind))
        .filter(|(_, record)| is_seen(&signed, records, record));
    let (page, next_cursor) = page::cut(mine, &asked, |(_, record)| record.key())?;
    let items: Vec<ItemNo> = page.iter().filter_map(|(_, record)| item_of(record)).collect();
    let skus = app.items.skus(&app.store, &items).await?;
    let policies =
        page.into_iter().filter_map(|(version, record)| body(records, &skus, version, record));
    Ok(Json(PoliciesBody { policies: policies.collect(), next_cursor }))
}

/// The record that a path names, with no units yet.
async fn named(
    app: &App,
    signed: &Signed,
    (kind, first, second): (&str, &str, &str),
    change: bool,
) -> Answer<Record> {
    let seen = app.seen();
    let records = &seen.records;
    let units = 0;
    match kind {
        "safety" => {
            let (item, location) = (item(app, first).await?, signed.location(records, second)?.no);
            Ok(Record::Safety(Safety { item, location, units }))
        }
        "buffer" => {
            // It lowers what all locations together may offer.
            if change && !signed.0.sees_all() {
                return Err(Error::not_allowed());
            }
            let channel = channel("/channel", second)?;
            Ok(Record::Buffer(Buffer { item: item(app, first).await?, channel, units }))
        }
        "share" => {
            let location = signed.location(records, first)?.no;
            let item = if second == "*" { None } else { Some(item(app, second).await?) };
            Ok(Record::Share(SharePolicy { location, item, rule: ShareRule::Auto }))
        }
        _ => Err(Error::not_found()),
    }
}

async fn item(app: &App, sku: &str) -> Answer<ItemNo> {
    let unknown = || Refusal::ItemUnknown { sku: oneshelf_domain::code::plain_text(sku, 64) };
    let sku = Sku::new(sku).map_err(|_| unknown())?;
    let found = app.items.of(&app.store, std::slice::from_ref(&sku)).await?;
    Ok(found.into_iter().next().flatten().ok_or_else(unknown)?)
}

async fn shown(app: &App, record: &Record) -> Answer<PolicyBody> {
    let seen = app.seen();
    let unknown = || Refusal::RecordUnknown { what: "policy".to_owned() };
    let (version, now) = seen.records.get_versioned(&record.key()).ok_or_else(unknown)?;
    let item: Vec<ItemNo> = item_of(now).into_iter().collect();
    let skus = app.items.skus(&app.store, &item).await?;
    body(&seen.records, &skus, version, now).ok_or_else(|| unknown().into())
}

/// One policy.
#[utoipa::path(get, path = "/v1/policies/{kind}/{first}/{second}", tag = "policies",
    operation_id = "get_policy",
    params(("kind" = PolicyKind, Path),
        ("first" = String, Path, description = "SKU; of a share the location"),
        ("second" = String, Path, description = "location or channel; of a share SKU or *")),
    responses((status = 200, body = PolicyBody, headers(("ETag" = String))), (status = 304)))]
async fn get(
    State(app): State<App>,
    signed: Signed,
    Path((kind, first, second)): Path<(String, String, String)>,
    known: Preconditions,
) -> Answer<Response> {
    signed.need(Action::ReadPolicies)?;
    let record = named(&app, &signed, (&kind, &first, &second), false).await?;
    let body = shown(&app, &record).await?;
    Ok(known.answer(Version(body.version), body))
}

/// Sets a policy.
#[utoipa::path(put, path = "/v1/policies/{kind}/{first}/{second}", tag = "policies",
    operation_id = "put_policy",
    params(("kind" = PolicyKind, Path),
        ("first" = String, Path, description = "SKU; of a share the location"),
        ("second" = String, Path, description = "location or channel; of a share SKU or *")),
    request_body = UnitsBody,
    responses((status = 200, body = PolicyBody, headers(("ETag" = String)))))]
async fn put(
    State(app): State<App>,
    signed: Signed,
    Path((kind, first, second)): Path<(String, String, String)>,
    known: Preconditions,
    key: Option<IdempotencyKey>,
    body: Payload<UnitsBody>,
) -> Answer<Response> {
    signed.need(Action::ChangePolicies)?;
    let wanted = body.read()?;
    let mut record = named(&app, &signed, (&kind, &first, &second), true).await?;
    match &mut record {
        Record::Safety(Safety { units, .. }) | Record::Buffer(Buffer { units, .. }) => {
            *units = wanted.units()?;
        }
        Record::Share(SharePolicy { rule, .. }) => *rule = wanted.share()?,
        _ => return Err(Error::not_found()),
    }
    let command = known.on(Command::PutRecord { record: Box::new(record.clone()) });
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    let body = shown(&app, &record).await?;
    let tag = [(header::ETAG, etag(Version(body.version)))];
    Ok((tag, Json(body)).into_response())
}

/// Removes a policy.
#[utoipa::path(delete, path = "/v1/policies/{kind}/{first}/{second}", tag = "policies",
    operation_id = "remove_policy",
    params(("kind" = PolicyKind, Path),
        ("first" = String, Path, description = "SKU; of a share the location"),
        ("second" = String, Path, description = "location or channel; of a share SKU or *")),
    responses((status = 204)))]
async fn remove(
    State(app): State<App>,
    signed: Signed,
    Path((kind, first, second)): Path<(String, String, String)>,
    known: Preconditions,
    key: Option<IdempotencyKey>,
) -> Answer<StatusCode> {
    signed.need(Action::ChangePolicies)?;
    let record = named(&app, &signed, (&kind, &first, &second), true).await?;
    let command = known.on(Command::RemoveRecord { key: record.key() });
    Sending::new(&app, &signed.0, key.as_ref()).settle(command).await?;
    Ok(StatusCode::NO_CONTENT)
}
