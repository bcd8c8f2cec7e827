//! What a sink did not get, written into `inputs`: one record for each refused outcome and for each gap.

use journal::inputs::{Kind, Outlet, OutletReport};
use journal::{Appender, Batch as Append, Class, Error};

use crate::Batch;
use crate::mend::Rejected;

/// Kind byte of an outcome that is itself a reject. When such a record is refused, its bytes are not reported again: the
/// report becomes a reject in `outcomes`, and that one would be refused for the same reason, for ever.
pub const REJECT_KIND: u8 = 2;
/// Longest reason that is kept of what a server answered.
const REASON_BYTES_MAX: usize = 2048;
/// Reports are appended in pieces of about this size.
const PIECE_BYTES: usize = 1024 * 1024;

/// The reports of `rejected` (ascending), with the bytes of those records that `batch` has.
pub(crate) fn rejects(sink: &str, rejected: &[Rejected], batch: Option<&Batch>) -> Vec<Report> {
    let mut reports: Vec<Report> = rejected
        .iter()
        .map(|rejected| Report {
            sink: sink.to_owned(),
            offset: rejected.offset,
            reason: shortened(&rejected.reason).to_owned(),
            record: Vec::new(),
        })
        .collect();
    for frame in batch.into_iter().flat_map(Batch::frames) {
        if let Ok(at) = reports.binary_search_by_key(&frame.offset, |report| report.offset)
            && frame.kind != REJECT_KIND
        {
            reports[at].record = frame.payload.to_vec();
        }
    }
    reports
}

/// One refused record.
pub(crate) struct Report {
    sink: String,
    offset: u64,
    reason: String,
    record: Vec<u8>,
}

impl Report {
    fn encode(&self, append: &mut Append, with_record: bool) {
        let record: &[u8] = if with_record { &self.record } else { &[] };
        append.push(Kind::Outlet.into(), |out| {
            Outlet {
                outlet: &self.sink,
                report: OutletReport::Reject {
                    offset: self.offset,
                    reason: &self.reason,
                    record,
                },
            }
            .encode(out);
        });
    }
}

/// Makes the reports durable. Blocks.
pub(crate) fn append_rejects(inputs: &Appender, reports: &[Report]) -> Result<(), Error> {
    let (mut begin, mut bytes) = (0, 0);
    for (at, report) in reports.iter().enumerate() {
        bytes += report.record.len() + report.reason.len();
        if bytes >= PIECE_BYTES || at + 1 == reports.len() {
            append_piece(inputs, &reports[begin..=at])?;
            (begin, bytes) = (at + 1, 0);
        }
    }
    Ok(())
}

fn append_piece(inputs: &Appender, reports: &[Report]) -> Result<(), Error> {
    let encoded = |with_records| {
        let mut append = Append::new();
        for report in reports {
            report.encode(&mut append, with_records);
        }
        append
    };
    match append(inputs, encoded(true)) {
        // A record as large as the journal takes does not fit into a report: its offset still says where it is.
        Err(Error::RecordTooLarge { .. } | Error::BatchTooLarge { .. }) => {
            append(inputs, encoded(false))
        }
        done => done,
    }
}

/// Makes the report of a gap durable. Blocks.
pub(crate) fn append_gap(inputs: &Appender, sink: &str, from: u64, to: u64) -> Result<(), Error> {
    let mut gap = Append::new();
    gap.push(Kind::Outlet.into(), |out| {
        Outlet {
            outlet: sink,
            report: OutletReport::Gap { from, to },
        }
        .encode(out);
    });
    append(inputs, gap)
}

fn append(inputs: &Appender, batch: Append) -> Result<(), Error> {
    inputs.append_blocking(Class::System, batch)?.wait()?;
    Ok(())
}

fn shortened(reason: &str) -> &str {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}
