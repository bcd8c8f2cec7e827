//! `ioc rules check` and `ioc rules list`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use event::PackError;
use serde_json::{Value, json};

use super::args::CheckArgs;
use super::load::severity_name;
use super::{cases, texts};
use crate::commands::{USAGE, complain_line};
use crate::logging;
use crate::site::{self, Site};

pub(super) fn check(args: &CheckArgs) -> Result<ExitCode> {
    logging::start("warn");
    let (pack, files) =
        match site::read(&args.site).and_then(|pack| Ok((pack, site::cases(&args.site)?))) {
            Ok(read) => read,
            Err(error) => {
                complain_line(&format!("{error:#}"));
                return Ok(ExitCode::from(USAGE));
            }
        };
    let (cases, mut mistakes) = cases::parse(&files);
    let (rules, advice) = match Site::load(&pack) {
        Ok(site) => {
            let with_cases: BTreeSet<&str> = cases
                .iter()
                .flat_map(|case| {
                    case.rules
                        .iter()
                        .chain(case.alerts.iter().map(|alert| &alert.rule))
                })
                .map(String::as_str)
                .collect();
            let rules = site.rules.info();
            let mut advice = Vec::new();
            for ((shadow, rule), text) in texts::texts(&pack) {
                if !shadow && !with_cases.contains(rule.as_str()) {
                    advice.push(PackError {
                        file: text.file,
                        line: 0,
                        message: format!("rule `{rule}` has no case: write one in rules/cases/"),
                    });
                }
            }
            (rules, advice)
        }
        Err(wrong) => {
            mistakes.extend(wrong);
            (Vec::new(), Vec::new())
        }
    };
    let mut out = io::stdout().lock();
    if args.json {
        let told = |list: &[PackError]| -> Vec<Value> {
            list.iter()
                .map(|one| json!({"file": one.file, "line": (one.line > 0).then_some(one.line), "message": one.message}))
                .collect()
        };
        let answer = json!({
            "site": args.site, "good": mistakes.is_empty(), "mistakes": told(&mistakes), "advice": told(&advice),
            "rules": rules, "cases": cases.len(),
        });
        writeln!(out, "{answer}")?;
    } else {
        for mistake in &mistakes {
            writeln!(out, "{}/{mistake}", args.site)?;
        }
        for one in &advice {
            writeln!(out, "nên xem / advice: {}/{one}", args.site)?;
        }
        if mistakes.is_empty() {
            writeln!(
                out,
                "{}: {} quy tắc / rules, {} tình huống / cases: không có lỗi / no mistake",
                args.site,
                rules.len(),
                cases.len()
            )?;
        } else {
            writeln!(out, "{} lỗi / mistake(s)", mistakes.len())?;
        }
    }
    Ok(if mistakes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub(super) fn list(args: &CheckArgs) -> Result<ExitCode> {
    logging::start("warn");
    let pack = match site::read(&args.site) {
        Ok(pack) => pack,
        Err(error) => {
            complain_line(&format!("{error:#}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    let site = match Site::load(&pack) {
        Ok(site) => site,
        Err(mistakes) => {
            for mistake in &mistakes {
                complain_line(&format!("{}/{mistake}", args.site));
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let rules = site.rules.info();
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json!({"site": args.site, "rules": rules}))?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{:<32} {:>4} {:<9} {:>8} Tên / Title",
        "Quy tắc / Rule", "v", "Mức/Sev.", "Chi phí"
    )?;
    for rule in &rules {
        let shown = serde_json::to_value(rule).unwrap_or_default();
        let cost = shown.get("cost").map_or("–".to_owned(), Value::to_string);
        writeln!(
            out,
            "{:<32} {:>4} {:<9} {cost:>8} {} / {}",
            rule.id,
            rule.version,
            severity_name(rule.severity),
            rule.title.vi,
            rule.title.en
        )?;
        if !rule.condition.is_empty() {
            writeln!(out, "{:<47} {}", "", rule.condition)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
