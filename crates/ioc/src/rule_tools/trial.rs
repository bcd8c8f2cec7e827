//! `ioc rules test`: runs the cases on the production fold and says what differs.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use event::{
    Event, EventFlags, EventId, JournalId, Kind as EventKind, MeasureType, Measured, Name,
    PackFiles, Place, Quality, Time, Value, Vocabulary,
};
use journal::Stamp;
use journal::inputs::{FrontDoor, Kind, MessageBody, MessagePrefix};
use serde_json::json;

use super::args::TestArgs;
use super::cases::{self, Case, Expected, What};
use super::episodes::Row;
use super::lane::{Clock, Lane, frame};
use super::load::severity_name;
use crate::commands::{USAGE, complain_line};
use crate::logging;
use crate::site::{self, Site};

pub(super) fn run(args: &TestArgs) -> Result<ExitCode> {
    logging::start("warn");
    let (pack, files) = match site::read(&args.check.site)
        .and_then(|pack| Ok((pack, site::cases(&args.check.site)?)))
    {
        Ok(read) => read,
        Err(error) => {
            complain_line(&format!("{error:#}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    let (cases, mut mistakes) = cases::parse(&files);
    let site = Site::load(&pack)
        .map_err(|wrong| mistakes.extend(wrong))
        .ok();
    let Some(site) = site.filter(|_| mistakes.is_empty()) else {
        for mistake in &mistakes {
            complain_line(&format!("{}/{mistake}", args.check.site));
        }
        return Ok(ExitCode::from(USAGE));
    };
    let only = args.only.as_deref().unwrap_or("");
    let cases: Vec<&Case> = cases
        .iter()
        .filter(|case| case.name.contains(only))
        .collect();
    let mut out = io::stdout().lock();
    let (mut failed, mut answers) = (0, Vec::new());
    for case in &cases {
        let wrong = match try_case(&pack, &site, case) {
            Ok(wrong) => wrong,
            Err(error) => vec![format!("{error:#}")],
        };
        failed += usize::from(!wrong.is_empty());
        if args.check.json {
            answers.push(json!({"file": case.file, "name": case.name, "passed": wrong.is_empty(), "wrong": wrong}));
            continue;
        }
        let word = if wrong.is_empty() {
            "đạt / pass"
        } else {
            "SAI / FAIL"
        };
        writeln!(out, "{word}  {}: {}", case.file, case.name)?;
        for line in &wrong {
            writeln!(out, "      {line}")?;
        }
    }
    if args.check.json {
        let answer = json!({"site": args.check.site, "cases": cases.len(), "failed": failed, "results": answers});
        writeln!(out, "{answer}")?;
    } else {
        writeln!(
            out,
            "{} tình huống / cases, {} đạt / passed, {failed} sai / failed",
            cases.len(),
            cases.len() - failed
        )?;
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

const fn stamp(at: Time) -> Stamp {
    Stamp {
        journal_ns: at.0,
        wall_ns: at.0,
    }
}

/// What is wrong, in lines; nothing: it passed.
fn try_case(pack: &PackFiles, site: &Site, case: &Case) -> Result<Vec<String>> {
    let vocabulary = site.catalogue.vocabulary();
    let mut lane = Lane::new(JournalId::default(), pack, Clock::Bare).with_site(site.clone());
    lane.begin(stamp(case.start))?;
    let prefix = MessagePrefix::new(FrontDoor::Listener, 5, "", "", "case", 0, 0);
    for (input, offset) in case.inputs.iter().zip(1_u64..) {
        let mut payload = Vec::new();
        match &input.what {
            What::Message {
                topic,
                payload: bytes,
            } => {
                let body = MessageBody {
                    packet_id: 0,
                    qos: 0,
                    dup: false,
                    retain: false,
                    will: false,
                    oversize: None,
                    properties: &[],
                    topic,
                    payload: bytes,
                };
                prefix.encode(&body, &mut payload);
                let rejects = lane.tally.rejects;
                lane.record(&frame(
                    Kind::Message,
                    offset,
                    stamp(input.received),
                    &payload,
                ))?;
                if lane.tally.rejects > rejects {
                    return Ok(vec![format!(
                        "the message at {} is refused: try `ioc decode`",
                        input.received
                    )]);
                }
            }
            What::Event { .. } => match event(vocabulary, input.received, &input.what, offset) {
                Ok(event) => {
                    lane.event(
                        &frame(Kind::Message, offset, stamp(input.received), &payload),
                        event,
                    )?;
                }
                Err(message) => return Ok(vec![message]),
            },
        }
    }
    if let Some(until) = case.until {
        lane.idle_until(until);
    }
    Ok(judge(case, &lane.told.rows(None, None)))
}

/// The event that the normalizer would have given.
fn event(
    vocabulary: &Vocabulary,
    received: Time,
    what: &What,
    offset: u64,
) -> Result<Event, String> {
    let What::Event {
        observed,
        entity,
        stream,
        values,
        quality,
        flags,
        status,
    } = what
    else {
        return Err("not an event".to_owned());
    };
    let info = vocabulary.entities.get(entity);
    let stream = info
        .map(|info| info.stream)
        .or(*stream)
        .ok_or_else(|| format!("{entity} is not in the catalogue: say its stream"))?;
    let measured = values
        .iter()
        .map(|(name, value)| measured(vocabulary, name, value, quality))
        .collect::<Result<Vec<_>, _>>()?;
    let mut id = [0; 16];
    id[8..].copy_from_slice(&offset.to_be_bytes());
    let name: Name = entity.as_str().into();
    Ok(Event {
        id: EventId(id),
        kind: EventKind::Reading,
        stream,
        status: *status,
        site: vocabulary.site.as_str().into(),
        entity: name.clone(),
        device: name,
        observed: *observed,
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received,
        processed: received,
        sequence: None,
        place: info.and_then(|info| {
            Some(Place {
                area: info.area.clone(),
                lat: info.lat?,
                lon: info.lon?,
            })
        }),
        flags: EventFlags::from_names(flags.iter().map(String::as_str)),
        values: measured,
    })
}

fn measured(
    vocabulary: &Vocabulary,
    name: &str,
    value: &toml::Value,
    quality: &[String],
) -> Result<Measured, String> {
    let info = vocabulary
        .measures
        .get(name)
        .ok_or_else(|| format!("there is no measure {name:?} in the catalogue"))?;
    let wrong = || {
        format!(
            "{name} = {value} is not a value of this measure ({:?})",
            info.kind
        )
    };
    let value = match info.kind {
        MeasureType::Number => Value::Number(
            value
                .as_float()
                .or_else(|| value.as_integer().map(|whole| whole as f64))
                .filter(|number| number.is_finite())
                .ok_or_else(wrong)?,
        ),
        MeasureType::Boolean => Value::Boolean(value.as_bool().ok_or_else(wrong)?),
        MeasureType::Code => Value::Code(value.as_str().ok_or_else(wrong)?.into()),
    };
    let known = Quality::from_names(quality.iter().map(String::as_str));
    if known.names().len() != quality.len() {
        return Err(format!("quality {quality:?} names something unknown"));
    }
    Ok(Measured {
        measure: info.name.clone(),
        value,
        unit: info.unit.clone(),
        quality: known,
    })
}

fn judge(case: &Case, rows: &[Row]) -> Vec<String> {
    let looked_at = |row: &&Row| {
        if case.rules.is_empty() {
            case.alerts.is_empty() || case.alerts.iter().any(|alert| alert.rule == row.rule)
        } else {
            case.rules.contains(&row.rule)
        }
    };
    let mut left: Vec<&Row> = rows.iter().filter(looked_at).collect();
    let mut wrong = Vec::new();
    for expected in &case.alerts {
        let at = left
            .iter()
            .position(|row| differences(expected, row).is_empty());
        if let Some(at) = at {
            left.remove(at);
            continue;
        }
        wrong.push(format!("không có / missing: {}", told(expected)));
        let near = left
            .iter()
            .position(|row| row.rule == expected.rule && *row.entity == *expected.entity);
        if let Some(near) = near {
            let row = left.remove(near);
            wrong.extend(
                differences(expected, row)
                    .into_iter()
                    .map(|line| format!("  {line}")),
            );
        }
    }
    wrong.extend(left.into_iter().map(|row| {
        format!(
            "thừa / unexpected: {} {} {} {} … {}: {}",
            row.rule,
            row.entity,
            severity_name(row.severity),
            row.raised,
            end(row.cleared),
            row.message.vi
        )
    }));
    wrong
}

fn end(cleared: Option<Time>) -> String {
    cleared.map_or("còn / open".to_owned(), |end| end.to_string())
}

fn told(expected: &Expected) -> String {
    let severity = expected.severity.map_or("", severity_name);
    let raised = expected.raised.map_or(String::new(), |at| at.to_string());
    format!("{} {} {severity} {raised}", expected.rule, expected.entity)
}

/// In which points a row is not what was expected.
fn differences(expected: &Expected, row: &Row) -> Vec<String> {
    let mut lines = Vec::new();
    let mut differ = |what: &str, wanted: String, got: String| {
        lines.push(format!(
            "{what}: mong đợi / expected {wanted}, nhận được / got {got}"
        ));
    };
    if row.rule != expected.rule {
        differ("rule", expected.rule.clone(), row.rule.clone());
    }
    if *row.entity != *expected.entity {
        differ("entity", expected.entity.clone(), row.entity.to_string());
    }
    if let Some(severity) = expected.severity
        && severity != row.severity
    {
        differ(
            "severity",
            severity_name(severity).to_owned(),
            severity_name(row.severity).to_owned(),
        );
    }
    if let Some(raised) = expected.raised
        && raised != row.raised
    {
        differ("raised", raised.to_string(), row.raised.to_string());
    }
    if let Some(cleared) = expected.cleared
        && cleared != row.cleared
    {
        differ("cleared", end(cleared), end(row.cleared));
    }
    if let Some(words) = &expected.message
        && !row.message.vi.contains(words)
        && !row.message.en.contains(words)
    {
        differ(
            "message",
            format!("{words:?}"),
            format!("{:?} / {:?}", row.message.vi, row.message.en),
        );
    }
    if expected.status != row.status {
        differ(
            "status",
            format!("{:?}", expected.status),
            format!("{:?}", row.status),
        );
    }
    if expected.retrospective != row.retrospective {
        differ(
            "retrospective",
            expected.retrospective.to_string(),
            row.retrospective.to_string(),
        );
    }
    lines
}
