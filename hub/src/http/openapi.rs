//! The OpenAPI document: made from the handlers, completed with what holds for all of them.
//!
//! Invariant: the document and the routes come from one list, so none is without the other.

use axum::http::StatusCode;
use oneshelf_domain::limits;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;

use super::schema::ProblemSchema;
use super::{
    agent_copies, caught_up, changes, channel_steps, channels, deliveries, enrolments, exports,
    guard, hooks, import_mappings, import_previews, imports, items, keys, locations, movements,
    notices, policies, prices, public, public_stock, rejected_facts, reservations, session, shop,
    sse, staff, stock, stores, transfers, ws,
};
use crate::app::App;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Oneshelf hub",
        description = "One shelf for all channels of a retailer: items, locations, stock, \
            reservations, live figures. Whatever changes stock, items or settings takes an \
            `Idempotency-Key`: the same key of the same caller has one effect. Refusals are \
            `application/problem+json` with a stable `code`; each is explained at \
            `/problems/<code>`.",
    ),
    components(schemas(ProblemSchema)),
    security(("secret" = []), ("session" = [])),
    modifiers(&Schemes),
    tags(
        (name = "shop", description = "The retailer and the hub's clock"),
        (name = "session", description = "Signing in on the hub's pages"),
        (name = "items", description = "The catalogue"),
        (name = "locations", description = "Places with stock, and their registers"),
        (name = "stock", description = "Figures, movements, and why a figure is what it is"),
        (name = "reservations", description = "Claims on units"),
        (name = "transfers", description = "Goods from one location to another"),
        (name = "policies", description = "Numbers that lower or share what may be promised"),
        (name = "people", description = "Staff, roles, PINs"),
        (name = "keys", description = "Keys of servers, apps and web shops"),
        (name = "agents", description = "The programs in the stores"),
        (name = "stores", description = "How each store stands, and what is at risk"),
        (name = "imports", description = "Files of items, prices and opening stock"),
        (name = "exports", description = "Files of items, prices, stock and movements"),
        (name = "channels", description = "Sales channels: what they are told, what they order"),
        (name = "notices", description = "What needs a look by a person"),
        (name = "live", description = "Live figures, over WebSocket or as server-sent events, and \
            the link of agents"),
        (name = "public", description = "For pages of shops, with a publishable key"),
    )
)]
struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_with(Components::new);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("osk_...");
        let schemes = [
            ("secret", SecurityScheme::Http(bearer.build())),
            ("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(guard::COOKIE)))),
            (
                "publishable",
                SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Oneshelf-Key"))),
            ),
            (
                "agent",
                SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                    "Authorization",
                    "`Agent ...`, signed with the key that the agent enrolled",
                ))),
            ),
        ];
        for (name, scheme) in schemes {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// All routes with their documentation.
pub(super) fn api() -> OpenApiRouter<App> {
    let routers = [
        shop::router(),
        session::router(),
        items::router(),
        prices::router(),
        locations::router(),
        stock::router(),
        movements::router(),
        changes::router(),
        reservations::router(),
        transfers::router(),
        policies::router(),
        staff::router(),
        keys::router(),
        enrolments::router(),
        agent_copies::router(),
        stores::router(),
        imports::router(),
        channels::router(),
        channel_steps::router(),
        caught_up::router(),
        deliveries::router(),
        hooks::router(),
        import_previews::router(),
        import_mappings::router(),
        exports::router(),
        notices::router(),
        rejected_facts::router(),
        public::router(),
        public_stock::router(),
        sse::router(),
        ws::router(),
    ];
    let start = OpenApiRouter::with_openapi(Document::openapi());
    routers.into_iter().fold(start, OpenApiRouter::merge)
}

/// The document.
pub fn document() -> OpenApi {
    let mut openapi = api().into_openapi();
    for item in openapi.paths.paths.values_mut() {
        item.get.iter_mut().for_each(|read| complete(read, false));
        let writes = [&mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        writes.into_iter().flatten().for_each(|write| complete(write, true));
    }
    openapi
}

/// The refusals that an operation can have by its shape. A full disk is no matter to who reads.
fn complete(operation: &mut utoipa::openapi::path::Operation, writes: bool) {
    let in_path = |p: &RefOr<Parameter>| match p {
        RefOr::T(parameter) => matches!(parameter.parameter_in, ParameterIn::Path),
        RefOr::Ref(_) => false,
    };
    let has_path = operation.parameters.iter().flatten().any(in_path);
    let has_body = operation.request_body.is_some();
    let open = operation.security.as_ref().is_some_and(|s| {
        s.iter().any(|one| *one == utoipa::openapi::SecurityRequirement::default())
    });
    let mut statuses = vec![400, 429, 500, 503];
    if writes {
        statuses.push(507);
    }
    // An open door with a body is one where somebody proves something.
    if !open || has_body {
        statuses.extend([401, 403]);
    }
    if has_path || has_body {
        statuses.extend([404, 409, 410, 422]);
    } else {
        statuses.extend([404, 422]);
    }
    if has_body {
        statuses.extend([413, 415]);
    }
    if operation.responses.responses.values().any(has_etag) {
        statuses.push(412);
    }
    for status in statuses {
        let name = status.to_string();
        operation.responses.responses.entry(name).or_insert_with(|| RefOr::T(problem(status)));
    }
}

fn has_etag(response: &RefOr<utoipa::openapi::Response>) -> bool {
    matches!(response, RefOr::T(r) if r.headers.contains_key("ETag"))
}

fn problem(status: u16) -> utoipa::openapi::Response {
    let reason = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    let body = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    ResponseBuilder::new()
        .description(reason.unwrap_or("Refused"))
        .content("application/problem+json", body)
        .build()
}

/// The document as text.
pub(super) fn text() -> String {
    document().to_pretty_json().unwrap_or_default()
}

const _: () = assert!(limits::PAGE_ROWS_MAX == 500, "the parameters of lists say 500");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_name_a_summary_and_refusals() {
        let openapi = document();
        let mut names = std::collections::BTreeSet::new();
        for (path, item) in &openapi.paths.paths {
            for operation in [&item.get, &item.put, &item.post, &item.delete].into_iter().flatten()
            {
                let name = operation.operation_id.clone().unwrap_or_default();
                assert!(!name.is_empty() && names.insert(name.clone()), "{path} {name}");
                assert!(operation.summary.is_some(), "{path} {name} has no summary");
                assert!(operation.responses.responses.contains_key("503"), "{path} {name}");
            }
        }
        assert!(names.len() > 45, "{}", names.len());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(part: &serde_json::Value, all: &serde_json::Value) {
            match part {
                serde_json::Value::Object(fields) => {
                    if let Some(to) = fields.get("$ref").and_then(|r| r.as_str()) {
                        assert!(all.pointer(&to[1..]).is_some(), "{to}");
                    }
                    fields.values().for_each(|inner| check(inner, all));
                }
                serde_json::Value::Array(parts) => parts.iter().for_each(|p| check(p, all)),
                _ => {}
            }
        }
        let all = serde_json::to_value(document()).unwrap();
        check(&all, &all);
    }
}
