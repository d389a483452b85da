//! The devices page's API: cards, print jobs, the printer's pause and its test page.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::App;
use super::body::Who;
use super::sales::job_id;
use crate::register::{Answer, JobView};

pub(super) async fn all(State(app): State<App>, Who(who): Who) -> Answer<Json<Value>> {
    Ok(Json(app.front.devices(&who).await?))
}

pub(super) async fn pause(State(app): State<App>, Who(who): Who) -> Answer<StatusCode> {
    app.front.pause_printer(&who, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn resume(State(app): State<App>, Who(who): Who) -> Answer<StatusCode> {
    app.front.pause_printer(&who, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn test_page(
    State(app): State<App>,
    Who(who): Who,
) -> Answer<(StatusCode, Json<JobView>)> {
    Ok((StatusCode::ACCEPTED, Json(app.front.test_page(&who).await?)))
}

pub(super) async fn teach(State(app): State<App>, Who(who): Who) -> StatusCode {
    app.front.teach_scanner(&who);
    StatusCode::NO_CONTENT
}

pub(super) async fn end_lesson(State(app): State<App>, Who(who): Who) -> StatusCode {
    app.front.end_lesson(&who);
    StatusCode::NO_CONTENT
}

pub(super) async fn look(State(app): State<App>, Who(who): Who) -> StatusCode {
    app.front.look_at_scans(&who);
    StatusCode::NO_CONTENT
}

pub(super) async fn end_look(State(app): State<App>, Who(who): Who) -> StatusCode {
    app.front.sell_scans(&who);
    StatusCode::NO_CONTENT
}

pub(super) async fn skip(
    State(app): State<App>,
    Who(who): Who,
    Path(id): Path<String>,
) -> Answer<Json<JobView>> {
    Ok(Json(app.front.skip_job(&who, job_id(&id)?).await?))
}
