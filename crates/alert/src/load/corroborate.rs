//! `[rule.corroborate]`: whether those around say so too.

use event::Severity;

use super::rules::{Names, Reader, SECOND, SEVERITIES, report};
use super::source::Table;
use crate::cel::{self, compile};
use crate::ruleset::{Around, Corroborate, Side};

const KM_MAX: f64 = 200.0;
const AT_LEAST_MAX: u32 = 32;
const WINDOW_DEFAULT_NS: i64 = 1_800 * SECOND;
/// Longest `window` and longest `travel`.
const LENGTH_NS_MAX: i64 = 24 * 3_600 * SECOND;

const SIDES: [(&str, Side); 3] = [
    ("upstream", Side::Upstream),
    ("downstream", Side::Downstream),
    ("both", Side::Both),
];

impl Reader<'_, '_, '_> {
    pub(super) fn corroborate(
        &mut self,
        names: &Names<'_>,
        site: bool,
        severity: Option<Severity>,
    ) -> Option<Corroborate> {
        let table = self.table.table("corroborate")?;
        let source = self.table.source;
        if site {
            source.error(table.at, "a rule for the whole site has no neighbours");
        }
        let text = table.text("condition");
        let condition = text.as_ref().map(|text| {
            let program = compile(text.value, cel::Kind::Boolean, names, &mut self.need);
            program.map_err(|mistakes| report(source, text, &mistakes))
        });
        let at_least = table.count("at_least", 1..AT_LEAST_MAX + 1);
        let window = length(&table, "window");
        let around = around(&table);
        let lone = severity_of(&table);
        if let (Some((lone, at)), Some(full)) = (lone, severity)
            && lone < full
        {
            source.error(at, "`lone_severity` is graver than `severity`");
        }
        table.finish();
        let window_ns = window.unwrap_or(WINDOW_DEFAULT_NS);
        let around = around?;
        let travel_ns = match around {
            Around::River { travel_ns, .. } => travel_ns,
            Around::Distance { .. } => 0,
        };
        // A neighbour is asked about its points that far back.
        for window in &mut self.need.windows {
            *window = window.saturating_add(window_ns.saturating_add(travel_ns));
        }
        Some(Corroborate {
            condition: match condition {
                Some(condition) => Some(condition.ok()?),
                None => None,
            },
            at_least: at_least.map_or(1, |count| count.value),
            around,
            window_ns,
            lone_severity: lone
                .map_or(Severity::Warning, |(lone, _)| lone)
                .max(severity?),
        })
    }
}

fn length(table: &Table<'_, '_>, key: &'static str) -> Option<i64> {
    let length = table.duration(key)?;
    if !(SECOND..=LENGTH_NS_MAX).contains(&length.value) {
        let message = format!("`{key}` lasts between 1 s and 24 h");
        table.source.error(length.span.start, message);
        return None;
    }
    Some(length.value)
}

fn around(table: &Table<'_, '_>) -> Option<Around> {
    let (km, river) = (table.number("within_km"), table.text("river"));
    let travel = length(table, "travel");
    match (km, river) {
        (Some(_), Some(river)) => {
            let message = "`within_km` and `river` exclude each other";
            table.source.error(river.span.start, message);
            None
        }
        (Some(km), None) => {
            table.refuse("travel", "goes with `river`");
            if km.value <= 0.0 || km.value > KM_MAX {
                let message = format!("`within_km` lies above 0 and not above {KM_MAX}");
                table.source.error(km.span.start, message);
                return None;
            }
            Some(Around::Distance { km: km.value })
        }
        (None, Some(river)) => {
            let side = SIDES.iter().find(|(name, _)| *name == river.value);
            if side.is_none() {
                let message = "`river` is one of upstream, downstream, both";
                table.source.error(river.span.start, message);
            }
            let travel_ns = table.need("travel", travel)?;
            side.map(|(_, side)| Around::River {
                side: *side,
                travel_ns,
            })
        }
        (None, None) => {
            if !table.has("within_km") && !table.has("river") {
                let message = format!("{}: `within_km` or `river` is missing", table.what);
                table.source.error(table.at, message);
            }
            None
        }
    }
}

fn severity_of(table: &Table<'_, '_>) -> Option<(Severity, usize)> {
    let text = table.text("lone_severity")?;
    let found = SEVERITIES.iter().find(|(name, _)| *name == text.value);
    if found.is_none() {
        let names: Vec<&str> = SEVERITIES.iter().map(|(name, _)| *name).collect();
        let message = format!("`lone_severity` is one of {}", names.join(", "));
        table.source.error(text.span.start, message);
    }
    found.map(|(_, severity)| (*severity, text.span.start))
}
