//! The harness itself: each real server starts, comes back with its data after `SIGKILL`, and is read back; the proxy and the
//! stand-in do what the tests of faults ask of them. Nothing of ours runs here.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ioc_tests::http;
use ioc_tests::node::Folder;
use ioc_tests::process::{Guard, run};
use ioc_tests::services::{
    Answer, Influxdb, Kafka, Mosquitto, Shared, StandIn, Topics, Toxiproxy, free_port,
};
use ioc_tests::wait;

/// Sends with kcat: `key|value`, one header.
fn produce(topics: &Topics, topic: &str, lines: &str) {
    let mut child = Guard(
        Command::new("kcat")
            .args(["-b", &topics.brokers, "-P", "-t", topic, "-K", "|"])
            .args(["-H", "ce_id=a,b=c"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut input = child.0.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).unwrap();
    drop(input);
    assert!(child.0.wait().unwrap().success());
}

#[test]
fn kafka_keeps_its_data_over_sigkill_and_is_read_back_in_full() {
    let folder = Folder::new("kafka");
    let mut kafka = Kafka::start(folder.path());
    let topics = kafka.topics.clone();
    assert_eq!(topics.partitions("t"), 0);
    topics.create("t", 3);
    assert_eq!(topics.partitions("t"), 3);
    produce(&topics, "t", "k1|{\"n\":1}\nk1|{\"n\":2}\nk2|Lào Cai\n");
    let before = topics.read("t");
    assert_eq!(before.len(), 3);
    assert_eq!(topics.count("t"), 3);
    let of = |key: &str| -> Vec<_> {
        let found = before.iter().filter(|one| one.key.as_deref() == Some(key));
        found.map(|one| one.value.clone().unwrap()).collect()
    };
    assert_eq!(of("k1"), ["{\"n\":1}", "{\"n\":2}"]);
    assert_eq!(of("k2"), ["Lào Cai"]);
    // A value with the separators of a text format in it.
    assert_eq!(before[0].headers["ce_id"], "a,b=c");
    assert!(kafka.server.memory().now > 50 << 20);

    let started = Instant::now();
    kafka.server.kill();
    kafka.start_again();
    println!("Kafka after SIGKILL: ready in {:?}", started.elapsed());
    wait::until(
        "the partitions have a leader",
        Duration::from_secs(30),
        || (topics.count("t") == 3).then_some(()),
    );
    assert_eq!(topics.read("t"), before);
    topics.delete("t");
    wait::until("the topic is gone", Duration::from_secs(20), || {
        (topics.partitions("t") == 0).then_some(())
    });
}

#[test]
fn influxdb_keeps_its_data_over_sigkill_and_answers_flux() {
    let folder = Folder::new("influxdb");
    let mut influxdb = Influxdb::start(folder.path());
    let bucket = influxdb.bucket.clone();
    let answer = bucket.write(
        "disaster,entity=wl\\ 1,site=lao-cai level=58.13,flow=2 1725840000000000001\n\
         disaster,entity=wl\\ 1,site=lao-cai level=58.25 1725840060000000000\n",
    );
    assert_eq!(answer.status, 204);
    let flux = "from(bucket: \"ioc\") |> range(start: 0, stop: 2100-01-01T00:00:00Z) |> filter(fn: (r) => r._field == \"level\")";
    let before = bucket.query(flux);
    let values: Vec<_> = before.iter().map(|row| row["_value"].as_str()).collect();
    assert_eq!(values, ["58.13", "58.25"]);
    assert_eq!(before[0]["entity"], "wl 1");
    assert_eq!(before[0]["_time"], "2024-09-09T00:00:00.000000001Z");
    assert_eq!(bucket.count(None, None), 3);
    assert_eq!(bucket.count(Some("disaster"), Some("flow")), 1);

    influxdb.server.kill();
    influxdb.start_again();
    assert_eq!(bucket.query(flux), before);

    // Frozen: connections open, nobody answers.
    influxdb.server.freeze();
    let mut stream = TcpStream::connect(bucket.address).unwrap();
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert!(stream.read(&mut [0]).is_err());
    influxdb.server.thaw();
    assert_eq!(http::get(bucket.address, "/health").status, 200);

    let (id, token) = bucket.new_token();
    let limited = ioc_tests::services::Bucket {
        token,
        ..bucket.clone()
    };
    assert_eq!(limited.write("a b=1").status, 204);
    bucket.revoke(&id);
    assert_eq!(limited.write("a b=2").status, 401);
}

#[test]
fn mosquitto_keeps_a_session_over_an_orderly_restart() {
    let folder = Folder::new("mosquitto");
    let mut broker = Mosquitto::start(folder.path());
    let port = broker.address.port().to_string();
    let subscribe = ["-p", &port, "-i", "reader", "-c", "-q", "1", "-t", "a/#"];
    run("mosquitto_sub", subscribe.iter().chain(&["-E"]));
    for text in ["one", "two"] {
        run(
            "mosquitto_pub",
            ["-p", &port, "-q", "1", "-t", "a/b", "-m", text],
        );
    }
    broker.server.stop();
    broker.start_again();
    let text = run(
        "mosquitto_sub",
        subscribe.iter().chain(&["-C", "2", "-W", "20"]),
    );
    assert_eq!(text, "one\ntwo\n");
}

/// Answers every byte with itself.
fn echo() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 65_536];
                while let Ok(length) = stream.read(&mut buffer) {
                    if length == 0 || stream.write_all(&buffer[..length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn round_trip(address: SocketAddr, bytes: usize) -> std::io::Result<Duration> {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut writer = stream.try_clone()?;
    let sender = thread::spawn(move || writer.write_all(&vec![7; bytes]));
    let mut all = vec![0; bytes];
    stream.read_exact(&mut all)?;
    sender.join().unwrap()?;
    Ok(started.elapsed())
}

#[test]
fn the_proxy_is_slow_silent_or_gone_as_told_and_heals() {
    let folder = Folder::new("toxiproxy");
    let toxiproxy = Toxiproxy::start(folder.path());
    let proxy = toxiproxy.proxy("echo", echo());
    round_trip(proxy.listen, 10).unwrap();
    proxy.slow(Duration::from_millis(200));
    assert!(round_trip(proxy.listen, 10).unwrap() >= Duration::from_millis(400));
    proxy.heal();
    assert!(round_trip(proxy.listen, 10).unwrap() < Duration::from_millis(400));
    proxy.throttle(100);
    assert!(round_trip(proxy.listen, 100_000).unwrap() >= Duration::from_millis(700));
    proxy.heal();
    proxy.close();
    assert!(round_trip(proxy.listen, 10).is_err());
    proxy.heal();
    round_trip(proxy.listen, 10).unwrap();
    // A connection that is open is cut, and one that is silent stays open.
    proxy.silence();
    let mut stream = TcpStream::connect(proxy.listen).unwrap();
    stream.write_all(b"x").unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn kafka_is_reached_through_the_proxy_only() {
    let folder = Folder::new("kafka-proxy");
    let toxiproxy = Toxiproxy::start(folder.path());
    let (kafka, proxy) = Kafka::start_behind(folder.path(), &toxiproxy);
    kafka.topics.create("t", 1);
    produce(&kafka.topics, "t", "k|v\n");
    proxy.close();
    let direct = ["-b", &kafka.topics.brokers, "-L", "-m", "1"];
    assert!(!ioc_tests::process::output("kcat", direct).status.success());
    proxy.heal();
    assert_eq!(kafka.topics.count("t"), 1);
}

#[test]
fn the_stand_in_answers_by_its_script_and_remembers_what_it_was_sent() {
    let (sender, receiver) = mpsc::channel();
    let mut answers = vec![
        Answer::status(204),
        Answer::error(503, "unavailable", "later").retry_after(3),
        Answer::status(204).after(Duration::from_millis(200)),
        Answer::cut(),
    ]
    .into_iter();
    let stand_in = StandIn::start(move |request| {
        sender.send(request.path.clone()).unwrap();
        answers.next().unwrap()
    });
    let write = |body: &[u8], headers: &[(&str, &str)]| {
        let mut stream = TcpStream::connect(stand_in.address).unwrap();
        let mut head = format!(
            "POST /api/v2/write?bucket=b HTTP/1.1\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(write(b"a b=1", &[]).starts_with("HTTP/1.1 204"));
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(b"a b=2").unwrap();
    let packed = packer.finish().unwrap();
    let answer = write(&packed, &[("Content-Encoding", "gzip")]);
    assert!(answer.contains("503") && answer.contains("Retry-After: 3"));
    assert!(
        answer.ends_with(r#"{"code":"unavailable","message":"later"}"#),
        "{answer}"
    );
    let started = Instant::now();
    write(b"", &[]);
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(write(b"", &[]), "");
    let bodies: Vec<_> = stand_in
        .requests()
        .into_iter()
        .map(|one| one.body)
        .collect();
    assert_eq!(bodies, ["a b=1", "a b=2", "", ""]);
    assert_eq!(receiver.try_iter().count(), 4);
}

#[test]
fn the_shared_servers_answer_at_the_addresses_in_the_file() {
    let shared = Shared::read();
    let names: Vec<_> = shared
        .variables()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let wanted = [
        "IOC__BROKER__URL",
        "IOC__INFLUXDB__BUCKET",
        "IOC__INFLUXDB__ORG",
        "IOC__INFLUXDB__TOKEN",
        "IOC__INFLUXDB__URL",
        "IOC__KAFKA__BROKERS",
    ];
    assert_eq!(names, wanted);
    let topic = format!("self-test-{}", std::process::id());
    shared.kafka().create(&topic, 1);
    produce(&shared.kafka(), &topic, "k|v\n");
    assert_eq!(shared.kafka().read(&topic)[0].value.as_deref(), Some("v"));
    shared.kafka().delete(&topic);
    let name = format!("self_test_{}", free_port());
    assert_eq!(shared.influxdb().write(&format!("{name} n=1")).status, 204);
    assert_eq!(shared.influxdb().count(Some(&name), None), 1);
    assert!(shared.broker().starts_with("mqtt://127.0.0.1:"));
}
