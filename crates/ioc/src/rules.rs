//! The rules in force, for the page: their texts, what the last change changed, and a new pack put into the journal.
//!
//! A pack is handed in whole. It is checked as the fold will check it, goes into `inputs` as one configuration record, and is in
//! force once the fold has passed that record; then the screens are told. A bad pack changes nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use console::{
    ApplyAnswer, ApplyAsk, RuleInForce, RulesBackend, RulesDiff, RulesInForce, RulesMistake,
    RulesProblem, SiteInfo,
};
use event::{PackFiles, Text, Time};
use journal::inputs::{Configuration, Kind};
use journal::{Batch, Class, Journal};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::monitor::Progress;
use crate::rule_tools::texts;
use crate::screens;
use crate::site::Site;

/// How long the fold may take to reach the record.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Bounds of a pack, as where it is read from a folder.
const BYTES_MAX: usize = 8 << 20;

struct Current {
    pack: PackFiles,
    rules: Vec<RuleInForce>,
    last: Option<RulesDiff>,
}

/// The backend of a running node.
pub(crate) struct Rules {
    inputs: Journal,
    progress: watch::Receiver<Progress>,
    site: watch::Sender<Arc<SiteInfo>>,
    current: Mutex<Current>,
    /// One pack at a time.
    working: Mutex<()>,
}

impl Rules {
    /// `pack` is the one in force.
    pub(crate) fn new(
        inputs: Journal,
        progress: watch::Receiver<Progress>,
        site: watch::Sender<Arc<SiteInfo>>,
        pack: PackFiles,
        compiled: Option<&Site>,
    ) -> Arc<Self> {
        let rules = compiled.map(|site| listed(&pack, site)).unwrap_or_default();
        Arc::new(Self {
            inputs,
            progress,
            site,
            current: Mutex::new(Current {
                pack,
                rules,
                last: None,
            }),
            working: Mutex::new(()),
        })
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the offset of the record once it is in force.
    fn put_in_force(&self, content: &[u8]) -> Result<u64> {
        let record = Configuration {
            name: "site",
            sha256: Sha256::digest(content).into(),
            content,
        };
        let mut batch = Batch::with_capacity(content.len() + 256);
        batch.push(Kind::Configuration as u8, |buffer| record.encode(buffer));
        let ticket = self
            .inputs
            .appender()
            .append_blocking(Class::System, batch)
            .context("the journal takes no configuration at the moment")?;
        let offset = ticket
            .wait()
            .context("it is not known whether the configuration was recorded")?
            .first_offset;
        let until = Instant::now() + PATIENCE;
        while self.progress.borrow().next_input <= offset {
            if Instant::now() >= until {
                bail!(
                    "the configuration is recorded (inputs record {offset}); the monitor has not reached it yet"
                );
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
        Ok(offset)
    }

    /// Journal time of a record that is there.
    fn time_of(&self, offset: u64) -> Option<Time> {
        let read = self.inputs.reader(offset).next_blocking(Some(PATIENCE));
        let batch = read
            .inspect_err(
                |error| tracing::warn!(%error, offset, "the record of a site pack cannot be read"),
            )
            .ok()??;
        let frame = batch.frames().next()?;
        Some(Time(frame.stamp.journal_ns))
    }
}

/// The rules of a pack with their texts; those on trial too.
fn listed(pack: &PackFiles, site: &Site) -> Vec<RuleInForce> {
    let infos: Vec<(Value, alert::RuleInfo)> = site
        .rules
        .info()
        .into_iter()
        .map(|info| (serde_json::to_value(&info).unwrap_or_default(), info))
        .collect();
    let mut rules = Vec::new();
    for ((shadow, id), text) in texts::texts(pack) {
        // A rule and its next version on trial have one id and two versions.
        let found = infos
            .iter()
            .find(|(_, info)| info.id == id && info.version == text.version);
        let info = found.map(|(_, info)| info);
        rules.push(RuleInForce {
            version: text.version,
            shadow,
            severity: info.map(|info| info.severity),
            stream: info.map(|info| info.stream),
            measure: info.and_then(|info| info.measure.clone()),
            title: info.map(|info| info.title.clone()),
            condition: info.map(|info| info.condition.clone()),
            unofficial: info.is_some_and(|info| info.unofficial),
            cost: found.and_then(|(value, _)| value.get("cost").and_then(Value::as_u64)),
            id,
            text,
        });
    }
    rules
}

impl RulesBackend for Rules {
    fn in_force(&self) -> RulesInForce {
        let current = self.current();
        let digest = Sha256::digest(current.pack.to_bytes());
        RulesInForce {
            limits: texts::limits(&current.pack),
            pack: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            rules: current.rules.clone(),
        }
    }

    fn last_change(&self) -> Option<RulesDiff> {
        self.current().last.clone()
    }

    fn apply(&self, ask: &ApplyAsk) -> Result<ApplyAnswer, RulesProblem> {
        let _turn = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let files = ask
            .files
            .iter()
            .map(|(path, text)| (path.clone(), text.clone().into_bytes()));
        let pack = PackFiles {
            files: files.collect(),
        };
        let content = pack.to_bytes();
        let mut answer = ApplyAnswer {
            dry_run: ask.dry_run,
            ..ApplyAnswer::default()
        };
        if content.len() > BYTES_MAX {
            answer.mistakes.push(RulesMistake {
                file: String::new(),
                line: 0,
                message: format!("a site pack has at most {BYTES_MAX} bytes"),
            });
            return Ok(answer);
        }
        let site = match Site::load(&pack) {
            Ok(site) => site,
            Err(mistakes) => {
                answer.mistakes = mistakes
                    .into_iter()
                    .map(|mistake| RulesMistake {
                        file: mistake.file,
                        line: mistake.line,
                        message: mistake.message,
                    })
                    .collect();
                return Ok(answer);
            }
        };
        answer.accepted = true;
        {
            let current = self.current();
            answer.unchanged = current.pack == pack;
            answer.changes = texts::changes(&current.pack, &pack);
            answer.other_files = texts::other_files(&current.pack, &pack);
        }
        if ask.dry_run || answer.unchanged {
            return Ok(answer);
        }
        let offset = self
            .put_in_force(&content)
            .map_err(|error| problem(&error))?;
        answer.offset = Some(offset);
        let rules = listed(&pack, &site);
        let at = self.time_of(offset);
        {
            let mut current = self.current();
            current.rules = rules;
            current.pack = pack;
            current.last = Some(RulesDiff {
                offset,
                at,
                operator: ask.operator.clone(),
                changes: answer.changes.clone(),
                other_files: answer.other_files.clone(),
            });
        }
        self.site.send_replace(Arc::new(screens::site_info(&site)));
        tracing::info!(
            operator = ask.operator,
            offset,
            changed = answer.changes.len(),
            "a site pack was handed in and is in force"
        );
        Ok(answer)
    }
}

fn problem(error: &anyhow::Error) -> RulesProblem {
    RulesProblem {
        detail: Text {
            vi: format!("chưa áp dụng được, hãy thử lại sau: {error:#}"),
            en: format!("it could not be applied, try again later: {error:#}"),
        },
    }
}
