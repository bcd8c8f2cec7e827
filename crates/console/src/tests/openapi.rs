//! The document and the router name the same routes, and answers have the shapes that it gives.

use std::sync::LazyLock;

use axum::body::Body;
use serde_json::Value;

use super::{App, request};
use crate::{ConsoleConfig, routes};

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../openapi.json")).unwrap());

#[tokio::test]
async fn the_document_and_the_router_name_the_same_routes() {
    let mut described = Vec::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.push((method.as_str(), path.as_str()));
        }
    }
    let mut served: Vec<_> = routes::all().collect();
    described.sort_unstable();
    served.sort_unstable();
    assert_eq!(described, served);

    let app = App::new(ConsoleConfig::default(), Vec::new()).await;
    for (method, described) in served {
        let path = described.replace("{id}", "none");
        let path = path.replace("{entity}/{measure}", "none/none");
        let got = app
            .send(
                request(&method.to_uppercase(), &path)
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_ne!(got.status, 405, "{method} {path}");
        let documented = &DOCUMENT["paths"][described][method]["responses"];
        assert!(
            documented[got.status.as_str()].is_object(),
            "{method} {path}: {}",
            got.status
        );
        let other = if method == "get" { "POST" } else { "GET" };
        let takes_both =
            routes::all().any(|(also, path)| path == described && also.eq_ignore_ascii_case(other));
        if takes_both {
            continue;
        }
        app.send(request(other, &path).body(Body::empty()).unwrap())
            .await
            .is_problem(405);
    }
}

#[tokio::test]
async fn the_document_is_served_and_its_references_resolve() {
    let app = App::new(ConsoleConfig::default(), Vec::new()).await;
    assert_eq!(app.get("/api/v1/openapi.json").await.json(), *DOCUMENT);
    fn walk(value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    assert!(DOCUMENT.pointer(&reference[1..]).is_some(), "{reference}");
                }
                fields.values().for_each(walk);
            }
            Value::Array(items) => items.iter().for_each(walk),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    walk(&DOCUMENT);
}

#[tokio::test]
async fn frames_of_the_feed_have_the_shapes_described() {
    let app = App::new(ConsoleConfig::default(), Vec::new()).await;
    let alert = crate::sample::alert("a:b:c", app.node.now());
    app.node
        .transition(event::Change::Raised, None, &alert)
        .await;
    app.node.readings([("wl-bao-ha", 57.9)]).await;
    app.caught_up().await;
    let (now, intake) = (app.shared.now(), app.shared.intake());
    let mut told = crate::sinks::Told::default();
    told.tell(crate::sample::sinks(now)).unwrap();
    let snapshot = app
        .shared
        .view()
        .snapshot(now, app.shared.mode, intake, told.json())
        .unwrap();
    conforms("Snapshot", &serde_json::from_slice(&snapshot).unwrap());
    app.node.readings([("wl-bao-ha", 58.0)]).await;
    app.caught_up().await;
    // The feed's own task may have taken the changes already; then make some of our own.
    let mut changes = loop {
        app.node.readings([("wl-bao-ha", 58.1)]).await;
        app.caught_up().await;
        if let Some(changes) = app.shared.view_mut().take_changes(0, now, intake).unwrap() {
            break changes;
        }
    };
    conforms("Change", &serde_json::from_slice(&changes.json).unwrap());
    changes.add("sinks", told.json());
    conforms("Change", &serde_json::from_slice(&changes.json).unwrap());
}

/// Panics with the place where `value` is not of the schema.
#[track_caller]
pub(super) fn conforms(schema: &str, value: &Value) {
    let schema = &DOCUMENT["components"]["schemas"][schema];
    assert!(schema.is_object(), "no such schema");
    if let Err(wrong) = check(schema, value, "$") {
        panic!("{wrong} in {value:#}");
    }
}

/// The part of JSON Schema that the document uses.
fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return check(
            DOCUMENT.pointer(&reference[1..]).ok_or("dangling")?,
            value,
            at,
        );
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices
            .iter()
            .filter(|choice| check(choice, value, at).is_ok())
            .count();
        return if fitting == 1 {
            Ok(())
        } else {
            Err(format!("{at} fits {fitting} choices"))
        };
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one.as_str()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|kind| is(kind, value)) {
        return Err(format!("{at} is not {types:?}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !value.is_null()
        && !allowed.contains(value)
    {
        return Err(format!("{at} is {value}, not one of the list"));
    }
    if schema["format"] == "date-time"
        && let Some(text) = value.as_str()
        && event::Time::parse(text).is_none()
    {
        return Err(format!("{at} is no instant"));
    }
    match value {
        Value::Object(fields) => check_object(schema, fields, at),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check(&schema["items"], item, &format!("{at}[{index}]"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn check_object(
    schema: &Value,
    fields: &serde_json::Map<String, Value>,
    at: &str,
) -> Result<(), String> {
    for required in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(required.as_str().unwrap()) {
            return Err(format!("{at} lacks {required}"));
        }
    }
    for (name, value) in fields {
        let at = format!("{at}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => return Err(format!("{at} is not described")),
            (Value::Null, Value::Object(_)) => check(&schema["additionalProperties"], value, &at)?,
            (Value::Null, _) => {}
            (property, _) => check(property, value, &at)?,
        }
    }
    Ok(())
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}
