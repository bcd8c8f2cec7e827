//! Questions to the archive: what reaches the backend, what is refused before, and what happens to one that does not end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use event::{Stream, Text, Time};
use tokio_util::sync::CancellationToken;

use super::{App, request};
use crate::node::{Node, START, until};
use crate::{
    Aggregate, ConsoleConfig, QualityWanted, SeriesAsk, SeriesBackend, SeriesFilter, SeriesFormat,
    SeriesProblem, SeriesProblemCode, SeriesQuery, SeriesStop, TopOrder, routes, tail,
};

/// Answers with a fixed body or problem and remembers what it was asked; asked for the entity `endless` it goes on until it
/// is stopped.
#[derive(Default)]
struct Fake {
    asked: Mutex<Vec<SeriesQuery>>,
    refuses: Option<SeriesProblemCode>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl SeriesBackend for Fake {
    fn answer(&self, query: &SeriesQuery, stop: &SeriesStop) -> Result<Vec<u8>, SeriesProblem> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.asked.lock().unwrap().push(query.clone());
        let mut refuses = self.refuses;
        if matches!(&query.ask, SeriesAsk::Range { entity, .. } if entity == "endless") {
            while !stop.is_over() {
                std::thread::yield_now();
            }
            refuses = Some(SeriesProblemCode::Stopped);
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        match refuses {
            None => Ok(br#"{"zone":"UTC"}"#.to_vec()),
            Some(code) => Err(SeriesProblem {
                code,
                detail: Text {
                    vi: "hãy thu hẹp".into(),
                    en: "narrow it".into(),
                },
            }),
        }
    }
}

async fn app(config: ConsoleConfig, fake: &Arc<Fake>) -> App {
    let node = Node::new();
    let mut deps = node.deps(Vec::new());
    deps.series = Some(Arc::clone(fake) as Arc<dyn SeriesBackend>);
    let cancel = CancellationToken::new();
    let (shared, _) = tail::prepare(config, deps, cancel.clone()).await.unwrap();
    App {
        router: routes::router(Arc::clone(&shared)),
        node,
        shared,
        _stop: cancel.drop_guard(),
    }
}

async fn asked(query: &str) -> SeriesQuery {
    let fake = Arc::new(Fake::default());
    let app = app(ConsoleConfig::default(), &fake).await;
    let got = app.get(&format!("/api/v1/series{query}")).await;
    let text = String::from_utf8_lossy(&got.body).into_owned();
    assert_eq!(got.status, 200, "{query}: {text}");
    assert_eq!(got.body, br#"{"zone":"UTC"}"#);
    let mut asked = fake.asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    asked.remove(0)
}

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

#[tokio::test]
async fn questions_reach_the_backend_read_and_completed() {
    let query = asked("?stream=disaster&entity=wl-bao-ha&after=a/b&limit=5&zone=UTC").await;
    assert_eq!(query.zone, "UTC");
    assert_eq!(query.format, SeriesFormat::Json);
    let filter = SeriesFilter {
        entity: Some("wl-bao-ha".into()),
        measure: None,
        stream: Some(Stream::Disaster),
    };
    let after = Some(("a".to_owned(), "b".to_owned()));
    assert_eq!(
        query.ask,
        SeriesAsk::Catalogue {
            filter,
            after,
            limit: 5
        }
    );

    let query = asked(
        "/wl-bao-ha/level?from=2024-09-08T06:00:00%2B07:00&to=2024-09-09T00:00:00Z\
         &interval=PT10M&aggregate=max&quality=any&drills=true&format=csv",
    )
    .await;
    assert_eq!(query.format, SeriesFormat::Csv);
    assert_eq!(query.zone, "Asia/Ho_Chi_Minh");
    let range = SeriesAsk::Range {
        entity: "wl-bao-ha".into(),
        measure: "level".into(),
        from: time("2024-09-07T23:00:00Z"),
        to: time("2024-09-09T00:00:00Z"),
        interval_ns: Some(600 * Time::SECOND),
        aggregate: Aggregate::Max,
        quality: QualityWanted::Any,
        drills: true,
        limit: 10_000,
    };
    assert_eq!(query.ask, range);

    let raw = asked("/a/b?aggregate=raw&limit=7").await;
    let SeriesAsk::Range {
        interval_ns, limit, ..
    } = raw.ask
    else {
        panic!("{raw:?}")
    };
    assert_eq!((interval_ns, limit), (None, 7));

    let latest = asked("/latest?measure=level&quality=good").await;
    assert!(matches!(
        latest.ask,
        SeriesAsk::Latest {
            quality: QualityWanted::Good,
            after: None,
            limit: 1_000,
            ..
        }
    ));

    let top =
        asked("/top?measure=rain_1h&n=3&window=6h&order=lowest&to=2024-09-09T00:00:00Z").await;
    let wanted = SeriesAsk::Top {
        measure: "rain_1h".into(),
        stream: None,
        from: time("2024-09-08T18:00:00Z"),
        to: time("2024-09-09T00:00:00Z"),
        aggregate: Aggregate::Min,
        order: TopOrder::Lowest,
        quality: QualityWanted::Good,
        n: 3,
    };
    assert_eq!(top.ask, wanted);
}

#[tokio::test]
async fn what_is_left_out_is_the_last_day_in_about_five_hundred_steps() {
    let query = asked("/a/b").await;
    let SeriesAsk::Range {
        from,
        to,
        interval_ns,
        aggregate,
        ..
    } = query.ask
    else {
        panic!("{query:?}")
    };
    assert!(to.0 >= START && to.0 < START + 60 * Time::SECOND);
    assert_eq!(to.since(from), 86_400 * Time::SECOND);
    assert_eq!(
        interval_ns,
        Some(300 * Time::SECOND),
        "the next narrower width gives 1,441"
    );
    assert_eq!(aggregate, Aggregate::Mean);
    let query = asked("/a/b?from=-6h&limit=100").await;
    let SeriesAsk::Range {
        from,
        to,
        interval_ns,
        ..
    } = query.ask
    else {
        panic!("{query:?}")
    };
    assert_eq!(to.since(from), 21_600 * Time::SECOND);
    assert_eq!(interval_ns, Some(300 * Time::SECOND));
}

#[tokio::test]
async fn wrong_parameters_are_named_in_both_languages_and_reach_nobody() {
    let fake = Arc::new(Fake::default());
    let app = app(ConsoleConfig::default(), &fake).await;
    for (query, status, word) in [
        ("/a/b?from=yesterday", 400, "from"),
        ("/a/b?from=2024-09-08T06:00:00", 400, "zone"),
        ("/a/b?from=now&to=-1h", 400, "before"),
        ("/a/b?interval=10", 400, "interval"),
        ("/a/b?interval=PT0S", 400, "interval"),
        ("/a/b?aggregate=median", 400, "mean, min"),
        ("/a/b?aggregate=raw&interval=PT1M", 400, "raw"),
        ("/a/b?quality=best", 400, "good, any"),
        ("/a/b?drills=yes", 400, "drills"),
        ("/a/b?limit=0", 400, "limit"),
        ("/a/b?limit=10001", 400, "10000"),
        ("/a/b?zone=%20", 400, "zone"),
        ("/a/b?format=xml", 400, "json, csv"),
        ("/a/b?colour=red", 400, "colour"),
        ("/a/b?from=-72h&interval=PT10S", 422, "PT60S"),
        ("/a/b?from=-9999d", 422, "3660 days"),
        ("/a%00/b", 400, "entity"),
        ("?stream=water", 400, "stream"),
        ("?after=x", 400, "after"),
        ("?entity=", 400, "entity"),
        ("/top", 400, "measure"),
        ("/top?measure=a&n=101", 400, "100"),
        ("/top?measure=a&order=best", 400, "highest"),
        ("/top?measure=a&aggregate=raw", 400, "aggregate"),
        ("/top?measure=a&window=P1M", 400, "window"),
        ("/latest?limit=x", 400, "limit"),
    ] {
        let got = app.get(&format!("/api/v1/series{query}")).await;
        got.is_problem(status);
        let detail = got.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{query}: {detail}");
    }
    assert!(fake.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn csv_by_accept_too() {
    let fake = Arc::new(Fake::default());
    let app = app(ConsoleConfig::default(), &fake).await;
    let ask = request("GET", "/api/v1/series").header("Accept", "text/csv");
    let got = app.send(ask.body(Body::empty()).unwrap()).await;
    assert!(got.header("content-type").starts_with("text/csv"));
    assert_eq!(fake.asked.lock().unwrap()[0].format, SeriesFormat::Csv);
}

#[tokio::test]
async fn what_the_backend_refuses_gets_the_status_that_goes_with_it() {
    for (code, status) in [
        (SeriesProblemCode::Unknown, 404),
        (SeriesProblemCode::BadQuestion, 400),
        (SeriesProblemCode::TooBig, 422),
        (SeriesProblemCode::Stopped, 503),
        (SeriesProblemCode::Unavailable, 503),
        (SeriesProblemCode::Internal, 500),
    ] {
        let fake = Arc::new(Fake {
            refuses: Some(code),
            ..Fake::default()
        });
        let app = app(ConsoleConfig::default(), &fake).await;
        let got = app.get("/api/v1/series/a/b").await;
        got.is_problem(status);
        if code == SeriesProblemCode::TooBig {
            assert_eq!(got.json()["detail_vi"], "hãy thu hẹp");
        }
    }
}

#[tokio::test]
async fn without_an_archive_it_says_so() {
    let app = App::new(ConsoleConfig::default(), Vec::new()).await;
    for path in ["", "/latest", "/top?measure=a", "/a/b"] {
        let got = app.get(&format!("/api/v1/series{path}")).await;
        got.is_problem(404);
        assert_eq!(got.json()["title"], "The archive is off");
    }
}

#[tokio::test]
async fn a_question_that_does_not_end_is_stopped_at_the_limit() {
    let fake = Arc::new(Fake::default());
    let config = ConsoleConfig {
        series_timeout_ms: 200,
        ..ConsoleConfig::default()
    };
    let app = app(config, &fake).await;
    let got = app.get("/api/v1/series/endless/b").await;
    got.is_problem(503);
    until("the backend has stopped", || {
        fake.running.load(Ordering::SeqCst) == 0
    })
    .await;
    // Its place is free again.
    assert_eq!(app.get("/api/v1/series/a/b").await.status, 200);
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_question() {
    let fake = Arc::new(Fake::default());
    // Longer than this test waits: only leaving can end the question.
    let config = ConsoleConfig {
        series_timeout_ms: 120_000,
        ..ConsoleConfig::default()
    };
    let app = app(config, &fake).await;
    let ask = app.get("/api/v1/series/endless/b");
    let left = tokio::time::timeout(Duration::from_millis(200), ask).await;
    assert!(left.is_err());
    until("the backend has stopped", || {
        fake.asked.lock().unwrap().len() == 1 && fake.running.load(Ordering::SeqCst) == 0
    })
    .await;
}

#[tokio::test]
async fn only_so_many_run_and_only_so_many_wait() {
    let fake = Arc::new(Fake::default());
    let config = ConsoleConfig {
        series_timeout_ms: 400,
        series_running_max: 2,
        series_waiting_max: 4,
        ..ConsoleConfig::default()
    };
    let app = app(config, &fake).await;
    let asks = (0..6).map(|_| app.get("/api/v1/series/endless/b"));
    let got = futures_util::future::join_all(asks).await;
    let busy = got
        .iter()
        .filter(|got| got.json()["title"] == "Too busy")
        .count();
    assert_eq!(busy, 2, "four had a place");
    for got in got {
        got.is_problem(503);
    }
    until("all have stopped", || {
        fake.running.load(Ordering::SeqCst) == 0
    })
    .await;
    assert!(fake.most.load(Ordering::SeqCst) <= 2);
}
