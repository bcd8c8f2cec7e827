use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::publication::Qos;
use crate::scenario::{Options, ledger, scenario};

/// A server that acknowledges everything, remembers sessions, and misbehaves on request.
#[derive(Default)]
struct Server {
    /// Closes a connection without acknowledging at every n-th PUBLISH (0: never).
    drop_every: u64,
    forgets_sessions: bool,
    seen: AtomicU64,
    clock_ns: AtomicI64,
    sessions: Mutex<HashSet<String>>,
    /// Payload -> (times received, DUP set at least once).
    messages: Mutex<HashMap<Vec<u8>, (u64, bool)>>,
    /// Times of the node's clock at which messages came, in order.
    arrivals: Mutex<Vec<(i64, String)>>,
}

impl DriveClock for Server {
    fn advance_to(&self, t_ns: i64) {
        assert!(
            self.clock_ns.swap(t_ns, Ordering::SeqCst) <= t_ns,
            "the clock went back"
        );
    }
}

impl Server {
    async fn start(self: &Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).unwrap();
                tokio::spawn(Arc::clone(&server).serve(socket));
            }
        });
        address
    }

    /// Until the peer is gone; an answer that cannot be sent ends it as well.
    async fn serve(self: Arc<Self>, mut socket: TcpStream) -> Option<()> {
        loop {
            let (header, body) = read_packet(&mut socket).await?;
            let answer = match header >> 4 {
                1 => self.connack(&body),
                3 => {
                    let every = self.drop_every;
                    let seen = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
                    let lost = every > 0 && seen.is_multiple_of(every);
                    let answer = self.publish(header, &body);
                    if lost {
                        return None;
                    }
                    answer
                }
                6 => vec![0x70, 2, body[0], body[1]],
                12 => vec![0xd0, 0],
                _ => return None,
            };
            socket.write_all(&answer).await.ok()?;
        }
    }

    fn connack(&self, body: &[u8]) -> Vec<u8> {
        // Protocol name (6), level, flags, keep-alive (2), then the client identifier.
        assert_eq!(body[7] & 2, 0, "persistent sessions only");
        let keep_alive = u16::from_be_bytes([body[8], body[9]]);
        assert!(keep_alive >= 30);
        let client_id = String::from_utf8(body[12..].to_vec()).unwrap();
        let known = !self.sessions.lock().unwrap().insert(client_id);
        vec![0x20, 2, u8::from(known && !self.forgets_sessions), 0]
    }

    fn publish(&self, header: u8, body: &[u8]) -> Vec<u8> {
        let qos = header >> 1 & 3;
        let topic_end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        let payload_from = topic_end + if qos > 0 { 2 } else { 0 };
        let mut messages = self.messages.lock().unwrap();
        let entry = messages.entry(body[payload_from..].to_vec()).or_default();
        entry.0 += 1;
        entry.1 |= header & 8 != 0;
        let ts = String::from_utf8_lossy(&body[payload_from..]).into_owned();
        self.arrivals
            .lock()
            .unwrap()
            .push((self.clock_ns.load(Ordering::SeqCst), ts));
        match qos {
            0 => Vec::new(),
            1 => vec![0x40, 2, body[topic_end], body[topic_end + 1]],
            _ => vec![0x50, 2, body[topic_end], body[topic_end + 1]],
        }
    }

    fn unique(&self) -> u64 {
        u64::try_from(self.messages.lock().unwrap().len()).unwrap()
    }
}

async fn read_packet(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let header = socket.read_u8().await.ok()?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = socket.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some((header, body))
}

async fn run(server: &Arc<Server>, name: &str, options: &Options, pace: Pace) -> Totals {
    let address = server.start().await;
    let scenario = scenario(name, 1, options).unwrap();
    let (progress, seen) = watch::channel(Progress::default());
    let clock: Arc<dyn DriveClock> = Arc::clone(server) as Arc<dyn DriveClock>;
    let run = drive(
        scenario,
        address.into(),
        pace,
        clock,
        progress,
        CancellationToken::new(),
    );
    let totals = tokio::time::timeout(Duration::from_secs(60), run)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen.borrow().totals, totals);
    totals
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_once_and_is_acknowledged() {
    let server = Arc::new(Server::default());
    let totals = run(&server, "quiet-day", &Options::default(), Pace::Max).await;
    assert_eq!(
        (totals.published, totals.acknowledged),
        (server.unique(), server.unique())
    );
    assert_eq!(
        (totals.repeats, totals.redelivered, totals.connects),
        (0, 0, 5)
    );
    assert!(
        server
            .messages
            .lock()
            .unwrap()
            .values()
            .all(|&(times, dup)| times == 1 && !dup)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_max_each_message_meets_its_own_time() {
    let server = Arc::new(Server::default());
    run(&server, "quiet-day", &Options::default(), Pace::Max).await;
    let expected: HashMap<Vec<u8>, i64> = scenario("quiet-day", 1, &Options::default())
        .unwrap()
        .flat_map(|moment| moment.publications)
        .map(|publication| (publication.payload.to_vec(), publication.at_ns))
        .collect();
    for (clock_ns, payload) in server.arrivals.lock().unwrap().iter() {
        assert_eq!(expected[payload.as_bytes()], *clock_ns);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_lose_no_message() {
    for forgets_sessions in [false, true] {
        let server = Arc::new(Server {
            drop_every: 97,
            forgets_sessions,
            ..Server::default()
        });
        let totals = run(&server, "quiet-day", &Options::default(), Pace::Max).await;
        assert_eq!(
            (totals.published, totals.acknowledged),
            (server.unique(), server.unique())
        );
        assert!(totals.redelivered > 50 && totals.connects > 50);
        assert_eq!(totals.sessions_lost > 0, forgets_sessions);
        let messages = server.messages.lock().unwrap();
        let again = messages.values().filter(|&&(times, _)| times > 1);
        assert!(again.clone().count() > 50);
        assert!(again.clone().all(|&(_, dup)| dup != forgets_sessions));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_delivery_works_and_quality_zero_is_not_called_acknowledged() {
    for (qos, acknowledged) in [
        (Qos::AtMostOnce, false),
        (Qos::AtLeastOnce, true),
        (Qos::ExactlyOnce, true),
    ] {
        let server = Arc::new(Server::default());
        let options = Options {
            qos: Some(qos),
            devices: Some(20),
            ..Options::default()
        };
        let totals = run(&server, "burst", &options, Pace::Max).await;
        let expected = if acknowledged { totals.published } else { 0 };
        assert_eq!(totals.acknowledged, expected);
        assert_eq!(totals.unconfirmed, totals.published - expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeats_are_counted_apart() {
    let server = Arc::new(Server::default());
    let totals = run(&server, "yagi-2024", &Options::default(), Pace::Max).await;
    assert_eq!(
        (totals.published, totals.acknowledged),
        (server.unique(), server.unique())
    );
    assert_eq!(totals.repeats, 26);
    let messages = server.messages.lock().unwrap();
    assert_eq!(
        messages
            .values()
            .filter(|&&(times, dup)| times == 2 && dup)
            .count(),
        26
    );
}

/// Also what nobody confirms (QoS 0): it is read before the confirmed message behind it on its connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_of_the_mixed_city_comes_at_its_instant() {
    let server = Arc::new(Server::default());
    let totals = run(&server, "mixed-city", &Options::default(), Pace::Max).await;
    let expected = ledger(scenario("mixed-city", 1, &Options::default()).unwrap());
    assert_eq!(totals.repeats, expected.all.duplicates);
    assert_eq!(totals.published + totals.repeats, expected.all.messages);
    assert_eq!(totals.acknowledged + totals.unconfirmed, totals.published);
    assert!(totals.unconfirmed > 200, "{totals:?}");
    let city = scenario("mixed-city", 1, &Options::default()).unwrap();
    let mut sent: Vec<(i64, String)> = city
        .flat_map(|moment| moment.publications)
        .map(|publication| {
            let text = String::from_utf8_lossy(&publication.payload).into_owned();
            (publication.at_ns, text)
        })
        .collect();
    let mut arrived = server.arrivals.lock().unwrap().clone();
    sent.sort();
    arrived.sort();
    assert_eq!(arrived.len(), sent.len());
    assert!(arrived == sent, "something came at another instant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_speed_the_clock_runs_to_the_end() {
    let server = Arc::new(Server::default());
    let pace = Pace::Speed(86_400.0);
    let totals = run(&server, "quiet-day", &Options::default(), pace).await;
    assert_eq!(totals.acknowledged, server.unique());
    let end_ns = scenario("quiet-day", 1, &Options::default())
        .unwrap()
        .to_ns();
    assert_eq!(server.clock_ns.load(Ordering::SeqCst), end_ns);
}

#[tokio::test]
async fn stops_when_told_and_says_when_nobody_answers() {
    let server = Arc::new(Server::default());
    let address = server.start().await;
    let start = |target: Target, cancel: CancellationToken| {
        let scenario = scenario("quiet-day", 1, &Options::default()).unwrap();
        let (progress, _) = watch::channel(Progress::default());
        drive(
            scenario,
            target,
            Pace::Speed(1.0),
            Arc::new(RealTime),
            progress,
            cancel,
        )
    };
    let cancel = CancellationToken::new();
    cancel.cancel();
    start(address.into(), cancel).await.unwrap();

    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let target = Target {
        patience: Duration::ZERO,
        ..closed.into()
    };
    let error = start(target, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, DriveError::Unreachable { .. }));
}
