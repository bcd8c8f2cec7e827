//! The state machine against a model that looks through the whole history, with payloads written by another protobuf library.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::format::lorawan::tests::{shake, wire};

#[derive(Clone, PartialEq, Message)]
struct PayloadOut {
    #[prost(uint64, optional, tag = "1")]
    timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<MetricOut>,
    #[prost(uint64, optional, tag = "3")]
    sequence: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct MetricOut {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    alias: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    datatype: Option<u32>,
    #[prost(uint64, optional, tag = "11")]
    long: Option<u64>,
    #[prost(double, optional, tag = "13")]
    double: Option<f64>,
}

fn level(name: bool, alias: u64) -> MetricOut {
    MetricOut {
        name: name.then(|| "Tank/Level".to_owned()),
        alias: Some(alias),
        datatype: Some(10),
        double: Some(3.5),
        ..MetricOut::default()
    }
}

fn session(number: u64) -> MetricOut {
    MetricOut {
        name: Some("bdSeq".to_owned()),
        datatype: Some(4),
        long: Some(number),
        ..MetricOut::default()
    }
}

fn payload(sequence: Option<u64>, metrics: Vec<MetricOut>) -> Vec<u8> {
    let payload = PayloadOut {
        timestamp: Some(1_795_316_645_000),
        metrics,
        sequence,
    };
    payload.encode_to_vec()
}

const DEVICES: [&str; 2] = ["Tank", "Pump"];

/// What the edge node did.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    NodeBirth,
    NodeDeath {
        stale: bool,
    },
    /// Of a device.
    Birth(usize),
    Death(usize),
    /// Of the node (`None`) or a device, by name or by alias.
    Data(Option<usize>, bool),
    /// The monitor stops and goes on from its snapshot.
    Restore,
}

fn act() -> impl Strategy<Value = (Act, bool)> {
    let act = prop_oneof![
        1 => Just(Act::NodeBirth),
        1 => any::<bool>().prop_map(|stale| Act::NodeDeath { stale }),
        3 => (0..2_usize).prop_map(Act::Birth),
        1 => (0..2_usize).prop_map(Act::Death),
        6 => (proptest::option::of(0..2_usize), any::<bool>()).prop_map(|(who, name)| Act::Data(who, name)),
        1 => Just(Act::Restore),
    ];
    (act, proptest::bool::weighted(0.15))
}

/// All that was done and which of it arrived, judged by looking back through it each time.
#[derive(Default)]
struct Model {
    history: Vec<(Act, bool)>,
}

impl Model {
    /// Index of the birth of the node that is in force, as far as was delivered.
    fn node_birth(&self) -> Option<usize> {
        let mut births = self
            .history
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, (_, arrived))| *arrived);
        let (at, (act, _)) = births.find(|(_, (act, _))| {
            matches!(act, Act::NodeBirth | Act::NodeDeath { stale: false })
        })?;
        (*act == Act::NodeBirth).then_some(at)
    }

    fn birth(&self, who: Option<usize>) -> Option<usize> {
        let node = self.node_birth()?;
        let Some(device) = who else { return Some(node) };
        let behind = self.history.iter().enumerate().skip(node).rev();
        let mut acts = behind.filter(|(_, (_, arrived))| *arrived);
        let (at, (act, _)) =
            acts.find(|(_, (act, _))| *act == Act::Birth(device) || *act == Act::Death(device))?;
        (*act == Act::Birth(device)).then_some(at)
    }

    /// Index of the birth that gave the names that are in force: a device may be born too early, and then its names are
    /// known though nothing is sure.
    fn names(&self, who: Option<usize>) -> Option<usize> {
        let Some(device) = who else {
            return self.node_birth();
        };
        let mut acts = self
            .history
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, (_, arrived))| *arrived);
        let ends = [
            Act::Death(device),
            Act::NodeBirth,
            Act::NodeDeath { stale: false },
        ];
        let (at, (act, _)) =
            acts.find(|(_, (act, _))| *act == Act::Birth(device) || ends.contains(act))?;
        (*act == Act::Birth(device)).then_some(at)
    }

    fn lost_since(&self, at: usize) -> bool {
        self.history.iter().skip(at).any(|(_, arrived)| !arrived)
    }

    /// How often the sender has given names: what its aliases mean now.
    fn generation(&self, who: Option<usize>, upto: usize) -> u64 {
        let wanted = who.map_or(Act::NodeBirth, Act::Birth);
        let births = self
            .history
            .iter()
            .take(upto)
            .filter(|(act, _)| *act == wanted);
        births.count() as u64
    }
}

fn alias(who: Option<usize>, generation: u64) -> u64 {
    who.map_or(1_000_000, |device| device as u64 * 10_000) + generation
}

fn address(who: Option<usize>) -> String {
    who.map_or("LaoCaiWater/CocSan".to_owned(), |device| {
        format!("LaoCaiWater/CocSan/{}", DEVICES[device])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn agrees_with_the_naive_model(acts in proptest::collection::vec(act(), 1..120)) {
        let mut memory = Memory::default();
        let mut model = Model::default();
        let (mut sequence, mut bd) = (0_u64, 0_u64);
        for (act, lost) in acts {
            let here = model.history.len();
            let (kind, who, bytes) = match act {
                Act::Restore => {
                    let saved = postcard::to_stdvec(&memory).expect("saves");
                    let restored: Memory = postcard::from_bytes(&saved).expect("restores");
                    prop_assert_eq!(&restored, &memory);
                    memory = restored;
                    continue;
                }
                Act::NodeBirth => {
                    // Near the end of the circle, so that it is gone round.
                    (sequence, bd) = (250, bd + 1);
                    let alias = alias(None, model.generation(None, here) + 1);
                    ("NBIRTH", None, payload(Some(sequence), vec![session(bd), level(true, alias)]))
                }
                Act::NodeDeath { stale } => {
                    let bd = if stale { bd.wrapping_sub(1) } else { bd };
                    ("NDEATH", None, payload(None, vec![session(bd)]))
                }
                Act::Birth(device) => {
                    sequence = (sequence + 1) % 256;
                    let alias = alias(Some(device), model.generation(Some(device), here) + 1);
                    ("DBIRTH", Some(device), payload(Some(sequence), vec![level(true, alias)]))
                }
                Act::Death(device) => {
                    sequence = (sequence + 1) % 256;
                    ("DDEATH", Some(device), payload(Some(sequence), vec![]))
                }
                Act::Data(who, name) => {
                    sequence = (sequence + 1) % 256;
                    let alias = alias(who, model.generation(who, here));
                    let metric = MetricOut { alias: (!name).then_some(alias), ..level(name, alias) };
                    (if who.is_some() { "DDATA" } else { "NDATA" }, who, payload(Some(sequence), vec![metric]))
                }
            };
            // The loss of a birth of the node cannot always be seen, and a will is not lost.
            let lost = lost && !matches!(act, Act::NodeBirth | Act::NodeDeath { .. });
            let tail = who.map_or(String::new(), |device| format!("/{}", DEVICES[device]));
            let topic = format!("spBv1.0/LaoCaiWater/{kind}/CocSan{tail}");
            if !lost {
                let mut out = Records::new(100, 64);
                let result = decode(&wire(&topic, &bytes), &Plan::default(), &mut memory, &mut out);
                if let Act::Data(who, name) = act {
                    let birth = model.birth(who);
                    let sound = birth.is_some_and(|birth| !model.lost_since(birth));
                    let known = model.names(who).is_some_and(|birth| {
                        model.generation(who, birth + 1) == model.generation(who, here)
                    });
                    if name || known {
                        prop_assert!(result.is_ok());
                        let [record] = out.list() else { panic!("one record") };
                        prop_assert_eq!(&record.subject, &Subject::Address(address(who)));
                        prop_assert_eq!(record.quality.is_good(), sound, "{:?}", model.history);
                        prop_assert_eq!(record.flags.has(EventFlags::SEQUENCE_GAP), !sound);
                    } else {
                        prop_assert_eq!(result.expect_err("no name").code, RejectCode::AliasUnknown);
                    }
                } else {
                    prop_assert!(result.is_ok());
                }
            }
            // Before any session there is no earlier one.
            let none_before = bd == 0 && matches!(act, Act::NodeDeath { .. });
            let act = if none_before { Act::NodeDeath { stale: false } } else { act };
            model.history.push((act, !lost));
        }
    }
}

#[test]
fn shaken_payloads_never_panic() {
    let good = payload(Some(3), vec![session(7), level(true, 10), level(false, 11)]);
    for topic in [
        "spBv1.0/LaoCaiWater/NBIRTH/CocSan",
        "spBv1.0/LaoCaiWater/DBIRTH/CocSan/Tank",
        "spBv1.0/LaoCaiWater/DDATA/CocSan/Tank",
        "spBv1.0/LaoCaiWater/NDEATH/CocSan",
    ] {
        let mut memory = Memory::default();
        shake(&good, |bytes| {
            let mut out = Records::new(100, 64);
            // Only that it comes back matters.
            let _ = decode(&wire(topic, bytes), &Plan::default(), &mut memory, &mut out);
        });
    }
}

fn born(memory: &mut Memory, topic: &str, metrics: usize) -> Result<(), Fault> {
    let named = |at: usize| MetricOut {
        name: Some(format!("m{at}")),
        alias: Some(at as u64),
        datatype: Some(10),
        ..MetricOut::default()
    };
    let bytes = payload(Some(0), (0..metrics).map(named).collect());
    let mut out = Records::new(100, 6_000);
    decode(&wire(topic, &bytes), &Plan::default(), memory, &mut out)
}

#[test]
fn nodes_metrics_and_devices_are_bounded() {
    let mut memory = Memory::default();
    for node in 0..memory::NODES_MAX {
        born(&mut memory, &format!("spBv1.0/g/NBIRTH/n{node}"), 1).expect("room");
    }
    let one_more = born(&mut memory, "spBv1.0/g/NBIRTH/more", 1).expect_err("no room");
    assert_eq!(one_more.code, RejectCode::DeviceLimit);
    // A dead one gives way.
    let bytes = payload(None, vec![]);
    let mut out = Records::new(100, 64);
    decode(
        &wire("spBv1.0/g/NDEATH/n5", &bytes),
        &Plan::default(),
        &mut memory,
        &mut out,
    )
    .expect("a death");
    born(&mut memory, "spBv1.0/g/NBIRTH/more", 1).expect("room");

    let mut memory = Memory::default();
    born(&mut memory, "spBv1.0/g/NBIRTH/n", 4_999).expect("room");
    born(&mut memory, "spBv1.0/g/DBIRTH/n/a", 1).expect("at the limit");
    let one_more = born(&mut memory, "spBv1.0/g/DBIRTH/n/b", 1).expect_err("past the limit");
    assert_eq!(one_more.code, RejectCode::DeviceLimit);
    // A device that is born again takes no more room.
    born(&mut memory, "spBv1.0/g/DBIRTH/n/a", 1).expect("at the limit");

    let mut memory = Memory::default();
    born(&mut memory, "spBv1.0/g/NBIRTH/n", 1).expect("room");
    for device in 0..memory::DEVICES_MAX {
        born(&mut memory, &format!("spBv1.0/g/DBIRTH/n/d{device}"), 1).expect("room");
    }
    let one_more = born(&mut memory, "spBv1.0/g/DBIRTH/n/more", 1).expect_err("past the limit");
    assert_eq!(one_more.code, RejectCode::DeviceLimit);
}

#[test]
fn whoever_is_uncertain_should_be_asked_for_a_rebirth() {
    let mut memory = Memory::default();
    born(&mut memory, "spBv1.0/LaoCaiWater/NBIRTH/CocSan", 1).expect("a birth");
    assert_eq!(memory.pending_rebirth().count(), 0);
    let mut out = Records::new(100, 64);
    let late = payload(Some(9), vec![level(true, 1)]);
    let topic = "spBv1.0/LaoCaiWater/NDATA/CocSan";
    decode(&wire(topic, &late), &Plan::default(), &mut memory, &mut out).expect("data");
    assert_eq!(
        memory.pending_rebirth().collect::<Vec<_>>(),
        ["LaoCaiWater/CocSan"]
    );
    born(&mut memory, "spBv1.0/LaoCaiWater/NBIRTH/CocSan", 1).expect("a birth");
    assert_eq!(memory.pending_rebirth().count(), 0);
    // Strangers leave no trace.
    decode(
        &wire("spBv1.0/x/NDATA/y", &late),
        &Plan::default(),
        &mut memory,
        &mut out,
    )
    .expect("data");
    assert_eq!(memory.pending_rebirth().count(), 0);
}

/// The largest messages that are taken, and the largest that are not, cost little.
#[test]
fn the_worst_messages_are_cheap() {
    let started = std::time::Instant::now();
    let mut memory = Memory::default();
    for _ in 0..10 {
        born(&mut memory, "spBv1.0/LaoCaiWater/NBIRTH/CocSan", 5_000).expect("at the limit");
        let empty = [0x12, 0x00].repeat(2 << 20);
        let mut out = Records::new(100, 64);
        let topic = "spBv1.0/LaoCaiWater/NDATA/CocSan";
        let fault = decode(
            &wire(topic, &empty),
            &Plan::default(),
            &mut memory,
            &mut out,
        );
        assert_eq!(fault.expect_err("too many").code, RejectCode::TooManyFields);
    }
    // 50 ms each where it counts; this is not optimized and shares its processor.
    assert!(started.elapsed().as_millis() < 20 * 500);
}
