//! Warnings to the public: told when they are released, to the routes that are for them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::server::Server;
use common::{Folder, Hand, MORNING, Node, alert, at, quick, raised, record, warned, warning};
use event::{PublicWarningId, WarningState, WarningType};

#[tokio::test(flavor = "multi_thread")]
async fn a_released_warning_goes_to_public_routes_and_into_the_feed() {
    let server = Server::start(|_, _| (204, String::new()));
    let (folder, clock) = (Folder::new("warned"), Hand::new(at(MORNING)));
    let directory = format!(
        "[channels.hook]\nkind = \"webhook\"\nsecret = \"hook\"\nallow_private = true\n\
         [channels.feed]\nkind = \"cap\"\n\
         [people.an]\nchain = [\"hook\"]\nwebhook = \"{}\"\n\
         [people.public]\nchain = [\"feed\"]\n\
         [[routes]]\nto = [\"an\", \"public\"]\npublic = true\n",
        server.url("/an")
    );
    let mut node = Node::new(&folder, &quick(), &directory, &clock);
    let feed = node.sink.cap_feed().unwrap();
    assert!(!feed.feed(clock.time(), "cap/").contains("<entry>"));
    node.open().await;
    let mut proposed = warning();
    proposed.state = WarningState::Proposed;
    let mut cancel = warning();
    cancel.id = PublicWarningId("w2".to_owned());
    cancel.kind = WarningType::Cancel;
    cancel.references = vec![warning().id];
    cancel.changed = at("2024-09-10T08:10:00+07:00");
    node.submit(vec![
        // Neither an alert nor what nobody has released yet.
        record(1, &raised(alert("a:1", clock.time()))),
        warned(2, &proposed),
        warned(3, &warning()),
    ])
    .await;
    let results = node.settled().await;
    let keys: Vec<&str> = results.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["w 1@1/feed/public", "w 1@1/hook/an"]);
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].json()["type"], "warning.released");
    // The feed has it, by its link and by its identifier.
    let atom = feed.feed(clock.time(), "cap/");
    assert_eq!(atom.matches("<entry>").count(), 1);
    let link = atom.split("href=\"cap/").nth(1).unwrap();
    let name = link.split('"').next().unwrap();
    let message = feed.message(name).unwrap();
    assert_eq!(feed.message("w_1").as_ref(), Some(&message));
    assert!(message.contains("<msgType>Alert</msgType>"), "{message}");
    assert_eq!(feed.message("w3"), None);
    // Expired: nothing is published any more, and still it is not in force.
    let later = at(MORNING).plus(2 * 3_600_000_000_000);
    assert!(!feed.feed(later, "cap/").contains("<entry>"));
    node.submit(vec![warned(4, &cancel)]).await;
    node.settled().await;
    let cancelled = feed.message("w2").unwrap();
    assert!(cancelled.contains("<msgType>Cancel</msgType>"));
    assert!(cancelled.contains("<references>ioc.local,w_1,2024-09-10T08:00:00+07:00</references>"));
}
