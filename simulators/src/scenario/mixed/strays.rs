//! What arrives and belongs to nobody: a device that is not in the catalogue, a topic that no source knows.

use serde_json::json;

use super::speaker::Turn;
use super::{City, Gateway, topic};
use crate::formats::lorawan::{self, Heard};
use crate::formats::times;

pub(super) fn add(city: &mut City) {
    city.add(
        Gateway::Lora,
        "chirpstack",
        "stray-lora",
        (900, 58),
        |turn: &mut Turn<'_>| {
            let heard = Heard {
                device: "stray-lora",
                dev_eui: "24e1240000000bad",
                counter: turn.number + 1,
                port: 85,
                at_ns: turn.now_ns,
                rssi: -101,
                snr: -3.5,
                chance: (turn.random.bits(), turn.random.bits()),
                frame: &[0x01, 0x75, 0x63],
                decoded: Some(json!({"battery": 99})),
            };
            let body = lorawan::chirpstack_up(heard).to_string();
            turn.say(lorawan::chirpstack_topic("24e1240000000bad", "up"), body)
                .refused("unknown_device");
        },
    );
    city.add(
        Gateway::Logger,
        "native",
        "stray-native",
        (900, 59),
        |turn: &mut Turn<'_>| {
            let body =
                json!({"id": "zz-unlisted-1", "ts": times::millis(turn.now_ns), "level": 12.5});
            turn.say(topic("disaster", "zz-unlisted-1"), body.to_string())
                .refused("unknown_device");
        },
    );
    city.add(
        Gateway::Office,
        "native",
        "stray-topic",
        (1_500, 61),
        |turn: &mut Turn<'_>| {
            turn.say("factory/plc7/values", "17;3;OK")
                .refused("unknown_topic");
        },
    );
}
