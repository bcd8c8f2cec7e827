//! Every address of the API in one table, which the OpenAPI document is checked against.

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};

use crate::commands::wider;
use crate::shared::Shared;
use crate::{
    alerts_api, api, assets, cap, commands, explain, feed, guard, health, problem, quarantine,
    registers_api, rules, series, sinks,
};

/// The class of all routes that act; they take POST, the others GET.
const COMMAND: &str = "command";

struct Route {
    path: &'static str,
    /// Label of the request metric.
    class: &'static str,
    handler: fn() -> MethodRouter<Arc<Shared>>,
}

const fn read(
    path: &'static str,
    class: &'static str,
    handler: fn() -> MethodRouter<Arc<Shared>>,
) -> Route {
    Route {
        path,
        class,
        handler,
    }
}

const fn act(path: &'static str, handler: fn() -> MethodRouter<Arc<Shared>>) -> Route {
    Route {
        path,
        class: COMMAND,
        handler,
    }
}

const ROUTES: &[Route] = &[
    read("/api/v1/site", "site", || get(api::site)),
    act("/api/v1/site", || post(rules::apply)),
    read("/api/v1/rules", "rules", || get(rules::in_force)),
    read("/api/v1/rules/diff", "rules", || get(rules::diff)),
    read("/api/v1/alerts", "alerts", || get(alerts_api::list)),
    read("/api/v1/alerts/{id}", "alert", || get(alerts_api::one)),
    read("/api/v1/alerts/{id}/explain", "explain", || {
        get(explain::one)
    }),
    act("/api/v1/alerts/{id}/acknowledge", || {
        post(commands::acknowledge)
    }),
    act("/api/v1/alerts/{id}/shelve", || post(commands::shelve)),
    act("/api/v1/alerts/{id}/unshelve", || post(commands::unshelve)),
    act("/api/v1/alerts/{id}/comment", || post(commands::comment)),
    act("/api/v1/alerts/{id}/assign", || post(commands::assign)),
    act("/api/v1/alerts/{id}/escalate", || post(commands::escalate)),
    act("/api/v1/alerts/{id}/reset", || post(commands::reset)),
    act("/api/v1/alerts/{id}/close", || post(commands::close)),
    act("/api/v1/alerts/{id}/reopen", || post(commands::reopen)),
    act("/api/v1/alerts/{id}/mark-false", || {
        post(commands::mark_false)
    }),
    act("/api/v1/alerts/{id}/unmark-false", || {
        post(commands::unmark_false)
    }),
    read("/api/v1/suppressions", "registers", || {
        get(registers_api::suppressions)
    }),
    act("/api/v1/suppress", || post(wider::suppress)),
    act("/api/v1/suppressions/{id}/end", || {
        post(wider::end_suppression)
    }),
    read("/api/v1/incidents", "registers", || {
        get(registers_api::incidents)
    }),
    read("/api/v1/warnings", "registers", || {
        get(registers_api::warnings)
    }),
    act("/api/v1/warnings/propose", || post(wider::propose)),
    act("/api/v1/warnings/{id}/release", || post(wider::release)),
    act("/api/v1/warnings/{id}/reject", || post(wider::reject)),
    read("/api/v1/cap", "cap", || get(cap::feed)),
    read("/api/v1/cap/{id}", "cap", || get(cap::one)),
    read("/api/v1/latest", "latest", || get(api::latest)),
    read("/api/v1/recent", "recent", || get(api::recent)),
    read("/api/v1/series", "series", || get(series::catalogue)),
    read("/api/v1/series/latest", "series", || get(series::latest)),
    read("/api/v1/series/top", "series", || get(series::top)),
    read("/api/v1/series/{entity}/{measure}", "series", || {
        get(series::range)
    }),
    read("/api/v1/health", "health", || get(health::health)),
    read("/api/v1/sinks", "sinks", || get(sinks::sinks)),
    read("/api/v1/status", "status", || get(api::status)),
    read("/api/v1/quarantine", "quarantine", || {
        get(quarantine::overview)
    }),
    read("/api/v1/quarantine/{offset}", "quarantine", || {
        get(quarantine::one)
    }),
    act("/api/v1/quarantine/reprocess", || {
        post(quarantine::reprocess)
    }),
    act("/api/v1/quarantine/adopt", || post(quarantine::adopt)),
    read("/api/v1/rejects", "rejects", || get(api::rejects)),
    read("/api/v1/openapi.json", "openapi", || get(api::openapi)),
    read("/api/v1/feed", "feed", || get(feed::feed)),
];

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route.path, (route.handler)());
    }
    router
        .method_not_allowed_fallback(async || problem::method_not_allowed())
        .fallback(assets::fallback)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&shared),
            guard::guard,
        ))
        .with_state(shared)
}

pub(crate) fn class_of(path: Option<&str>) -> &'static str {
    let known = path.and_then(|path| ROUTES.iter().find(|route| route.path == path));
    known.map_or("page", |route| route.class)
}

/// Method and path of every route, for the checks.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let method = |route: &Route| {
        if route.class == COMMAND {
            "post"
        } else {
            "get"
        }
    };
    ROUTES.iter().map(move |route| (method(route), route.path))
}
