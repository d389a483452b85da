//! Sales that were made and print jobs.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use oneshelf_domain::PrintJobId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::body::{Body, Listed, Who};
use crate::register::{Answer, JobView, Refused, SaleView};

pub(super) async fn list(
    State(app): State<App>,
    Who(_): Who,
    asked: Listed,
) -> Answer<Json<Value>> {
    Ok(Json(json!({"sales": app.front.sales(asked.limit).await?})))
}

pub(super) async fn one(
    State(app): State<App>,
    Who(_): Who,
    Path(receipt_number): Path<String>,
) -> Answer<Json<SaleView>> {
    Ok(Json(app.front.sale(&receipt_number).await?))
}

pub(super) async fn reprint(
    State(app): State<App>,
    Who(who): Who,
    Path(receipt_number): Path<String>,
) -> Answer<(StatusCode, Json<JobView>)> {
    let job = app.front.reprint(&who, &receipt_number).await?;
    Ok((StatusCode::ACCEPTED, Json(job)))
}

pub(super) async fn jobs(
    State(app): State<App>,
    Who(who): Who,
    asked: Listed,
) -> Answer<Json<Value>> {
    Ok(Json(json!({"jobs": app.front.jobs(&who, asked.limit).await?})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerJob {
    came_out: bool,
}

pub(super) async fn answer_job(
    State(app): State<App>,
    Who(_): Who,
    Path(id): Path<String>,
    Body(asked): Body<AnswerJob>,
) -> Answer<Json<JobView>> {
    Ok(Json(app.front.answer_job(job_id(&id)?, asked.came_out).await?))
}

pub(super) fn job_id(text: &str) -> Answer<PrintJobId> {
    let unknown = || Refused::new(404, "print_job_unknown", "There is no such print job.");
    text.parse().map_err(|_| unknown())
}
