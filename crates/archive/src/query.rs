//! Questions and their bounds.

mod known;
mod range;
mod steps;
mod top;
mod zone;

use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::config::QueryConfig;
use crate::error::{Problem, ProblemCode};
use crate::question::{Ask, QualityWanted, Question};
use crate::store::Archive;
pub(crate) use known::{scalar, text};
use zone::Zone;

/// Rows decoded at a time.
const SCAN_ROWS: usize = 8_192;

impl Archive {
    /// Answers a question. May block; `stop` is asked every few thousand rows, true gives up.
    pub fn ask(&self, question: &Question, stop: &dyn Fn() -> bool) -> Result<Answer, Problem> {
        let zone = Zone::named(&question.zone)?;
        let mut work = Work::new(&self.shared.config.query, stop);
        match &question.ask {
            Ask::Catalogue {
                filter,
                after,
                limit,
            } => self
                .catalogue(&work, &zone, filter, after.as_ref(), *limit)
                .map(Answer::Catalogue),
            Ask::Latest {
                filter,
                quality,
                after,
                limit,
            } => self
                .latest(&work, &zone, filter, *quality, after.as_ref(), *limit)
                .map(Answer::Latest),
            Ask::Range {
                entity,
                measure,
                from,
                to,
                interval_ns,
                aggregate,
                quality,
                drills,
                limit,
            } => {
                let wanted = range::Wanted {
                    entity,
                    measure,
                    from: from.0,
                    to: to.0,
                    quality: *quality,
                    drills: *drills,
                };
                self.range(&mut work, &zone, &wanted, *interval_ns, *aggregate, *limit)
                    .map(Answer::Range)
            }
            Ask::Top {
                measure,
                stream,
                from,
                to,
                aggregate,
                order,
                quality,
                n,
            } => {
                let wanted = top::Wanted {
                    measure,
                    stream: *stream,
                    from: from.0,
                    to: to.0,
                    aggregate: *aggregate,
                    order: *order,
                    quality: *quality,
                    n: *n,
                };
                self.top(&mut work, &zone, &wanted).map(Answer::Top)
            }
        }
    }
}

impl QualityWanted {
    const fn takes(self, bits: u16) -> bool {
        match self {
            Self::Good => bits == 0,
            Self::Any => true,
        }
    }
}

/// What a question may still use.
struct Work<'a> {
    config: &'a QueryConfig,
    stop: &'a dyn Fn() -> bool,
    until: Instant,
    files: usize,
    rows: u64,
}

impl<'a> Work<'a> {
    fn new(config: &'a QueryConfig, stop: &'a dyn Fn() -> bool) -> Self {
        Self {
            config,
            stop,
            until: Instant::now() + Duration::from_millis(config.timeout_ms),
            files: 0,
            rows: 0,
        }
    }

    fn go_on(&self) -> Result<(), Problem> {
        if (self.stop)() || Instant::now() >= self.until {
            Err(Problem::stopped())
        } else {
            Ok(())
        }
    }

    fn files(&mut self, count: usize) -> Result<(), Problem> {
        self.files += count;
        if self.files > self.config.files_max {
            return Err(too_big(
                format!(
                    "phải mở hơn {} tệp; hãy chọn khoảng thời gian ngắn hơn",
                    self.config.files_max
                ),
                format!(
                    "more than {} files would have to be opened; ask for a shorter span",
                    self.config.files_max
                ),
            ));
        }
        self.go_on()
    }

    fn rows(&mut self, count: usize) -> Result<(), Problem> {
        self.rows += count as u64;
        if self.rows > self.config.rows_max {
            return Err(too_big(
                format!(
                    "phải đọc hơn {} dòng; hãy chọn khoảng thời gian ngắn hơn hoặc một luồng",
                    self.config.rows_max
                ),
                format!(
                    "more than {} rows would have to be read; ask for a shorter span or one stream",
                    self.config.rows_max
                ),
            ));
        }
        self.go_on()
    }
}

fn too_big(vi: impl Into<String>, en: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::TooBig, vi, en)
}

fn bad(vi: impl Into<String>, en: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::BadQuestion, vi, en)
}

fn check_limit(limit: usize, max: usize) -> Result<(), Problem> {
    if limit == 0 {
        Err(bad("limit phải từ 1", "limit must be at least 1"))
    } else if limit > max {
        Err(too_big(
            format!("limit không quá {max}; hãy xem từng trang"),
            format!("limit is at most {max}; ask page by page"),
        ))
    } else {
        Ok(())
    }
}

fn check_span(from: i64, to: i64) -> Result<(), Problem> {
    if from < to {
        Ok(())
    } else {
        Err(bad("from phải trước to", "from must lie before to"))
    }
}
