//! State of the store, signing in and out, cash session, drawer.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use oneshelf_domain::Money;
use oneshelf_protocol::amount;
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::body::{Body, Token, Who};
use crate::register::{Answer, CashSession, Session, SignIn};

pub(super) async fn state(State(app): State<App>) -> Json<Value> {
    Json(app.front.state())
}

pub(super) async fn staff(State(app): State<App>) -> Answer<Json<Value>> {
    Ok(Json(json!({"staff": app.front.staff()?})))
}

type WithCookie = ([(HeaderName, String); 1], Json<Value>);

fn cookie(app: &App, value: &str, more: &str) -> [(HeaderName, String); 1] {
    let name = app.guard.cookie_name();
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{more}");
    [(header::SET_COOKIE, text)]
}

pub(super) async fn sign_in(
    State(app): State<App>,
    Body(asked): Body<SignIn>,
) -> Answer<WithCookie> {
    let (token, session) = app.front.sign_in(asked).await?;
    Ok((cookie(&app, &token, ""), Json(me_of(&app, &session).await?)))
}

pub(super) async fn sign_out(
    State(app): State<App>,
    Token(token): Token,
) -> (StatusCode, [(HeaderName, String); 1]) {
    if let Some(token) = token {
        app.front.sign_out(&token);
    }
    (StatusCode::NO_CONTENT, cookie(&app, "", "; Max-Age=0"))
}

pub(super) async fn me(State(app): State<App>, Who(who): Who) -> Answer<Json<Value>> {
    Ok(Json(me_of(&app, &who).await?))
}

async fn me_of(app: &App, who: &Session) -> Answer<Value> {
    let register = app.front.register(&who.register)?;
    Ok(json!({
        "cashier": {"code": who.staff, "name": who.name, "role": who.role},
        "register": {"code": register.code, "name": register.name},
        "cash_session": app.front.cash_session(&who.register).await?,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenCashSession {
    #[serde(deserialize_with = "amount::asked")]
    opening_float: Money,
}

pub(super) async fn open_cash_session(
    State(app): State<App>,
    Who(who): Who,
    Body(asked): Body<OpenCashSession>,
) -> Answer<(StatusCode, Json<CashSession>)> {
    let session = app.front.open_cash_session(&who, asked.opening_float).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoSale {
    reason: String,
}

pub(super) async fn no_sale(
    State(app): State<App>,
    Who(who): Who,
    Body(asked): Body<NoSale>,
) -> Answer<StatusCode> {
    app.front.no_sale(&who, &asked.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
