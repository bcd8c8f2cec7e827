//! Batches handed to a sink, and what came of them.

use std::time::Duration;

use influxdb::{InfluxConfig, InfluxSink};
use pipeline::{Batch, Refused, Resume, Sink, Trouble, Verdict};

use super::server::{Reply, Request, Server};
use super::{T0, batch_of, level};

pub(crate) fn config(url: &str) -> InfluxConfig {
    InfluxConfig {
        url: url.to_owned(),
        org: "lao-cai".to_owned(),
        bucket: "river data".to_owned(),
        token: "t0k3n".to_owned().into(),
        request_timeout_ms: 5_000,
        ..InfluxConfig::default()
    }
}

pub(crate) const START: Resume<'_> = Resume {
    position: 0,
    note: &[],
    again: false,
};

/// Three events at offsets 10, 11, 12.
pub(crate) fn three() -> Batch {
    batch_of(
        10,
        &[
            level("a", T0, 1.5),
            level("b", T0, 2.5),
            level("c", T0, 3.5),
        ],
    )
}

pub(crate) fn line_of(entity: &str, value: &str) -> String {
    format!(
        "energy,area=02647,entity={entity},kind=reading,site=lao-cai,status=actual level={value} {T0}"
    )
}

pub(crate) async fn answered(sink: &mut InfluxSink, batch: Batch) -> Verdict {
    let completion = sink.submit(batch).await;
    tokio::time::timeout(Duration::from_secs(20), completion)
        .await
        .expect("an answer")
}

/// The verdict on [`three`] and the requests that it took.
pub(crate) async fn verdict(replies: Vec<Reply>) -> (Verdict, Vec<Request>) {
    let server = Server::start(replies).await;
    let mut sink = InfluxSink::new(&config(&server.url)).unwrap();
    let verdict = answered(&mut sink, three()).await;
    (verdict, server.requests())
}

pub(crate) fn offsets(refused: &[Refused]) -> Vec<u64> {
    refused.iter().map(|refused| refused.offset).collect()
}

#[track_caller]
pub(crate) fn retried(verdict: Verdict) -> Trouble {
    match verdict {
        Verdict::Retry { trouble, .. } => trouble,
        other => panic!("not retried: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn split(verdict: Verdict) -> Trouble {
    match verdict {
        Verdict::Split(trouble) => trouble,
        other => panic!("not split: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn done(verdict: Verdict) -> Vec<Refused> {
    match verdict {
        Verdict::Done { refused } => refused,
        other => panic!("not done: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn without(verdict: Verdict) -> Vec<Refused> {
    match verdict {
        Verdict::Without { refused } => refused,
        other => panic!("not without: {other:?}"),
    }
}
