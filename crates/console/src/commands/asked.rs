//! What the fields of a command about one alert ask for.

use event::{Action, Time};

use super::body::{self, Fields, Kind};
use crate::problem::{self, Problem};

/// Journal time until which a shelved alert stays hidden.
const SHELVE_SECONDS_MAX: i64 = 24 * 3_600;

impl Kind {
    /// The fields that such a command takes besides those of all.
    const fn takes(self) -> &'static [&'static str] {
        match self {
            Self::Acknowledge | Self::Unshelve | Self::Reset | Self::UnmarkFalse => &[],
            Self::Shelve => &["until", "duration_seconds", "reason", "one_shot"],
            Self::Comment => &["text"],
            Self::Assign => &["to"],
            Self::Escalate => &["level", "reason"],
            Self::Close => &["cause", "text"],
            Self::Reopen | Self::MarkFalse => &["reason"],
        }
    }
}

impl Fields {
    /// The action; a field that it does not take is a mistake.
    pub(super) fn action(&self, kind: Kind, now: Time) -> Result<Action, Problem> {
        let given = [
            ("until", self.until.is_some()),
            ("duration_seconds", self.duration_seconds.is_some()),
            ("reason", self.reason.is_some()),
            ("text", self.text.is_some()),
            ("one_shot", self.one_shot.is_some()),
            ("to", self.to.is_some()),
            ("level", self.level.is_some()),
            ("cause", self.cause.is_some()),
        ];
        let strange: Vec<&str> = given
            .iter()
            .filter(|(name, given)| *given && !kind.takes().contains(name))
            .map(|(name, _)| *name)
            .collect();
        if !strange.is_empty() {
            return Err(unexpected(&strange.join(", ")));
        }
        let reason = || body::words("reason", self.reason.as_deref());
        Ok(match kind {
            Kind::Acknowledge => Action::Acknowledge,
            Kind::Unshelve => Action::Unshelve,
            Kind::Reset => Action::Reset,
            Kind::UnmarkFalse => Action::UnmarkFalse,
            Kind::Comment => Action::Comment {
                text: body::words("text", self.text.as_deref())?,
            },
            Kind::Shelve => Action::Shelve {
                until: self.shelved_until(now)?,
                reason: reason()?,
                one_shot: self.one_shot.unwrap_or_default(),
            },
            Kind::Assign => Action::Assign {
                // Nobody any more, where it is left out.
                to: match self.to.as_deref().map(str::trim) {
                    None | Some("") => String::new(),
                    Some(to) => body::operator(to)?,
                },
            },
            Kind::Escalate => Action::Escalate {
                level: self.level.as_deref().map(event::Name::from),
                reason: reason()?,
            },
            Kind::Close => Action::Close {
                cause: self.cause.ok_or_else(cause_missing)?,
                text: match self.text.as_deref() {
                    None => String::new(),
                    text => body::words("text", text)?,
                },
            },
            Kind::Reopen => Action::Reopen { reason: reason()? },
            Kind::MarkFalse => Action::MarkFalse { reason: reason()? },
        })
    }

    fn shelved_until(&self, now: Time) -> Result<Time, Problem> {
        let until = match (self.until, self.duration_seconds) {
            (Some(until), None) => Some(until),
            (None, Some(seconds @ 1..=SHELVE_SECONDS_MAX)) => {
                Some(now.plus(seconds * Time::SECOND))
            }
            _ => None,
        };
        until.filter(|until| *until > now).ok_or_else(|| {
            problem::bad_request(
                "give either until, an instant to come, or duration_seconds, from 1 to 86400",
                "cần until (thời điểm trong tương lai) hoặc duration_seconds (1 đến 86400)",
            )
        })
    }
}

fn cause_missing() -> Problem {
    problem::bad_request(
        "cause is one of handled, false_alert, sensor_fault, maintenance, duplicate, exercise, other",
        "cần cause: handled, false_alert, sensor_fault, maintenance, duplicate, exercise hoặc other",
    )
}

fn unexpected(fields: &str) -> Problem {
    problem::bad_request(
        format!("this command does not take {fields}"),
        format!("lệnh này không nhận {fields}"),
    )
}
