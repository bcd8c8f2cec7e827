//! What can go wrong: with the archive, and with a question.

use std::io;
use std::path::PathBuf;

use event::Text;
use parquet::errors::ParquetError;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    #[error("{what} {path}")]
    Io {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{what} {path}")]
    Parquet {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: ParquetError,
    },
    /// A file is there that cannot be what it seems.
    #[error("{path} is damaged: {why}")]
    Damaged { path: PathBuf, why: String },
    #[error("{0}")]
    Incomplete(String),
    #[error("the archive's thread could not be started")]
    Thread(#[source] io::Error),
}

impl Error {
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn parquet(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(ParquetError) -> Self {
        let path = path.into();
        move |source| Self::Parquet { what, path, source }
    }

    /// A file that was there a moment ago: compaction or retention took it.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// The whole chain in one sentence.
    pub(crate) fn sentence(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

/// Why a question has no answer; `detail` is for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: ProblemCode,
    pub detail: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemCode {
    /// Nothing is known by that name.
    Unknown,
    /// Something in the question cannot be meant.
    BadQuestion,
    /// More than may be read or answered at once; the detail says how to narrow it.
    TooBig,
    /// The asker gave up, or the time was over.
    Stopped,
    /// Not at the moment: a file is being replaced, the disk is in trouble.
    Unavailable,
    Internal,
}

impl Problem {
    pub(crate) fn new(code: ProblemCode, vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            code,
            detail: Text {
                vi: vi.into(),
                en: en.into(),
            },
        }
    }

    pub(crate) fn stopped() -> Self {
        Self::new(
            ProblemCode::Stopped,
            "câu hỏi đã bị dừng hoặc hết thời gian; hãy chọn khoảng ngắn hơn hoặc ít chuỗi hơn",
            "the question was stopped or its time is over; ask for a shorter span or fewer series",
        )
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail.en)
    }
}

impl std::error::Error for Problem {}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Io { .. } | Error::Incomplete(_) | Error::Thread(_) => ProblemCode::Unavailable,
            Error::Parquet { .. } | Error::Damaged { .. } => ProblemCode::Internal,
        };
        let sentence = error.sentence();
        Self::new(
            code,
            format!("không đọc được kho lưu trữ: {sentence}"),
            format!("the archive could not be read: {sentence}"),
        )
    }
}
