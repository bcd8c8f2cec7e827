//! The console's questions about series, answered by the archive. Two vocabularies meet here: neither crate knows the other.

use std::sync::Arc;

use archive::{Archive, Ask, Format, Problem, ProblemCode, Question};
use console::{
    SeriesAsk, SeriesBackend, SeriesFilter, SeriesFormat, SeriesProblem, SeriesProblemCode,
    SeriesQuery, SeriesStop,
};
use event::Text;

/// The archive as the console asks it.
pub(crate) struct Backend(pub(crate) Arc<Archive>);

impl SeriesBackend for Backend {
    fn answer(&self, query: &SeriesQuery, stop: &SeriesStop) -> Result<Vec<u8>, SeriesProblem> {
        let question = Question {
            ask: ask(&query.ask),
            zone: query.zone.clone(),
        };
        let answer = self.0.ask(&question, &|| stop.is_over()).map_err(problem)?;
        let format = match query.format {
            SeriesFormat::Json => Format::Json,
            SeriesFormat::Csv => Format::Csv,
        };
        let mut body = Vec::new();
        archive::render(&answer, format, &mut body).map_err(|error| SeriesProblem {
            code: SeriesProblemCode::Internal,
            detail: Text {
                vi: format!("không ghi được câu trả lời: {error}"),
                en: format!("the answer could not be written: {error}"),
            },
        })?;
        Ok(body)
    }
}

fn ask(ask: &SeriesAsk) -> Ask {
    match ask.clone() {
        SeriesAsk::Catalogue {
            filter,
            after,
            limit,
        } => Ask::Catalogue {
            filter: self::filter(filter),
            after,
            limit,
        },
        SeriesAsk::Range {
            entity,
            measure,
            from,
            to,
            interval_ns,
            aggregate,
            quality,
            drills,
            limit,
        } => Ask::Range {
            entity,
            measure,
            from,
            to,
            interval_ns,
            aggregate: self::aggregate(aggregate),
            quality: self::quality(quality),
            drills,
            limit,
        },
        SeriesAsk::Latest {
            filter,
            quality,
            after,
            limit,
        } => Ask::Latest {
            filter: self::filter(filter),
            quality: self::quality(quality),
            after,
            limit,
        },
        SeriesAsk::Top {
            measure,
            stream,
            from,
            to,
            aggregate,
            order,
            quality,
            n,
        } => Ask::Top {
            measure,
            stream,
            from,
            to,
            aggregate: self::aggregate(aggregate),
            order: match order {
                console::TopOrder::Highest => archive::Order::Highest,
                console::TopOrder::Lowest => archive::Order::Lowest,
            },
            quality: self::quality(quality),
            n,
        },
    }
}

fn filter(filter: SeriesFilter) -> archive::Filter {
    archive::Filter {
        entity: filter.entity,
        measure: filter.measure,
        stream: filter.stream,
    }
}

const fn aggregate(aggregate: console::Aggregate) -> archive::Aggregate {
    match aggregate {
        console::Aggregate::Mean => archive::Aggregate::Mean,
        console::Aggregate::Min => archive::Aggregate::Min,
        console::Aggregate::Max => archive::Aggregate::Max,
        console::Aggregate::Last => archive::Aggregate::Last,
        console::Aggregate::Count => archive::Aggregate::Count,
        console::Aggregate::Raw => archive::Aggregate::Raw,
    }
}

const fn quality(quality: console::QualityWanted) -> archive::QualityWanted {
    match quality {
        console::QualityWanted::Good => archive::QualityWanted::Good,
        console::QualityWanted::Any => archive::QualityWanted::Any,
    }
}

fn problem(problem: Problem) -> SeriesProblem {
    SeriesProblem {
        code: match problem.code {
            ProblemCode::Unknown => SeriesProblemCode::Unknown,
            ProblemCode::BadQuestion => SeriesProblemCode::BadQuestion,
            ProblemCode::TooBig => SeriesProblemCode::TooBig,
            ProblemCode::Stopped => SeriesProblemCode::Stopped,
            ProblemCode::Unavailable => SeriesProblemCode::Unavailable,
            ProblemCode::Internal => SeriesProblemCode::Internal,
        },
        detail: problem.detail,
    }
}
