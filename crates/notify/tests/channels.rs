//! The other ways: mail, Zalo, text messages, CAP feed; each against a server of its own kind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use common::server::Server;
use common::{Folder, Hand, MORNING, Node, alert, at, changed, quick, raised, record};
use event::{AlertState, Change, Severity, Time};
use pipeline::Sink as _;

/// Takes mail and keeps it.
fn smtp() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mails: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&mails);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut writer = stream.try_clone().unwrap();
            let mut lines = BufReader::new(stream).lines();
            writer.write_all(b"220 ready\r\n").unwrap();
            let mut mail = None::<String>;
            while let Some(Ok(line)) = lines.next() {
                if let Some(text) = &mut mail {
                    if line == "." {
                        kept.lock().unwrap().push(std::mem::take(text));
                        mail = None;
                        writer.write_all(b"250 kept\r\n").unwrap();
                    } else {
                        text.push_str(&line);
                        text.push('\n');
                    }
                    continue;
                }
                let answer: &[u8] = match line.get(..4).unwrap_or_default() {
                    "RCPT" if line.contains("gone@") => b"550 no such user\r\n",
                    "DATA" => {
                        mail = Some(String::new());
                        b"354 go on\r\n"
                    }
                    "QUIT" => b"221 bye\r\n",
                    _ => b"250 ok\r\n",
                };
                if writer.write_all(answer).is_err() {
                    break;
                }
            }
        }
    });
    (port, mails)
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_sent_and_a_refused_address_is_final() {
    let (port, mails) = smtp();
    let (folder, clock) = (Folder::new("mail"), Hand::new(at(MORNING)));
    let directory = format!(
        "[channels.mail]\nkind = \"email\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"IOC <ioc@example.org>\"\n\
         [people.an]\nchain = [\"mail\"]\nemail = \"an@example.org\"\n\
         [people.gone]\nchain = [\"mail\"]\nemail = \"gone@example.org\"\n\
         [[routes]]\nto = [\"an\", \"gone\"]\n"
    );
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    node.submit(vec![record(0, &raised(alert("a:1", clock.time())))])
        .await;
    assert_eq!(
        node.settled().await,
        [
            ("a:1@1/mail/an".to_owned(), "delivered".to_owned()),
            ("a:1@1/mail/gone".to_owned(), "refused".to_owned()),
        ]
    );
    let mails = mails.lock().unwrap();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("To: an@example.org"), "{}", mails[0]);
    assert!(mails[0].contains("Message-ID: <"), "{}", mails[0]);
}

fn zalo(server: &Server, more: &str) -> String {
    format!(
        "[channels.zns]\nkind = \"zalo\"\nurl = \"{}\"\ntoken_url = \"{}\"\nallow_private = true\n\
         app_id = \"app 1\"\nsecret = \"app\"\nrefresh_secret = \"refresh\"\ntemplate_id = \"t1\"\n{more}\n\
         [channels.zns.slots]\nnoi = \"place\"\nmuc = \"level\"\nluc = \"time\"\n\
         [channels.sms]\nkind = \"sms\"\nurl = \"{}\"\nallow_private = true\nsecret = \"gateway\"\n\
         body = '{{\"to\":\"{{phone}}\",\"text\":\"{{text}}\",\"id\":\"{{key}}\"}}'\nsuccess_contains = \"ok\"\n\
         [channels.sms.headers]\ncontent-type = \"application/json\"\nauthorization = \"Bearer {{secret}}\"\n\
         [people.an]\nchain = [\"zns\", \"sms\"]\nphone = \"0912 345 678\"\n\
         [[routes]]\nto = [\"an\"]\n",
        server.url("/message/template"),
        server.url("/token"),
        server.url("/sms"),
    )
}

/// Hands out tokens, takes each refresh token once, and refuses whatever is not the newest access token.
fn zalo_server(refuse: &'static str) -> Server {
    let issued = Mutex::new(0_u32);
    Server::start(move |_, asked| match asked.path.as_str() {
        "/token" => {
            let mut issued = issued.lock().unwrap();
            let wanted =
                format!("refresh_token=refresh-{issued}&app_id=app%201&grant_type=refresh_token");
            if asked.body != wanted || asked.headers["secret_key"] != "app-secret" {
                return (200, "{\"error\":-14002}".to_owned());
            }
            *issued += 1;
            (
                200,
                format!(
                    "{{\"access_token\":\"access-{issued}\",\"refresh_token\":\"refresh-{issued}\",\"expires_in\":\"3600\"}}"
                ),
            )
        }
        "/sms" => (200, "{\"status\":\"ok\"}".to_owned()),
        _ if asked.headers["access_token"] != format!("access-{}", issued.lock().unwrap()) => {
            (200, "{\"error\":-124,\"message\":\"token\"}".to_owned())
        }
        _ => (200, refuse.to_owned()),
    })
}

const TAKEN: &str = "{\"error\":0,\"message\":\"Success\",\"data\":{\"msg_id\":\"m\",\"quota\":{\"remainingQuota\":\"9\"}}}";

#[tokio::test(flavor = "multi_thread")]
async fn zalo_refreshes_its_token_once_and_keeps_the_next() {
    let server = zalo_server(TAKEN);
    let (folder, clock) = (Folder::new("zalo"), Hand::new(at(MORNING)));
    let directory = zalo(&server, "development = true");
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    node.submit(vec![record(0, &raised(alert("a:1", clock.time())))])
        .await;
    node.settled().await;
    node.sink.close().await;
    drop(node);
    // Another life, after the token has run out: the kept refresh token is used, not the first one.
    clock.set(clock.time().plus(3_700 * Time::SECOND));
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    node.submit(vec![record(1, &raised(alert("a:2", clock.time())))])
        .await;
    assert_eq!(
        node.settled().await,
        [("a:2@1/zns/an".to_owned(), "delivered".to_owned())]
    );
    let asked = server.asked();
    let paths: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(
        paths,
        ["/token", "/message/template", "/token", "/message/template"]
    );
    let body = asked[1].json();
    assert_eq!(body["phone"], "84912345678");
    assert_eq!(body["mode"], "development");
    assert_eq!(body["tracking_id"].as_str().unwrap().len(), 32);
    assert_eq!(body["template_data"]["luc"], "08:00 10/09/2024");
    assert!(!asked[1].body.contains("an@"), "no personal data in slots");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_an_answer_of_200_is_a_failure_and_the_text_message_follows() {
    let server = zalo_server("{\"error\":-118,\"message\":\"no account\"}");
    let (folder, clock) = (Folder::new("fallback"), Hand::new(at(MORNING)));
    let mut node = Node::new(&folder, &quick(), &zalo(&server, ""), &clock);
    node.open().await;
    node.submit(vec![record(0, &raised(alert("a:1", clock.time())))])
        .await;
    assert_eq!(
        node.settled().await,
        [
            ("a:1@1/sms/an".to_owned(), "delivered".to_owned()),
            ("a:1@1/zns/an".to_owned(), "moved_on".to_owned()),
        ]
    );
    let asked = server.asked();
    let sms = asked.last().unwrap();
    assert_eq!(sms.headers["authorization"], "Bearer gateway-token");
    assert_eq!(
        sms.json()["text"],
        "NGHIEM TRONG - Canh bao moi: Muc nuoc <tren> bao dong 3. Goi dien & so tan"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_sending_hours_only_the_critical_goes_by_zalo() {
    let server = zalo_server(TAKEN);
    let night = at("2024-09-10T23:30:00+07:00");
    let (folder, clock) = (Folder::new("hours"), Hand::new(night));
    let directory = zalo(&server, "hours = \"06:00-22:00\"\ncritical_any_hour = true");
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    node.open().await;
    let mut critical = alert("a:critical", night);
    critical.severity = Severity::Critical;
    node.submit(vec![
        record(0, &raised(critical)),
        record(1, &raised(alert("a:major", night))),
    ])
    .await;
    assert_eq!(
        node.settled().await,
        [
            ("a:critical@1/zns/an".to_owned(), "delivered".to_owned()),
            ("a:major@1/sms/an".to_owned(), "delivered".to_owned()),
            ("a:major@1/zns/an".to_owned(), "moved_on".to_owned()),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_holds_current_messages_and_refers_to_earlier_ones() {
    let (folder, clock) = (Folder::new("feed"), Hand::new(at(MORNING)));
    let directory = "[cap]\nsender = \"ioc.laocai\"\n\
                     [channels.feed]\nkind = \"cap\"\nbase_url = \"https://example.org/cap/\"\n\
                     [people.public]\nchain = [\"feed\"]\n[[routes]]\nto = [\"public\"]\n";
    let mut node = Node::new(&folder, &quick(), directory, &clock);
    node.open().await;
    let first = alert("a:1", clock.time());
    let mut returned = first.clone();
    returned.revision = 2;
    returned.state = AlertState::ReturnedUnacknowledged;
    returned.changed = clock.time().plus(Time::SECOND);
    returned.returned = Some(returned.changed);
    let mut never = alert("a:2", clock.time());
    never.revision = 4;
    node.submit(vec![record(0, &raised(first))]).await;
    node.settled().await;
    node.submit(vec![
        record(1, &changed(Change::ReturnedToNormal, returned)),
        record(2, &changed(Change::Annulled, never)),
    ])
    .await;
    node.settled().await;
    let dir = folder.0.join("feed-feed");
    let atom = std::fs::read_to_string(dir.join("feed.atom")).unwrap();
    assert_eq!(atom.matches("<entry>").count(), 1);
    assert!(atom.contains("<msgType>Update</msgType>"));
    assert!(atom.contains("<references>ioc.laocai,a:1.1,2024-09-10T08:00:00+07:00</references>"));
    let files = std::fs::read_dir(&dir).unwrap().count();
    assert_eq!(files, 2, "the feed and its one message");
}
