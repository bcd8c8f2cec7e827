//! Parameters of the questions: read, checked against the bounds, or refused with what would be right.

use axum::http::{HeaderMap, header};
use event::{Stream, Time};
use serde::Deserialize;

use super::time::{duration_ns, instant};
use super::{
    Aggregate, QualityWanted, SeriesAsk, SeriesFilter, SeriesFormat, TopOrder, is_zone, problems,
};
use crate::config::ConsoleConfig;
use crate::problem::{self, Problem};
use crate::shared::Shared;

const DAY_NS: i64 = 86_400 * Time::SECOND;
/// Longer than any name of a catalogue.
const NAME_BYTES_MAX: usize = 128;
const PAGE_DEFAULT: usize = 1_000;
const TOP_DEFAULT: usize = 10;
const TOP_MAX: usize = 100;
/// Steps aimed at when the question names no interval: what a chart can show.
const STEPS_WANTED: i64 = 500;
/// Widths that people count in.
const WIDTHS_SECONDS: [i64; 14] = [
    1, 10, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000,
    31_536_000,
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogueGiven {
    entity: Option<String>,
    measure: Option<String>,
    stream: Option<Stream>,
    after: Option<String>,
    limit: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) format: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LatestGiven {
    entity: Option<String>,
    measure: Option<String>,
    stream: Option<Stream>,
    quality: Option<String>,
    after: Option<String>,
    limit: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) format: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RangeGiven {
    from: Option<String>,
    to: Option<String>,
    interval: Option<String>,
    aggregate: Option<String>,
    quality: Option<String>,
    drills: Option<String>,
    limit: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) format: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopGiven {
    measure: Option<String>,
    stream: Option<Stream>,
    n: Option<String>,
    window: Option<String>,
    to: Option<String>,
    order: Option<String>,
    aggregate: Option<String>,
    quality: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) format: Option<String>,
}

/// Reads parameters at one moment of journal time.
pub(super) struct Reading<'a> {
    config: &'a ConsoleConfig,
    now: Time,
}

impl<'a> Reading<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            config: &shared.config,
            now: shared.now(),
        }
    }

    /// Format and zone of the answer.
    pub(super) fn frame(
        &self,
        headers: &HeaderMap,
        format: Option<&str>,
        zone: Option<&str>,
    ) -> Result<(SeriesFormat, String), Problem> {
        let format = match format {
            Some("json") => SeriesFormat::Json,
            Some("csv") => SeriesFormat::Csv,
            Some(other) => return Err(choice("format", other, "json, csv")),
            None if accepts_csv(headers) => SeriesFormat::Csv,
            None => SeriesFormat::Json,
        };
        let zone = zone.unwrap_or(&self.config.series_zone);
        if !is_zone(zone) {
            return Err(wrong(
                "zone",
                zone,
                "an IANA name such as Asia/Ho_Chi_Minh or UTC",
                "tên múi giờ IANA, ví dụ Asia/Ho_Chi_Minh hoặc UTC",
            ));
        }
        Ok((format, zone.to_owned()))
    }

    pub(super) fn catalogue(&self, given: CatalogueGiven) -> Result<SeriesAsk, Problem> {
        Ok(SeriesAsk::Catalogue {
            filter: filter(given.entity, given.measure, given.stream)?,
            after: after(given.after)?,
            limit: self.limit(given.limit.as_deref(), PAGE_DEFAULT)?,
        })
    }

    pub(super) fn latest(&self, given: LatestGiven) -> Result<SeriesAsk, Problem> {
        Ok(SeriesAsk::Latest {
            filter: filter(given.entity, given.measure, given.stream)?,
            quality: quality(given.quality.as_deref(), QualityWanted::Any)?,
            after: after(given.after)?,
            limit: self.limit(given.limit.as_deref(), PAGE_DEFAULT)?,
        })
    }

    pub(super) fn range(
        &self,
        entity: String,
        measure: String,
        given: RangeGiven,
    ) -> Result<SeriesAsk, Problem> {
        let to = self.time("to", given.to.as_deref(), self.now)?;
        let from = self.time("from", given.from.as_deref(), to.plus(-DAY_NS))?;
        let span = self.span(from, to)?;
        let limit = self.limit(given.limit.as_deref(), self.config.series_points_max)?;
        let interval = given
            .interval
            .as_deref()
            .map(|text| duration("interval", text))
            .transpose()?;
        let aggregate = match given.aggregate.as_deref() {
            None => Aggregate::Mean,
            Some(text) => aggregate(text)?,
        };
        let interval_ns = match (aggregate, interval) {
            (Aggregate::Raw, Some(_)) => {
                return Err(problem::bad_request(
                    "aggregate=raw gives every point as recorded and takes no interval; leave one of the two out",
                    "aggregate=raw cho mọi điểm như đã ghi và không đi với interval; hãy bỏ một trong hai",
                ));
            }
            (Aggregate::Raw, None) => None,
            (_, Some(interval)) => Some(interval),
            (_, None) => Some(width(span, STEPS_WANTED.min(count(limit)))),
        };
        if let Some(interval) = interval_ns {
            steps_fit(span, interval, limit)?;
        }
        Ok(SeriesAsk::Range {
            entity: name("entity", entity)?,
            measure: name("measure", measure)?,
            from,
            to,
            interval_ns,
            aggregate,
            quality: quality(given.quality.as_deref(), QualityWanted::Good)?,
            drills: match given.drills.as_deref() {
                None | Some("false") => false,
                Some("true") => true,
                Some(other) => return Err(choice("drills", other, "true, false")),
            },
            limit,
        })
    }

    pub(super) fn top(&self, given: TopGiven) -> Result<SeriesAsk, Problem> {
        let measure = given.measure.ok_or_else(|| {
            problem::bad_request(
                "measure is missing: which measure are the entities to be compared by, for example measure=level",
                "thiếu measure: so sánh theo đại lượng nào, ví dụ measure=level",
            )
        })?;
        let order = match given.order.as_deref() {
            None | Some("highest") => TopOrder::Highest,
            Some("lowest") => TopOrder::Lowest,
            Some(other) => return Err(choice("order", other, "highest, lowest")),
        };
        let aggregate = match given.aggregate.as_deref() {
            None if order == TopOrder::Highest => Aggregate::Max,
            None => Aggregate::Min,
            Some("raw") => return Err(choice("aggregate", "raw", "mean, min, max, last, count")),
            Some(text) => aggregate(text)?,
        };
        let window = duration("window", given.window.as_deref().unwrap_or("PT1H"))?;
        let to = self.time("to", given.to.as_deref(), self.now)?;
        let from = to.plus(-window);
        self.span(from, to)?;
        Ok(SeriesAsk::Top {
            measure: name("measure", measure)?,
            stream: given.stream,
            from,
            to,
            aggregate,
            order,
            quality: quality(given.quality.as_deref(), QualityWanted::Good)?,
            n: whole("n", given.n.as_deref(), TOP_DEFAULT, TOP_MAX)?,
        })
    }

    fn time(&self, key: &str, text: Option<&str>, default: Time) -> Result<Time, Problem> {
        let Some(text) = text else {
            return Ok(default);
        };
        instant(text, self.now).ok_or_else(|| {
            wrong(
                key,
                text,
                "an instant with its zone such as 2024-09-08T06:00:00+07:00 or 2024-09-07T23:00:00Z, \
                 or now, or so long ago such as -6h, -90m, -3d",
                "thời điểm có múi giờ như 2024-09-08T06:00:00+07:00 hoặc 2024-09-07T23:00:00Z, \
                 hoặc now, hoặc khoảng lùi như -6h, -90m, -3d",
            )
        })
    }

    fn span(&self, from: Time, to: Time) -> Result<i64, Problem> {
        if from >= to {
            return Err(problem::bad_request(
                format!("from ({from}) must be before to ({to})"),
                format!("from ({from}) phải trước to ({to})"),
            ));
        }
        let span = to.since(from);
        let days_max = self.config.series_days_max;
        if span > i64::from(days_max).saturating_mul(DAY_NS) {
            return Err(problems::too_big(
                format!("from and to are more than {days_max} days apart; ask in several parts"),
                format!("from và to cách nhau hơn {days_max} ngày; hãy chia thành nhiều câu hỏi"),
            ));
        }
        Ok(span)
    }

    fn limit(&self, text: Option<&str>, default: usize) -> Result<usize, Problem> {
        let most = self.config.series_points_max;
        whole("limit", text, default.min(most), most)
    }
}

fn accepts_csv(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.trim_start().starts_with("text/csv"))
}

fn filter(
    entity: Option<String>,
    measure: Option<String>,
    stream: Option<Stream>,
) -> Result<SeriesFilter, Problem> {
    Ok(SeriesFilter {
        entity: entity.map(|text| name("entity", text)).transpose()?,
        measure: measure.map(|text| name("measure", text)).transpose()?,
        stream,
    })
}

fn name(key: &str, text: String) -> Result<String, Problem> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX || text.contains(char::is_control) {
        let short: String = text.chars().take(40).collect();
        return Err(wrong(
            key,
            &short,
            "a name as /api/v1/series lists it",
            "tên như trong danh sách /api/v1/series",
        ));
    }
    Ok(text)
}

fn after(text: Option<String>) -> Result<Option<(String, String)>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let Some((entity, measure)) = text.rsplit_once('/') else {
        return Err(wrong(
            "after",
            &text,
            "the last entity and measure of the page before, as entity/measure",
            "đối tượng và đại lượng cuối của trang trước, dạng entity/measure",
        ));
    };
    Ok(Some((
        name("after", entity.to_owned())?,
        name("after", measure.to_owned())?,
    )))
}

fn aggregate(text: &str) -> Result<Aggregate, Problem> {
    Ok(match text {
        "mean" => Aggregate::Mean,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "last" => Aggregate::Last,
        "count" => Aggregate::Count,
        "raw" => Aggregate::Raw,
        other => {
            return Err(choice(
                "aggregate",
                other,
                "mean, min, max, last, count, raw",
            ));
        }
    })
}

fn quality(text: Option<&str>, default: QualityWanted) -> Result<QualityWanted, Problem> {
    match text {
        None => Ok(default),
        Some("good") => Ok(QualityWanted::Good),
        Some("any") => Ok(QualityWanted::Any),
        Some(other) => Err(choice("quality", other, "good, any")),
    }
}

fn duration(key: &str, text: &str) -> Result<i64, Problem> {
    duration_ns(text)
        .filter(|ns| *ns >= Time::SECOND)
        .ok_or_else(|| {
            wrong(
                key,
                text,
                "an ISO 8601 duration of at least a second such as PT10M, PT1H, P1D",
                "khoảng thời gian ISO 8601 ít nhất một giây như PT10M, PT1H, P1D",
            )
        })
}

fn whole(key: &str, text: Option<&str>, default: usize, most: usize) -> Result<usize, Problem> {
    let Some(text) = text else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| {
            wrong(
                key,
                text,
                &format!("a whole number from 1 to {most}"),
                &format!("số nguyên từ 1 đến {most}"),
            )
        })
}

fn steps_fit(span: i64, interval: i64, limit: usize) -> Result<(), Problem> {
    // One more for a first step that begins before `from`.
    let steps = span / interval + 1;
    if steps <= count(limit) {
        return Ok(());
    }
    let wider = width(span, count(limit)) / Time::SECOND;
    Err(problems::too_big(
        format!(
            "{steps} steps, but an answer holds at most {limit} points: take an interval of PT{wider}S or more, or a shorter span"
        ),
        format!(
            "{steps} bước, trong khi mỗi câu trả lời có tối đa {limit} điểm: hãy dùng interval từ PT{wider}S trở lên, hoặc khoảng thời gian ngắn hơn"
        ),
    ))
}

/// The narrowest usual width that cuts `span` into fewer than `most` steps.
fn width(span: i64, most: i64) -> i64 {
    let fits = |width: &i64| span / width < most;
    let mut usual = WIDTHS_SECONDS.iter().map(|seconds| seconds * Time::SECOND);
    // Beyond the widest usual one any width must do: whole seconds.
    usual
        .find(fits)
        .unwrap_or_else(|| (span / most.max(1) / Time::SECOND + 1) * Time::SECOND)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn choice(key: &str, got: &str, known: &str) -> Problem {
    wrong(
        key,
        got,
        &format!("one of {known}"),
        &format!("một trong {known}"),
    )
}

fn wrong(key: &str, got: &str, right: &str, right_vi: &str) -> Problem {
    problem::bad_request(
        format!("{key} must be {right}; got {got:?}"),
        format!("{key} phải là {right_vi}; đã nhận {got:?}"),
    )
}
