//! The reading half of the API but for alerts: site, latest values, recent courses, status, rejects.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use event::{AreaInfo, Limit, MeasureInfo, Name, Stream, Text, Time};
use journal::Journal;
use serde::{Deserialize, Serialize};

use crate::deps::{Counters, MapLine, Mode, RuleInfo, Trend};
use crate::problem::{self, Problem};
use crate::shared::Shared;
use crate::view::{HOURS_MAX, Points};

const OPENAPI: &str = include_str!("../openapi.json");
const HOUR_NS: i64 = 3_600 * Time::SECOND;

#[derive(Serialize)]
struct Site<'a> {
    site: &'a str,
    name: &'a Text,
    mode: Mode,
    areas: Vec<&'a AreaInfo>,
    entities: Vec<Entity<'a>>,
    measures: BTreeMap<&'a str, &'a MeasureInfo>,
    limits: &'a BTreeMap<String, BTreeMap<String, Vec<Limit>>>,
    rules: &'a [RuleInfo],
    trends: &'a [Trend],
    lines: &'a [MapLine],
}

#[derive(Serialize)]
struct Entity<'a> {
    id: &'a Name,
    name: &'a Text,
    stream: Stream,
    profile: &'a Name,
    area: &'a Option<Name>,
    lat: Option<f64>,
    lon: Option<f64>,
    interval_seconds: u64,
    expected: bool,
}

pub(crate) async fn site(State(shared): State<Arc<Shared>>) -> Response {
    let info = shared.site();
    let vocabulary = &info.vocabulary;
    let entities = vocabulary.entities.values().map(|entity| Entity {
        id: &entity.id,
        name: &entity.name,
        stream: entity.stream,
        profile: &entity.profile,
        area: &entity.area,
        lat: entity.lat,
        lon: entity.lon,
        interval_seconds: entity.interval_seconds,
        expected: entity.expected,
    });
    Json(Site {
        site: &vocabulary.site,
        name: &vocabulary.site_name,
        mode: shared.mode,
        areas: vocabulary.areas.values().collect(),
        entities: entities.collect(),
        measures: vocabulary
            .measures
            .iter()
            .map(|(name, info)| (name.as_str(), info))
            .collect(),
        limits: &info.limits,
        rules: &info.rules,
        trends: &info.trends,
        lines: &info.lines,
    })
    .into_response()
}

pub(crate) async fn latest(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let body = {
        let view = shared.view();
        let mut body = format!("{{\"offset\":{},\"latest\":[", view.next()).into_bytes();
        view.write_latest(&mut body)
            .map_err(|error| problem::internal(&error))?;
        body.extend_from_slice(b"]}");
        body
    };
    Ok(json(body))
}

pub(crate) fn json(body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecentQuery {
    entity: String,
    measure: String,
    hours: Option<u32>,
}

#[derive(Serialize)]
struct RecentAnswer<'a> {
    entity: String,
    measure: String,
    unit: Name,
    from: Time,
    to: Time,
    points: Points,
    limits: &'a [Limit],
}

pub(crate) async fn recent(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<RecentQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(RecentQuery {
        entity,
        measure,
        hours,
    }) = query.map_err(|error| bad_query(&error))?;
    let hours = hours.unwrap_or(6);
    if !(1..=HOURS_MAX).contains(&hours) {
        return Err(problem::bad_request(
            format!("hours must be from 1 to {HOURS_MAX}"),
            format!("hours phải từ 1 đến {HOURS_MAX}"),
        ));
    }
    let to = shared.now();
    let from = to.plus(-i64::from(hours) * HOUR_NS);
    let found = shared
        .view()
        .series(&entity, &measure, from.0.div_euclid(1_000_000));
    let site = shared.site();
    let (unit, points) = match (found, site.vocabulary.measures.get(&measure)) {
        (Some(found), _) => found,
        // Known to the catalogue, not heard yet: an empty chart is the truth.
        (None, Some(info)) if site.vocabulary.entities.contains_key(&entity) => {
            (info.unit.clone(), Vec::new())
        }
        (None, _) => {
            return Err(problem::not_found(
                "entity with such a measure",
                "đối tượng với đại lượng",
            ));
        }
    };
    let limits = site
        .limits
        .get(&entity)
        .and_then(|limits| limits.get(&measure));
    let limits = limits.map_or(&[][..], Vec::as_slice);
    Ok(Json(RecentAnswer {
        entity,
        measure,
        unit,
        from,
        to,
        points,
        limits,
    })
    .into_response())
}

pub(crate) fn bad_query(error: &QueryRejection) -> Problem {
    problem::bad_request(
        format!("the query cannot be read: {}", error.body_text()),
        "tham số truy vấn không hợp lệ, xem /api/v1/openapi.json",
    )
}

#[derive(Serialize)]
struct Status<'a> {
    mode: Mode,
    version: &'a str,
    journal: Journals,
    counters: Counters,
    devices_heard: usize,
    last_event: Option<Time>,
    now: Time,
    view: crate::Health,
    /// Whether questions about series are answered.
    archive: bool,
}

#[derive(Serialize)]
struct Journals {
    inputs: JournalStatus,
    outcomes: JournalStatus,
}

#[derive(Serialize)]
struct JournalStatus {
    id: String,
    next_offset: u64,
    bytes: u64,
    state: &'static str,
    detail: Option<String>,
}

impl JournalStatus {
    fn of(journal: &Journal) -> Self {
        let (state, detail) = match &*journal.state().borrow() {
            journal::State::Ok => ("ok", None),
            journal::State::Full { why } => ("full", Some(why.to_string())),
            journal::State::Poisoned { error } => ("poisoned", Some(error.clone())),
        };
        Self {
            id: journal.id().to_string(),
            next_offset: journal.next_offset(),
            bytes: journal.stats().bytes,
            state,
            detail,
        }
    }
}

pub(crate) async fn status(State(shared): State<Arc<Shared>>) -> Response {
    let (now, intake, view) = (shared.now(), shared.intake(), shared.health());
    let (counters, devices_heard, last_event) = {
        let view = shared.view();
        (
            view.counters(intake),
            view.devices_heard(),
            view.last_event(),
        )
    };
    Json(Status {
        mode: shared.mode,
        version: &shared.version,
        journal: Journals {
            inputs: JournalStatus::of(&shared.inputs),
            outcomes: JournalStatus::of(&shared.outcomes),
        },
        counters,
        devices_heard,
        last_event,
        now,
        view,
        archive: shared.series.is_open(),
    })
    .into_response()
}

#[derive(Serialize)]
struct RejectsAnswer<T> {
    offset: u64,
    rejects: Vec<T>,
}

pub(crate) async fn rejects(State(shared): State<Arc<Shared>>) -> Response {
    let (offset, rejects) = {
        let view = shared.view();
        (view.next(), view.rejects())
    };
    let rejects: Vec<_> = rejects.iter().map(|reject| &**reject).collect();
    Json(RejectsAnswer { offset, rejects }).into_response()
}

pub(crate) async fn openapi() -> Response {
    json(OPENAPI)
}
