//! Every format by data: the folders of `tests/formats/`, each case the messages and what must become of them. What is expected was
//! worked out from the definition of the format.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use event::{JournalId, PackFiles, Time};
use normalize::{Catalogue, Input, Normalized, Normalizer};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Cases that a format has at least.
const CASES_MIN: usize = 25;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    topic: String,
    received: String,
    #[serde(default)]
    content_type: String,
    #[serde(default)]
    retain: bool,
    #[serde(default)]
    dup: bool,
    #[serde(default)]
    from_broker: bool,
    payload: Option<Value>,
    payload_hex: Option<String>,
    payload_base64: Option<String>,
    expect: Vec<Value>,
}

impl Message {
    fn bytes(&self) -> Vec<u8> {
        if let Some(hex) = &self.payload_hex {
            let hex: String = hex.split_whitespace().collect();
            return (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex"))
                .collect();
        }
        if let Some(text) = &self.payload_base64 {
            return base64::engine::general_purpose::STANDARD
                .decode(text)
                .expect("base64");
        }
        let payload = self.payload.as_ref().expect("a payload");
        match payload.as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => serde_json::to_vec(payload).expect("JSON"),
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn pack() -> PackFiles {
    fn walk(folder: &Path, prefix: &str, files: &mut PackFiles) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("a name");
            let name = format!("{prefix}{name}");
            if path.is_dir() {
                walk(&path, &format!("{name}/"), files);
            } else {
                files.files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    let mut files = PackFiles::default();
    walk(&root().join("../../deploy/sites/lao-cai"), "", &mut files);
    files
}

#[test]
fn every_case_of_every_format() {
    let catalogue = match Catalogue::load(&pack()) {
        Ok(catalogue) => Arc::new(catalogue),
        Err(mistakes) => panic!("{}", listed(&mistakes)),
    };
    let mut wrong = Vec::new();
    let mut few = Vec::new();
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("tests/formats"))
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    for folder in folders {
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
            .expect("cases")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .collect();
        cases.sort();
        if cases.len() < CASES_MIN {
            few.push(format!("{name}: {} of {CASES_MIN}", cases.len()));
        }
        for path in cases {
            if let Err(message) = check(&catalogue, &path) {
                wrong.push(format!("{}: {message}", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(few.is_empty(), "too few cases: {}", few.join(", "));
}

fn listed(mistakes: &[event::PackError]) -> String {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn check(catalogue: &Arc<Catalogue>, path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let case: Case = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut normalizer = Normalizer::new(Arc::clone(catalogue));
    for (number, message) in case.messages.iter().enumerate() {
        let payload = message.bytes();
        let received = Time::parse(&message.received).ok_or("`received` is no time")?;
        let input = Input {
            journal: JournalId([7; 16]),
            offset: number as u64,
            journal_time: received,
            wall_time: received,
            client: "case",
            session: 1,
            packet_id: 1,
            qos: 1,
            dup: message.dup,
            retain: message.retain,
            from_broker: message.from_broker,
            reprocessed: false,
            content_type: &message.content_type,
            topic: &message.topic,
            payload: &payload,
            oversize: None,
        };
        let mut out = Vec::new();
        normalizer.apply(&input, &mut out);
        let got: Vec<Value> = out.iter().filter_map(shown).collect();
        let differs = |why: &str| {
            let got = serde_json::to_string_pretty(&got).unwrap_or_default();
            format!("message {number} ({}): {why}; got {got}", case.about)
        };
        if got.len() != message.expect.len() {
            return Err(differs(&format!("{} expected", message.expect.len())));
        }
        for (got, wanted) in got.iter().zip(&message.expect) {
            compare(got, wanted, "").map_err(|why| differs(&why))?;
        }
    }
    Ok(())
}

/// As the case files have it; a message that is state alone shows nothing.
fn shown(result: &Normalized) -> Option<Value> {
    let (name, value) = match result {
        Normalized::Event(event) => {
            let mut value = serde_json::to_value(event.json()).expect("JSON");
            if let Some(place) = value.get("place").cloned() {
                value["area"] = place.get("area").cloned().unwrap_or(Value::Null);
                value["lat"] = place.get("lat").cloned().unwrap_or(Value::Null);
                value["lon"] = place.get("lon").cloned().unwrap_or(Value::Null);
            }
            ("event", value)
        }
        Normalized::Reject(reject) => ("reject", Value::from(reject.code.name())),
        Normalized::Duplicate => ("duplicate", Value::Bool(true)),
        Normalized::State => return None,
    };
    Some(Value::Object(Map::from_iter([(name.to_owned(), value)])))
}

fn compare(got: &Value, wanted: &Value, at: &str) -> Result<(), String> {
    match (got, wanted) {
        (Value::Object(got), Value::Object(wanted)) => {
            for (key, wanted) in wanted {
                let got = got.get(key).unwrap_or(&Value::Null);
                let at = format!("{at}/{key}");
                if key == "values" {
                    values(got, wanted, &at)?;
                } else {
                    compare(got, wanted, &at)?;
                }
            }
            let is_event = at.ends_with("/event");
            if is_event && !wanted.contains_key("flags") {
                compare(
                    got.get("flags").unwrap_or(&Value::Null),
                    &Value::Array(Vec::new()),
                    "flags",
                )?;
            }
            Ok(())
        }
        (Value::Number(got), Value::Number(wanted)) => {
            let (got, wanted) = (
                got.as_f64().unwrap_or(f64::NAN),
                wanted.as_f64().unwrap_or(f64::NAN),
            );
            let close = (got - wanted).abs() <= 1e-9 * wanted.abs().max(1.0);
            close
                .then_some(())
                .ok_or_else(|| format!("{at} is {got}, not {wanted}"))
        }
        (Value::String(got), Value::String(wanted)) => {
            let same = got == wanted
                || matches!((Time::parse(got), Time::parse(wanted)), (Some(got), Some(wanted)) if got == wanted);
            same.then_some(())
                .ok_or_else(|| format!("{at} is {got:?}, not {wanted:?}"))
        }
        (Value::Array(got), Value::Array(wanted)) => {
            let sorted = |list: &[Value]| {
                let mut words: Vec<String> = list.iter().map(ToString::to_string).collect();
                words.sort();
                words
            };
            let same = sorted(got) == sorted(wanted);
            same.then_some(())
                .ok_or_else(|| format!("{at} is {got:?}, not {wanted:?}"))
        }
        (got, wanted) if got == wanted => Ok(()),
        (got, wanted) => Err(format!("{at} is {got}, not {wanted}")),
    }
}

/// All of them and no others; a value without `quality` is good.
fn values(got: &Value, wanted: &Value, at: &str) -> Result<(), String> {
    let (Value::Object(got), Value::Object(wanted)) = (got, wanted) else {
        return Err(format!("{at} is {got}"));
    };
    let names = |map: &Map<String, Value>| {
        let mut names: Vec<String> = map.keys().cloned().collect();
        names.sort();
        names
    };
    if names(got) != names(wanted) {
        return Err(format!(
            "{at} has {:?}, not {:?}",
            names(got),
            names(wanted)
        ));
    }
    for (name, wanted) in wanted {
        let at = format!("{at}/{name}");
        let got = got.get(name).unwrap_or(&Value::Null);
        compare(got, wanted, &at)?;
        if wanted.get("quality").is_none() {
            let quality = got.get("quality").unwrap_or(&Value::Null);
            compare(quality, &Value::Array(Vec::new()), &format!("{at}/quality"))?;
        }
    }
    Ok(())
}
