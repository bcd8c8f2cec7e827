//! The broker's configuration and the script that starts it in compose, run by the mosquitto of this machine.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ioc_tests::node::Folder;
use ioc_tests::process::{Guard, output};
use ioc_tests::services::free_port;
use ioc_tests::wait;
use serde_yaml_ng::Value;

use crate::text;

/// mosquitto as compose starts it, with its folders in the test's.
fn start(folder: &Folder, port: u16) -> Guard {
    let root = folder.path().join("mosquitto");
    for part in ["config", "data"] {
        fs::create_dir_all(root.join(part)).unwrap();
    }
    let here = |text: &str| text.replace("/mosquitto/", &format!("{}/", root.display()));
    let mut configuration = here(&text("mosquitto/mosquitto.conf"))
        .replace("listener 1883", &format!("listener {port} 127.0.0.1"));
    // The first user of this system may be root, for whom mosquitto would become another.
    configuration.push_str("user root\n");
    fs::write(root.join("config/mosquitto.conf"), configuration).unwrap();
    fs::write(root.join("config/acl"), text("mosquitto/acl")).unwrap();
    let compose: Value = serde_yaml_ng::from_str(&text("compose.yaml")).unwrap();
    let command = &compose["services"]["mosquitto"]["command"];
    assert_eq!(command[0].as_str(), Some("sh"));
    let script = here(&command[2].as_str().unwrap().replace("$$", "$"));
    let log = fs::File::create(folder.path().join("mosquitto.log")).unwrap();
    let path = format!("{}:/usr/sbin:/usr/bin:/bin", std::env::var("PATH").unwrap());
    let child = Command::new("sh")
        .args(["-c", &script])
        .env("PATH", path)
        .env("MQTT_IOC_PASSWORD", "of ioc $1")
        .env("MQTT_DEVICE_PASSWORD", "of the device")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    Guard(child)
}

fn publish(port: u16, login: &[&str], topic: &str, message: &str) -> Output {
    let port = port.to_string();
    let mut all = vec![
        "-p", &port, "-V", "5", "-q", "1", "-t", topic, "-m", message,
    ];
    all.extend(login);
    output("mosquitto_pub", all)
}

/// Reads as ioc, in a session that outlives the connection.
fn subscribe(port: u16, filter: &str, until: &[&str]) -> Output {
    let port = port.to_string();
    let mut all = vec![
        "-p",
        &port,
        "-u",
        "ioc",
        "-P",
        "of ioc $1",
        "-i",
        "ioc-1",
        "-c",
    ];
    all.extend(["-q", "1", "-t", filter, "-v", "-W", "20"]);
    all.extend(until);
    output("mosquitto_sub", all)
}

#[test]
fn the_broker_asks_for_passwords_and_lets_each_do_its_part() {
    let folder = Folder::new("mosquitto");
    let port = free_port();
    let mut broker = start(&folder, port);
    let device = ["-u", "device", "-P", "of the device"];
    let log = || fs::read_to_string(folder.path().join("mosquitto.log")).unwrap_or_default();
    wait::until("mosquitto takes a login", Duration::from_secs(20), || {
        assert!(broker.0.try_wait().unwrap().is_none(), "{}", log());
        publish(port, &device, "ioc/x/env/probe/up", "1")
            .status
            .success()
            .then_some(())
    });
    let nobody = publish(port, &[], "ioc/x/env/d/up", "1");
    assert!(!nobody.status.success(), "anonymous may publish");
    let wrong = publish(
        port,
        &["-u", "device", "-P", "wrong"],
        "ioc/x/env/d/up",
        "1",
    );
    assert!(!wrong.status.success(), "a wrong password is taken");

    // A session first, so that what is published is kept for it.
    let filter = "ioc/+/env/+/up";
    assert!(
        subscribe(port, filter, &["-E"]).status.success(),
        "{}",
        log()
    );
    let denied = publish(port, &device, "elsewhere/env/d/up", "not allowed");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&denied.stdout),
        String::from_utf8_lossy(&denied.stderr)
    );
    assert!(!told.is_empty(), "a denied MQTT 5 publish is not told");
    assert!(
        publish(port, &device, "ioc/x/env/d/up", "allowed")
            .status
            .success()
    );
    let read = subscribe(port, filter, &["-C", "1"]);
    let read = String::from_utf8(read.stdout).unwrap();
    assert!(
        read.contains("ioc/x/env/d/up allowed"),
        "{read:?}\n{}",
        log()
    );
    // What the health check of compose asks for.
    let alive = subscribe(port, "$SYS/broker/uptime", &["-C", "1"]);
    assert!(alive.status.success(), "{}", log());
}
