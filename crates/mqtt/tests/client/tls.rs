//! Encrypted, with certificates on both sides.

use std::path::{Path, PathBuf};

use mqtt::client::ClientConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::support::{Broker, Node, V3, V5, until};

const TOPIC: &str = "ioc/x/energy/e/up";

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("key")).expect("authority")
}

/// Writes `name.pem` and `name.key`.
fn issue(folder: &Path, authority: &CertifiedIssuer<'static, KeyPair>, name: &str, host: &str) {
    let key = KeyPair::generate().expect("key");
    let mut params = CertificateParams::new(vec![host.to_owned()]).expect("names");
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let certificate = params.signed_by(&key, authority).expect("certificate");
    std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).expect("written");
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("written");
}

struct Files(PathBuf);

impl Files {
    fn make(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        let (ours, theirs) = (authority("ours"), authority("theirs"));
        std::fs::write(folder.join("ca.pem"), ours.pem()).expect("written");
        std::fs::write(folder.join("other.pem"), theirs.pem()).expect("written");
        issue(&folder, &ours, "broker", "localhost");
        issue(&folder, &ours, "client", "node");
        issue(&folder, &theirs, "stranger", "node");
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A broker that takes only those whom our authority vouches for.
async fn broker(files: &Files) -> Broker {
    Broker::with(&format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
        files.at("ca.pem").display(),
        files.at("broker.pem").display(),
        files.at("broker.key").display(),
    ))
    .await
}

fn with(files: &Files, ca: &str, own: &str) -> impl FnOnce(&mut ClientConfig) {
    let (ca, cert, key) = (
        files.at(ca),
        files.at(&format!("{own}.pem")),
        files.at(&format!("{own}.key")),
    );
    move |config| {
        config.ca_file = ca;
        config.cert_file = cert;
        config.key_file = key;
    }
}

#[tokio::test]
async fn certificates_open_the_door_and_wrong_ones_are_told() {
    let files = Files::make("door");
    let broker = broker(&files).await;
    let url = format!("mqtts://localhost:{}", broker.port);
    for protocol in [V3, V5] {
        let good = with(&files, "ca.pem", "client");
        let node = Node::start(&url, |config| {
            good(config);
            config.protocol = protocol;
        });
        node.ready().await;
        // Published through the same door by the broker's own tool.
        let published = std::process::Command::new("mosquitto_pub")
            .args([
                "-h",
                "localhost",
                "-p",
                &broker.port.to_string(),
                "-q",
                "1",
                "-t",
                TOPIC,
                "-m",
                "safe",
            ])
            .arg("--cafile")
            .arg(files.at("ca.pem"))
            .arg("--cert")
            .arg(files.at("client.pem"))
            .arg("--key")
            .arg(files.at("client.key"))
            .status()
            .expect("mosquitto_pub is installed");
        assert!(published.success());
        node.acknowledged(1).await;
        assert_eq!(node.payloads(), ["safe"]);
        let (_, ended) = node.stop().await;
        ended.expect("in order");
    }
    for (ca, own) in [("other.pem", "client"), ("ca.pem", "stranger")] {
        let node = Node::start(&url, with(&files, ca, own));
        until("told", || {
            node.link(0)
                .last_error
                .is_some_and(|words| words.contains("ca_file"))
        })
        .await;
        assert_eq!(node.count().connected, 0);
    }
}

/// The rescue goes through the same door.
#[tokio::test]
async fn a_poisonous_message_is_taken_out_of_an_encrypted_session() {
    let files = Files::make("rescue");
    let broker = broker(&files).await;
    let url = format!("mqtts://localhost:{}", broker.port);
    let good = with(&files, "ca.pem", "client");
    let node = Node::start(&url, |config| {
        good(config);
        config.payload_bytes_max = 1_024;
        config.packet_bytes_max = 4_096;
        config.poison_after = 2;
    });
    node.ready().await;
    std::fs::write(files.at("large"), "x".repeat(100_000)).expect("written");
    let published = std::process::Command::new("mosquitto_pub")
        .args([
            "-h",
            "localhost",
            "-p",
            &broker.port.to_string(),
            "-q",
            "1",
            "-t",
            TOPIC,
            "-f",
        ])
        .arg(files.at("large"))
        .arg("--cafile")
        .arg(files.at("ca.pem"))
        .arg("--cert")
        .arg(files.at("client.pem"))
        .arg("--key")
        .arg(files.at("client.key"))
        .status()
        .expect("mosquitto_pub is installed");
    assert!(published.success());
    until("taken out", || node.count().poison_rescued == 1).await;
    assert_eq!(node.messages()[0].oversize, Some(100_000));
    node.ready().await;
}
