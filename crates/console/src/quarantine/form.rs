//! From parameters and body to a question.

use event::{RejectCode, Text, Time};
use serde::Deserialize;

use super::{AdoptAsk, QuarantineFilter, ReprocessAsk};
use crate::problem::{self, Problem};
use crate::series::parse_instant;

const DEVICE_CHARS_MAX: usize = 256;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    code: Option<RejectCode>,
    device: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

impl Given {
    pub(crate) fn filter(self, now: Time) -> Result<QuarantineFilter, Problem> {
        let time = |key: &str, text: Option<String>| {
            text.map(|text| {
                parse_instant(&text, now).ok_or_else(|| {
                    problem::bad_request(
                        format!("{key} must be ISO 8601 with a zone, now, or so long ago (-6h)"),
                        format!("{key} phải là thời điểm ISO 8601 có múi giờ, now, hoặc khoảng trước đây (-6h)"),
                    )
                })
            })
            .transpose()
        };
        let (from, to) = (time("from", self.from)?, time("to", self.to)?);
        if self
            .device
            .as_ref()
            .is_some_and(|device| device.chars().count() > DEVICE_CHARS_MAX)
        {
            return Err(problem::bad_request(
                format!("device has at most {DEVICE_CHARS_MAX} characters"),
                format!("device tối đa {DEVICE_CHARS_MAX} ký tự"),
            ));
        }
        Ok(QuarantineFilter {
            code: self.code,
            device: self.device,
            from,
            to,
            offset: None,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdoptBody {
    operator: String,
    device: String,
    profile: String,
    name: Option<Text>,
    area: Option<String>,
}

impl AdoptBody {
    pub(crate) fn ask(self) -> Result<AdoptAsk, Problem> {
        let device = short("device", &self.device)?;
        let name = match self.name {
            Some(name) => Text {
                vi: short("name.vi", &name.vi)?,
                en: short("name.en", &name.en)?,
            },
            None => Text {
                vi: device.clone(),
                en: device.clone(),
            },
        };
        Ok(AdoptAsk {
            operator: crate::commands::operator(&self.operator)?,
            profile: short("profile", &self.profile)?,
            area: self.area.map(|area| short("area", &area)).transpose()?,
            device,
            name,
        })
    }
}

/// One line of text: it goes into a file.
fn short(field: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 120 || text.chars().any(char::is_control) {
        return Err(problem::bad_request(
            format!("{field} must be a text of 1 to 120 characters"),
            format!("{field} phải là văn bản từ 1 đến 120 ký tự"),
        ));
    }
    Ok(text.to_owned())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    operator: String,
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
    code: Option<RejectCode>,
    device: Option<String>,
    from: Option<String>,
    to: Option<String>,
    offset: Option<u64>,
}

impl Body {
    pub(crate) fn ask(self, now: Time) -> Result<ReprocessAsk, Problem> {
        let Self {
            operator,
            reason,
            dry_run,
            code,
            device,
            from,
            to,
            offset,
        } = self;
        let given = Given {
            code,
            device,
            from,
            to,
        };
        let mut filter = given.filter(now)?;
        filter.offset = offset;
        // Counting needs no reason; doing does.
        let reason = match (dry_run, reason) {
            (true, None) => String::new(),
            (_, reason) => crate::commands::words("reason", reason.as_deref())?,
        };
        Ok(ReprocessAsk {
            filter,
            operator: crate::commands::operator(&operator)?,
            // Until accounts exist: a typed name.
            verified: false,
            reason,
            dry_run,
        })
    }
}
