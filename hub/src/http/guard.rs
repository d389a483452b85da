//! Proving who asks before a handler runs: key, session or credential; origins; rates.
//!
//! Owns the order of these checks. It must not know what a handler does: handlers name the
//! action that they need. Invariant: a session cookie alone never changes anything on the word
//! of a page from elsewhere.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use oneshelf_domain::LocationCode;
use oneshelf_domain::record::{Location, Records};

use super::origins;
use super::problem::{Answer, Error};
use crate::app::App;
use crate::auth::rates::Door;
use crate::auth::{self, Action, Caller, agents, tokens};
use crate::store::sessions;

/// The cookie of a session: bound to this host, to TLS (or loopback) and to the whole path.
pub const COOKIE: &str = "__Host-oneshelf";

/// Where a request came from; the listener says it.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let known = parts.extensions.get::<ClientAddress>().copied();
        // In process, without a listener.
        Ok(known.unwrap_or(ClientAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))))
    }
}

impl ClientAddress {
    /// The name under which it is counted: of IPv6 the network that one customer gets.
    pub fn name(self) -> String {
        match self.0 {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => v4.to_string(),
                None => {
                    let [a, b, c, d, ..] = v6.segments();
                    format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
                }
            },
        }
    }
}

/// A proven caller.
pub struct Signed(pub Caller);

impl FromRequestParts<App> for Signed {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let caller = prove(app, parts).await?;
        let passed = app.gate.pass(Door::Caller, &caller.session_principal());
        passed.map_err(Error::too_many_requests)?;
        Ok(Self(caller))
    }
}

async fn prove(app: &App, parts: &Parts) -> Answer<Caller> {
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let secret = match text.split_once(' ') {
            Some((scheme, secret))
                if scheme.eq_ignore_ascii_case("bearer")
                    || scheme.eq_ignore_ascii_case("agent") =>
            {
                secret.trim()
            }
            _ => return Err(Error::not_signed_in()),
        };
        return of_secret(app, secret).await;
    }
    let Some(session) = cookie(&parts.headers) else { return Err(Error::not_signed_in()) };
    if !parts.method.is_safe() && !origins::same_origin(app, &parts.headers) {
        return Err(Error::foreign_origin());
    }
    let found = sessions::find(&app.store, &tokens::hash(session), app.now()).await?;
    let principal = found.ok_or_else(Error::not_signed_in)?;
    let caller = Caller::of_principal(&app.seen().records, &principal, app.now());
    caller.ok_or_else(Error::not_signed_in)
}

/// The caller behind a secret.
pub async fn of_secret(app: &App, secret: &str) -> Answer<Caller> {
    let seen = app.seen();
    if secret.starts_with("agt_") {
        let proven =
            agents::prove(&app.store, &seen.records, &app.hub_id, agents::HTTP, secret, app.now());
        return match proven.await {
            Ok(agent) => Ok(Caller::of_agent(&agent)),
            Err(agents::NotProven::Refused) => Err(Error::wrong_secret()),
            Err(agents::NotProven::Store(error)) => Err(error.into()),
        };
    }
    let key = auth::key_with(&seen.records, secret).ok_or_else(Error::wrong_secret)?;
    if !auth::is_alive(key, app.now()) {
        return Err(Error::wrong_secret());
    }
    // A publishable key is no secret: anybody can read it on a page.
    Caller::of_key(key, app.now()).ok_or_else(Error::not_allowed)
}

/// The session that the browser sent.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

impl Signed {
    /// Denies what no table names.
    ///
    /// # Errors
    /// 403.
    pub fn need(&self, action: Action) -> Answer<()> {
        if self.0.may(action) { Ok(()) } else { Err(Error::not_allowed()) }
    }

    /// A location that the caller works at; any other is not there for them.
    ///
    /// # Errors
    /// 404.
    pub fn location<'a>(&self, records: &'a Records, code: &str) -> Answer<&'a Location> {
        let unknown = || oneshelf_domain::Refusal::LocationUnknown { location: shown_code(code) };
        let code = LocationCode::new(code).map_err(|_| unknown())?;
        let location = records.location(&code).filter(|l| self.0.sees(&l.code));
        Ok(location.ok_or_else(unknown)?)
    }
}

fn shown_code(code: &str) -> String {
    oneshelf_domain::code::plain_text(code, 40)
}
