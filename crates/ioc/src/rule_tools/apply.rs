//! `ioc rules apply`: the pack is checked here, the node is asked what changes, and takes it.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use console::{ApplyAnswer, RuleChange, RuleChangeKind};
use event::PackFiles;
use serde_json::json;

use super::args::ApplyArgs;
use crate::commands::{USAGE, complain_line};
use crate::site::{self, Site};
use crate::{http, logging};

/// A node may have much to fold before it answers.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(args: &ApplyArgs) -> Result<ExitCode> {
    logging::start("warn");
    let pack = match site::read(&args.site) {
        Ok(pack) => pack,
        Err(error) => {
            complain_line(&format!("{error:#}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    if let Err(mistakes) = Site::load(&pack) {
        for mistake in &mistakes {
            complain_line(&format!("{}/{mistake}", args.site));
        }
        complain_line(&format!(
            "{} mistake(s); nothing was changed",
            mistakes.len()
        ));
        return Ok(ExitCode::FAILURE);
    }
    let node = args.url.strip_prefix("http://").unwrap_or(&args.url);
    let node = node.trim_end_matches('/');
    let mut out = io::stdout().lock();
    let asked = ask(node, &args.operator, &pack, true)?;
    if !args.json {
        show(&asked, &mut out)?;
    }
    let answer = if args.dry_run || !asked.accepted || asked.unchanged {
        asked
    } else {
        ask(node, &args.operator, &pack, false)?
    };
    if args.json {
        writeln!(
            out,
            "{}",
            serde_json::to_string(&answer).context("cannot write the answer")?
        )?;
    } else if let Some(offset) = answer.offset {
        writeln!(out, "đã áp dụng / applied: inputs record {offset}")?;
    }
    Ok(if answer.accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn ask(node: &str, operator: &str, pack: &PackFiles, dry_run: bool) -> Result<ApplyAnswer> {
    let mut files = serde_json::Map::new();
    for path in pack.files.keys() {
        let text = pack
            .text(path)
            .with_context(|| format!("{path} is not UTF-8: a pack is text"))?;
        files.insert(path.clone(), text.into());
    }
    let body = json!({"operator": operator, "dry_run": dry_run, "files": files});
    let (status, answer) = http::call(node, "/api/v1/site", Some(&body.to_string()), PATIENCE)?;
    if status != 200 && status != 422 {
        let problem: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
        let detail = problem.get("detail").and_then(serde_json::Value::as_str);
        bail!(
            "http://{node} answered {status}: {}",
            detail.unwrap_or("no reason given")
        );
    }
    serde_json::from_slice(&answer)
        .with_context(|| format!("http://{node} is not a node of this release"))
}

fn show(answer: &ApplyAnswer, out: &mut impl Write) -> Result<()> {
    for mistake in &answer.mistakes {
        complain_line(&format!(
            "{}:{}: {}",
            mistake.file, mistake.line, mistake.message
        ));
    }
    if answer.unchanged {
        writeln!(out, "không có gì thay đổi / nothing changes")?;
    }
    for change in &answer.changes {
        side_by_side(change, out)?;
    }
    for file in &answer.other_files {
        writeln!(out, "tệp khác / other file: {file}")?;
    }
    Ok(())
}

/// Width of each half.
const HALF: usize = 62;

fn side_by_side(change: &RuleChange, out: &mut impl Write) -> Result<()> {
    let word = match change.change {
        RuleChangeKind::New => "mới / new",
        RuleChangeKind::Changed => "sửa / changed",
        RuleChangeKind::Gone => "bỏ / gone",
    };
    let trial = if change.shadow {
        " (chạy thử / on trial)"
    } else {
        ""
    };
    let version = |text: &Option<console::RuleText>| {
        text.as_ref()
            .map_or("–".to_owned(), |text| format!("v{}", text.version))
    };
    writeln!(
        out,
        "\n{}{trial}: {word}, {} → {}",
        change.rule,
        version(&change.old),
        version(&change.new)
    )?;
    let lines = |text: &Option<console::RuleText>| -> Vec<String> {
        text.iter()
            .flat_map(|text| text.text.lines().map(str::to_owned))
            .collect()
    };
    let (old, new) = (lines(&change.old), lines(&change.new));
    for (left, right) in aligned(&old, &new) {
        let mark = if left == right { ' ' } else { '|' };
        writeln!(
            out,
            "{} {mark} {}",
            cut(left.unwrap_or("")),
            cut(right.unwrap_or("")).trim_end()
        )?;
    }
    Ok(())
}

fn cut(line: &str) -> String {
    let mut text: String = line.chars().take(HALF).collect();
    let missing = HALF.saturating_sub(text.chars().count());
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// Lines beside each other: equal ones in one row, by the longest common sequence. Rules are short.
fn aligned<'a>(old: &'a [String], new: &'a [String]) -> Vec<(Option<&'a str>, Option<&'a str>)> {
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (i, left) in old.iter().enumerate().rev() {
        for (j, right) in new.iter().enumerate().rev() {
            common[i][j] = if left == right {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut rows) = (0, 0, Vec::new());
    let (mut lefts, mut rights): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let flush = |lefts: &mut Vec<&'a str>, rights: &mut Vec<&'a str>, rows: &mut Vec<_>| {
        for at in 0..lefts.len().max(rights.len()) {
            rows.push((lefts.get(at).copied(), rights.get(at).copied()));
        }
        lefts.clear();
        rights.clear();
    };
    while i < old.len() || j < new.len() {
        match (old.get(i), new.get(j)) {
            (Some(left), Some(right)) if left == right => {
                flush(&mut lefts, &mut rights, &mut rows);
                rows.push((Some(left.as_str()), Some(right.as_str())));
                (i, j) = (i + 1, j + 1);
            }
            (Some(left), right) if right.is_none() || common[i + 1][j] >= common[i][j + 1] => {
                lefts.push(left);
                i += 1;
            }
            (_, Some(right)) => {
                rights.push(right);
                j += 1;
            }
            (_, None) => i += 1,
        }
    }
    flush(&mut lefts, &mut rights, &mut rows);
    rows
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn equal_lines_stand_beside_each_other() {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let (old, new) = (lines("abcdf"), lines("axcef"));
        let rows = aligned(&old, &new);
        assert_eq!(
            rows,
            [
                (Some("a"), Some("a")),
                (Some("b"), Some("x")),
                (Some("c"), Some("c")),
                (Some("d"), Some("e")),
                (Some("f"), Some("f")),
            ]
        );
        assert_eq!(aligned(&[], &new).len(), 5);
    }
}
