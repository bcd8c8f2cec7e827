//! An answer as a table for people, CSV, JSON or Parquet.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::answer::{
    Answer, CatalogueAnswer, LatestAnswer, LatestValue, PointOut, Scalar, SeriesAnswer, SeriesInfo,
    SeriesName, TopAnswer, TopEntry,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Table,
    Csv,
    Json,
    Parquet,
}

/// Writes `answer`. Bounded by the answer, which is bounded by the question's limits.
pub fn render(answer: &Answer, format: Format, out: &mut (dyn Write + Send)) -> io::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, answer)?;
            out.write_all(b"\n")
        }
        Format::Csv => Sheet::of(answer).csv(out),
        Format::Table => Sheet::of(answer).table(out),
        Format::Parquet => Sheet::of(answer)
            .parquet(out)
            .map_err(|error| io::Error::other(error.to_string())),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Empty,
    Text(String),
    Number(f64),
    Count(u64),
}

/// An answer as rows; what is the same for all of them is in the notes.
struct Sheet {
    notes: Vec<(&'static str, String)>,
    names: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

fn scalar(value: &Scalar) -> Cell {
    match value {
        Scalar::Number(number) => Cell::Number(*number),
        Scalar::Boolean(boolean) => Cell::Text(boolean.to_string()),
        Scalar::Code(code) => Cell::Text(code.clone()),
    }
}

/// `good` says more to a reader than an empty cell.
fn quality(names: &[&str]) -> Cell {
    Cell::Text(if names.is_empty() {
        "good".to_owned()
    } else {
        names.join("+")
    })
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn name(name: &SeriesName) -> [Cell; 5] {
    [
        text(&name.site),
        text(&name.entity),
        text(&name.measure),
        text(&name.unit),
        text(name.stream),
    ]
}

const NAME: [&str; 5] = ["site", "entity", "measure", "unit", "stream"];

impl Sheet {
    fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Range(answer) => Self::of_range(answer),
            Answer::Catalogue(answer) => Self::of_catalogue(answer),
            Answer::Latest(answer) => Self::of_latest(answer),
            Answer::Top(answer) => Self::of_top(answer),
        }
    }

    fn of_range(answer: &SeriesAnswer) -> Self {
        let steps = answer.interval_seconds.is_some();
        let mut names = vec!["entity", "measure", "unit", "time", "value", "quality"];
        names.extend(if steps {
            &["count", "min", "max"][..]
        } else {
            &["status"][..]
        });
        let series = &answer.series;
        let row = |point: &PointOut| {
            let number = |number: Option<f64>| number.map_or(Cell::Empty, Cell::Number);
            let mut row = vec![
                text(&series.entity),
                text(&series.measure),
                text(&series.unit),
                text(&point.time),
                point.value.as_ref().map_or(Cell::Empty, scalar),
                quality(&point.quality),
            ];
            if steps {
                row.push(point.count.map_or(Cell::Empty, Cell::Count));
                row.extend([number(point.min), number(point.max)]);
            } else {
                row.push(text(point.status.unwrap_or("actual")));
            }
            row
        };
        let mut notes = vec![
            ("site", series.site.clone()),
            ("stream", series.stream.to_owned()),
            ("unit", series.unit.clone()),
            ("from", answer.from.clone()),
            ("to", answer.to.clone()),
            ("zone", answer.zone.clone()),
            ("aggregate", answer.aggregate.to_owned()),
            ("quality", answer.quality.to_owned()),
        ];
        if let Some(seconds) = answer.interval_seconds {
            notes.push(("interval_seconds", seconds.to_string()));
        }
        if let Some(next) = &answer.next {
            notes.push(("next", next.clone()));
        }
        Self {
            rows: answer.points.iter().map(row).collect(),
            names,
            notes,
        }
    }

    fn of_catalogue(answer: &CatalogueAnswer) -> Self {
        let row = |series: &SeriesInfo| {
            let rest = [
                text(&series.first),
                text(&series.last),
                Cell::Count(series.points),
            ];
            name(&series.name).into_iter().chain(rest).collect()
        };
        Self {
            notes: vec![
                ("zone", answer.zone.clone()),
                ("truncated", answer.truncated.to_string()),
            ],
            names: NAME
                .into_iter()
                .chain(["first", "last", "points"])
                .collect(),
            rows: answer.series.iter().map(row).collect(),
        }
    }

    fn of_latest(answer: &LatestAnswer) -> Self {
        let row = |latest: &LatestValue| {
            let rest = [
                text(&latest.time),
                scalar(&latest.value),
                quality(&latest.quality),
            ];
            name(&latest.name).into_iter().chain(rest).collect()
        };
        Self {
            notes: vec![
                ("zone", answer.zone.clone()),
                ("quality", answer.quality.to_owned()),
                ("truncated", answer.truncated.to_string()),
            ],
            names: NAME
                .into_iter()
                .chain(["time", "value", "quality"])
                .collect(),
            rows: answer.latest.iter().map(row).collect(),
        }
    }

    fn of_top(answer: &TopAnswer) -> Self {
        let row = |entry: &TopEntry| {
            vec![
                Cell::Count(u64::from(entry.rank)),
                text(&entry.site),
                text(&entry.entity),
                text(entry.stream),
                text(&answer.measure),
                text(&answer.unit),
                Cell::Number(entry.value),
                text(&entry.time),
                Cell::Count(entry.count),
                quality(&entry.quality),
            ]
        };
        Self {
            notes: vec![
                ("from", answer.from.clone()),
                ("to", answer.to.clone()),
                ("zone", answer.zone.clone()),
                ("aggregate", answer.aggregate.to_owned()),
                ("order", answer.order.to_owned()),
                ("quality", answer.quality.to_owned()),
            ],
            names: vec![
                "rank", "site", "entity", "stream", "measure", "unit", "value", "time", "count",
                "quality",
            ],
            rows: answer.top.iter().map(row).collect(),
        }
    }

    /// Header line and rows by RFC 4180; times carry their offset.
    fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.names.join(","))?;
        for row in &self.rows {
            for (at, cell) in row.iter().enumerate() {
                if at > 0 {
                    out.write_all(b",")?;
                }
                csv_cell(cell, out)?;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let shown: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(Cell::shown).collect())
            .collect();
        let widths: Vec<usize> = self
            .names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let cells = shown.iter().filter_map(|row| row.get(at));
                cells
                    .map(|cell| cell.chars().count())
                    .chain([name.len()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let cells: Vec<String> = cells
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            writeln!(out, "{}", cells.join("  ").trim_end())
        };
        line(&mut self.names.iter().copied())?;
        for row in &shown {
            line(&mut row.iter().map(String::as_str))?;
        }
        for (key, value) in &self.notes {
            writeln!(out, "# {key}: {value}")?;
        }
        Ok(())
    }

    fn parquet(&self, out: &mut (dyn Write + Send)) -> ParquetResult<()> {
        let numeric: Vec<bool> = (0..self.names.len())
            .map(|at| {
                let mut cells = self.rows.iter().filter_map(|row| row.get(at)).peekable();
                cells.peek().is_some() && cells.all(|cell| !matches!(cell, Cell::Text(_)))
            })
            .collect();
        let fields = self.names.iter().zip(&numeric).map(|(name, numeric)| {
            if *numeric {
                format!("optional double {name};")
            } else {
                format!("optional binary {name} (STRING);")
            }
        });
        let schema = format!("message answer {{ {} }}", fields.collect::<String>());
        let notes = self
            .notes
            .iter()
            .map(|(key, value)| KeyValue::new(format!("ioc.{key}"), value.clone()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_key_value_metadata(Some(notes.collect()))
            .build();
        let schema = Arc::new(parse_message_type(&schema)?);
        let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        for at in 0..self.names.len() {
            let Some(mut column) = group.next_column()? else {
                return Err(ParquetError::General("fewer columns than names".into()));
            };
            let cells = || self.rows.iter().filter_map(|row| row.get(at));
            let levels: Vec<i16> = cells()
                .map(|cell| i16::from(*cell != Cell::Empty))
                .collect();
            match column.untyped() {
                ColumnWriter::DoubleColumnWriter(to) => {
                    let values: Vec<f64> = cells().filter_map(Cell::number).collect();
                    to.write_batch(&values, Some(&levels), None)?;
                }
                ColumnWriter::ByteArrayColumnWriter(to) => {
                    let values: Vec<ByteArray> = cells()
                        .filter(|cell| **cell != Cell::Empty)
                        .map(|cell| ByteArray::from(cell.shown().into_bytes()))
                        .collect();
                    to.write_batch(&values, Some(&levels), None)?;
                }
                ColumnWriter::BoolColumnWriter(_)
                | ColumnWriter::Int32ColumnWriter(_)
                | ColumnWriter::Int64ColumnWriter(_)
                | ColumnWriter::Int96ColumnWriter(_)
                | ColumnWriter::FloatColumnWriter(_)
                | ColumnWriter::FixedLenByteArrayColumnWriter(_) => {
                    return Err(ParquetError::General(
                        "a kind of column that is not ours".into(),
                    ));
                }
            }
            column.close()?;
        }
        group.close()?;
        writer.close().map(drop)
    }
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Count(count) => count.to_string(),
        }
    }

    const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Count(count) => Some(*count as f64),
            Self::Empty | Self::Text(_) => None,
        }
    }
}

fn csv_cell(cell: &Cell, out: &mut dyn Write) -> io::Result<()> {
    match cell {
        Cell::Text(text) => csv_text(text, out),
        Cell::Empty => Ok(()),
        Cell::Number(number) => write!(out, "{number}"),
        Cell::Count(count) => write!(out, "{count}"),
    }
}

pub(crate) fn csv_text(text: &str, out: &mut dyn Write) -> io::Result<()> {
    if text.contains([',', '"', '\n', '\r']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}
