//! What goes out, to whom, how often, and what happens when something is in the way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::server::{Asked, Server};
use common::{Folder, Hand, MORNING, Node, alert, at, changed, eventually, quick, raised, record};
use event::{AlertState, Change, Severity, Status, Suppressed, SuppressionKind, Time};
use notify::channel::sign;

const MINUTE: i64 = 60 * Time::SECOND;

fn hook(people: &[(&str, &str, &str)]) -> String {
    let mut text = "[channels.hook]\nkind = \"webhook\"\nsecret = \"hook\"\nallow_private = true\n\
                    [channels.second]\nkind = \"webhook\"\nsecret = \"hook\"\nallow_private = true\n\
                    [channels.drill]\nkind = \"webhook\"\nsecret = \"hook\"\nallow_private = true\nexercise = true\n\
                    [groups.all]\n"
        .to_owned();
    let names: Vec<_> = people.iter().map(|(id, ..)| format!("\"{id}\"")).collect();
    text += &format!("people = [{}]\n", names.join(", "));
    for (id, url, more) in people {
        text += &format!("[people.{id}]\nwebhook = \"{url}\"\n{more}\n");
    }
    text + "[[routes]]\nto = [\"all\"]\n"
}

const PLAIN: &str = "chain = [\"hook\"]";

fn signed(asked: &Asked) -> bool {
    use base64::Engine as _;
    let key = base64::engine::general_purpose::STANDARD
        .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .unwrap();
    let timestamp = asked.headers["webhook-timestamp"].parse().unwrap();
    let id = &asked.headers["webhook-id"];
    asked.headers["webhook-signature"] == sign(&key, id, timestamp, asked.body.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raised_alert_is_told_signed_once_and_its_result_is_journalled() {
    let server = Server::start(|_, _| (204, String::new()));
    let (folder, clock) = (Folder::new("told"), Hand::new(at(MORNING)));
    let directory = hook(&[("an", &server.url("/an"), PLAIN)]);
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    let first = record(5, &raised(alert("a:1", clock.time())));
    node.submit(vec![first.clone()]).await;
    // The mover may bring it again.
    node.submit(vec![first]).await;
    let results = node.settled().await;
    assert_eq!(
        results,
        [("a:1@1/hook/an".to_owned(), "delivered".to_owned())]
    );
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert!(signed(&asked[0]));
    let body = asked[0].json();
    assert_eq!(body["type"], "alert.raised");
    assert_eq!(body["data"]["severity"], "major");
    assert_eq!(
        body["data"]["title"]["vi"],
        "NGHIÊM TRỌNG – Cảnh báo mới: Mực nước <trên> báo động 3"
    );
}

#[test]
fn a_kill_repeats_a_notice_at_most_once_and_under_its_key() {
    let hangs = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&hangs);
    // It takes the request and is silent: nobody knows whether it arrived.
    let server = Server::start(move |_, _| {
        if told.load(Ordering::SeqCst) {
            (0, String::new())
        } else {
            (200, String::new())
        }
    });
    let (folder, clock) = (Folder::new("kill"), Hand::new(at(MORNING)));
    let urls: Vec<String> = (0..4).map(|n| server.url(&format!("/{n}"))).collect();
    let people: Vec<_> = ["p0", "p1", "p2", "p3"]
        .iter()
        .zip(&urls)
        .map(|(id, url)| (*id, url.as_str(), PLAIN))
        .collect();
    let directory = hook(&people);
    let mut config = quick();
    config.request_timeout_ms = 60_000;
    let life = |work: &dyn Fn(&mut Node, &tokio::runtime::Runtime)| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut node = {
            let _inside = runtime.enter();
            Node::new(&folder, &config, &directory, &clock)
        };
        runtime.block_on(node.open());
        work(&mut node, &runtime);
        runtime.shutdown_background();
    };
    let records: Vec<_> = (0..2)
        .map(|n| record(n, &raised(alert(&format!("a:{n}"), clock.time()))))
        .collect();
    life(&|node, runtime| {
        runtime.block_on(node.submit(records.clone()));
        runtime.block_on(eventually("all are asked", || server.asked().len() == 4));
    });
    hangs.store(false, Ordering::SeqCst);
    life(&|node, runtime| {
        // The cursor was not stored: the records come again.
        runtime.block_on(node.submit(records.clone()));
        runtime.block_on(node.settled());
    });
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for asked in server.asked() {
        *times
            .entry(asked.headers["webhook-id"].clone())
            .or_default() += 1;
    }
    assert_eq!(times.len(), 8, "two alerts to four people");
    assert!(times.values().all(|times| *times <= 2), "{times:?}");
    assert_eq!(
        times.values().sum::<usize>(),
        12,
        "what was under way, once more"
    );
    life(&|node, runtime| {
        runtime.block_on(node.submit(records.clone()));
        runtime.block_on(node.settled());
    });
    assert_eq!(server.asked().len(), 12, "what is settled stays settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_address_delays_no_other() {
    let server = Server::start(|_, asked| match asked.path.as_str() {
        "/dead" => (0, String::new()),
        _ => (200, String::new()),
    });
    let (folder, clock) = (Folder::new("dead"), Hand::new(at(MORNING)));
    let (dead, alive) = (server.url("/dead"), server.url("/alive"));
    let directory = hook(&[("dead", &dead, PLAIN), ("alive", &alive, PLAIN)]);
    let mut config = quick();
    config.request_timeout_ms = 30_000;
    let mut node = Node::new(&folder, &config, &directory, &clock);
    node.open().await;
    for n in 0..10 {
        let transition = raised(alert(&format!("a:{n}"), clock.time()));
        node.submit(vec![record(n, &transition)]).await;
    }
    eventually("all ten are with the one that lives", || {
        let asked = server.asked();
        asked.iter().filter(|asked| asked.path == "/alive").count() == 10
    })
    .await;
    let counts = node.sink.counts();
    eventually("ten stay open", || counts().open == 10).await;
    assert_eq!(
        server
            .asked()
            .iter()
            .filter(|asked| asked.path == "/dead")
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_channel_cannot_deliver_goes_to_the_next() {
    let server = Server::start(|number, _| {
        if number < 3 {
            (503, String::new())
        } else {
            (200, String::new())
        }
    });
    let (folder, clock) = (Folder::new("next"), Hand::new(at(MORNING)));
    let url = server.url("/an");
    let directory = hook(&[("an", &url, "chain = [\"hook\", \"second\"]")]);
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    node.submit(vec![record(0, &raised(alert("a:1", clock.time())))])
        .await;
    assert_eq!(
        node.settled().await,
        [
            ("a:1@1/hook/an".to_owned(), "moved_on".to_owned()),
            ("a:1@1/second/an".to_owned(), "delivered".to_owned()),
        ]
    );
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_hold_everything_but_the_critical() {
    let server = Server::start(|_, _| (200, String::new()));
    let night = at("2024-09-10T23:00:00+07:00");
    let (folder, clock) = (Folder::new("quiet"), Hand::new(night));
    let url = server.url("/an");
    let directory = hook(&[("an", &url, "chain = [\"hook\"]\nquiet = \"22:00-06:00\"")]);
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    let mut critical = alert("a:critical", night);
    critical.severity = Severity::Critical;
    node.submit(vec![
        record(0, &raised(alert("a:1", night))),
        record(1, &raised(alert("a:2", night))),
        record(2, &raised(critical)),
    ])
    .await;
    let counts = node.sink.counts();
    eventually("the critical one is told", || counts().open == 2).await;
    assert_eq!(server.asked()[0].json()["data"]["id"], "a:critical");
    clock.set(at("2024-09-11T05:59:59+07:00"));
    assert_eq!(server.asked().len(), 1);
    clock.set(at("2024-09-11T06:00:00+07:00"));
    node.settled().await;
    let asked = server.asked();
    assert_eq!(asked.len(), 2, "the night comes as one");
    assert_eq!(asked[1].json()["data"]["count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_grouped_and_every_notice_is_counted() {
    let server = Server::start(|_, _| (200, String::new()));
    let (folder, clock) = (Folder::new("storm"), Hand::new(at(MORNING)));
    let url = server.url("/an");
    let directory = hook(&[("an", &url, PLAIN)]);
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    let records = (0..1000).map(|n| {
        let mut alert = alert(
            &format!("a:{n}"),
            clock
                .time()
                .plus(i64::try_from(n).unwrap() * Time::SECOND / 100),
        );
        if n % 10 == 0 {
            alert.severity = Severity::Critical;
        }
        record(n, &raised(alert))
    });
    node.submit(records.collect()).await;
    clock.set(clock.time().plus(11 * MINUTE));
    let results = node.settled().await;
    assert_eq!(results.len(), 1000);
    assert!(results.iter().all(|(_, result)| result == "delivered"));
    let (mut singles, mut grouped) = (0, 0);
    for asked in server.asked() {
        let body = asked.json();
        match body["type"].as_str().unwrap() {
            "notices.grouped" => grouped += body["data"]["count"].as_u64().unwrap(),
            _ => singles += 1,
        }
    }
    assert_eq!((singles, grouped), (10 + 30, 960));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_goes_to_exercise_channels_alone() {
    let server = Server::start(|_, _| (200, String::new()));
    let (folder, clock) = (Folder::new("drill"), Hand::new(at(MORNING)));
    let url = server.url("/an");
    let directory = hook(&[("an", &url, "chain = [\"hook\", \"drill\"]")]);
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    let mut drill = alert("a:drill", clock.time());
    drill.status = Status::Exercise;
    let mut trial = alert("a:test", clock.time());
    trial.status = Status::Test;
    node.submit(vec![
        record(0, &raised(drill)),
        record(1, &raised(alert("a:live", clock.time()))),
        record(2, &raised(trial)),
    ])
    .await;
    let ways: Vec<String> = node
        .settled()
        .await
        .into_iter()
        .map(|(way, _)| way)
        .collect();
    assert_eq!(
        ways,
        [
            "a:drill@1/drill/an",
            "a:live@1/hook/an",
            "a:test@1/drill/an"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_back_is_not_told_until_it_is_not() {
    let server = Server::start(|_, _| (200, String::new()));
    let (folder, clock) = (Folder::new("kept"), Hand::new(at(MORNING)));
    let url = server.url("/an");
    let directory = hook(&[("an", &url, PLAIN)]);
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    let base = alert("a:1", clock.time());
    let mut suppressed = base.clone();
    suppressed.handling.suppressed = vec![Suppressed {
        kind: SuppressionKind::Dependency,
        suppression: None,
        because_of: None,
        since: clock.time(),
    }];
    let mut retrospective = alert("a:2", clock.time());
    retrospective.retrospective = true;
    let mut again = base.clone();
    again.revision = 2;
    let mut handled = again.clone();
    handled.revision = 3;
    handled.state = AlertState::Acknowledged;
    let mut old = alert("a:old", clock.time().plus(-300 * MINUTE));
    old.severity = Severity::Critical;
    node.submit(vec![
        record(0, &raised(old)),
        record(1, &raised(suppressed)),
        record(2, &raised(retrospective)),
        record(3, &changed(Change::Unsuppressed, again)),
        record(4, &changed(Change::Acknowledged, handled)),
    ])
    .await;
    let results = node.settled().await;
    assert_eq!(
        results,
        [("a:1@2/hook/an".to_owned(), "delivered".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_and_redirects_are_refused() {
    let server = Server::start(|_, _| (302, String::new()));
    let (folder, clock) = (Folder::new("private"), Hand::new(at(MORNING)));
    let port = server.address.port();
    let named = format!("http://localhost:{port}/named");
    let directory = hook(&[
        ("open", &server.url("/open"), "chain = [\"second\"]"),
        ("bare", &server.url("/bare"), PLAIN),
        ("named", &named, PLAIN),
    ])
    .replacen("allow_private = true\n", "", 1);
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    node.submit(vec![record(0, &raised(alert("a:1", clock.time())))])
        .await;
    let results = node.settled().await;
    assert_eq!(results.len(), 3);
    assert!(
        results.iter().all(|(_, result)| result == "refused"),
        "{results:?}"
    );
    let paths: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(
        paths,
        ["/open"],
        "asked once where it is allowed, and not where it was sent to"
    );
}
