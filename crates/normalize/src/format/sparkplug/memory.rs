//! What is remembered of edge nodes: the names that aliases stand for, where the sequence is, who lives.
//!
//! Bounds: [`NODES_MAX`] edge nodes, [`DEVICES_MAX`] devices and [`METRICS_PER_NODE_MAX`] metrics each, and over all of them
//! [`METRICS_MAX`] metrics with [`NAME_BYTES_MAX`] bytes of names. What is beyond is refused with `device_limit`; a dead
//! node gives way to a new one first.

use std::collections::BTreeMap;

use event::RejectCode;
use serde::{Deserialize, Serialize};

use super::wire::Metric;
use crate::fault::Fault;

pub(super) const NODES_MAX: usize = 1_000;
pub(super) const DEVICES_MAX: usize = 1_000;
pub(super) const METRICS_PER_NODE_MAX: usize = 5_000;
const METRICS_MAX: usize = 100_000;
const NAME_BYTES_MAX: usize = 8 << 20;
/// Longest name of a metric.
const NAME_MAX: usize = 512;

/// All edge nodes by `group/edge`, sorted: the same memory has the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    nodes: BTreeMap<String, Node>,
}

impl Memory {
    /// Edge nodes (`group/edge`) whose session is not sound: whoever can publish should ask them for a rebirth.
    #[allow(
        dead_code,
        reason = "nothing publishes the request yet; the tests hold the list to its word"
    )]
    pub(crate) fn pending_rebirth(&self) -> impl Iterator<Item = &str> {
        let wanting = self.nodes.iter().filter(|(_, node)| node.rebirth);
        wanting.map(|(key, _)| key.as_str())
    }

    /// What a message of that topic can change: its edge node, and the one that would give way to it.
    pub(crate) fn before(&self, topic: &str) -> Before {
        let mut levels = topic.split('/').skip(1);
        let (group, edge) = (levels.next(), levels.nth(1));
        let key = format!("{}/{}", group.unwrap_or(""), edge.unwrap_or(""));
        let gives_way = !self.nodes.contains_key(&key) && self.nodes.len() >= NODES_MAX;
        let dead = gives_way.then(|| self.nodes.iter().find(|(_, node)| !node.own.alive));
        let dead = dead.flatten();
        Before {
            node: self.nodes.get(&key).cloned(),
            gone: dead.map(|(key, node)| (key.clone(), node.clone())),
            key,
        }
    }

    pub(crate) fn put_back(&mut self, before: Before) {
        match before.node {
            Some(node) => self.nodes.insert(before.key, node),
            None => self.nodes.remove(&before.key),
        };
        self.nodes.extend(before.gone);
    }

    pub(super) fn node(&mut self, key: &str) -> Option<&mut Node> {
        self.nodes.get_mut(key)
    }

    /// The node of that name, made if it is new and there is room.
    pub(super) fn admit(&mut self, key: &str) -> Result<&mut Node, Fault> {
        if !self.nodes.contains_key(key) && self.nodes.len() >= NODES_MAX {
            let dead = self.nodes.iter().find(|(_, node)| !node.own.alive);
            let Some(dead) = dead.map(|(key, _)| key.clone()) else {
                return Err(limit(&format!("{NODES_MAX} edge nodes are alive")));
            };
            self.nodes.remove(&dead);
        }
        Ok(self.nodes.entry(key.to_owned()).or_default())
    }

    /// Whether a table of so many metrics and bytes of names still has room, beside all but those that it replaces.
    pub(super) fn room(&self, key: &str, device: Option<&str>, table: &Table) -> Result<(), Fault> {
        let (mut metrics, mut bytes) = (table.names.len(), table.bytes());
        for (name, node) in &self.nodes {
            if name == key {
                // A birth of the node puts away the tables of its devices.
                let Some(device) = device else { continue };
                let devices = node.devices.iter().filter(|(name, _)| *name != device);
                let tables = devices
                    .map(|(_, owner)| &owner.table)
                    .chain([&node.own.table]);
                let others: usize = tables.clone().map(|table| table.names.len()).sum();
                if others + table.names.len() > METRICS_PER_NODE_MAX {
                    return Err(limit(&format!(
                        "edge node `{key}` has more than {METRICS_PER_NODE_MAX} metrics"
                    )));
                }
                metrics += others;
                bytes += tables.map(Table::bytes).sum::<usize>();
            } else {
                metrics += node.metrics;
                bytes += node.bytes;
            }
        }
        if metrics > METRICS_MAX || bytes > NAME_BYTES_MAX {
            return Err(limit(&format!(
                "all edge nodes together have more than {METRICS_MAX} metrics or {NAME_BYTES_MAX} bytes of names"
            )));
        }
        Ok(())
    }
}

/// An edge node as it was before a message.
pub(crate) struct Before {
    key: String,
    node: Option<Node>,
    gone: Option<(String, Node)>,
}

fn limit(what: &str) -> Fault {
    let reason = format!("{what}; find who makes up nodes, or split them over two sites");
    Fault::new(RejectCode::DeviceLimit, reason)
}

/// One edge node with its devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) own: Owner,
    pub(super) devices: BTreeMap<String, Owner>,
    /// Number of the session, said by the birth and again by the death that belongs to it.
    pub(super) session: Option<u64>,
    /// The sequence number that comes next; none before the first message of a session.
    next: Option<u8>,
    /// Somebody should ask it for its birth certificates.
    pub(super) rebirth: bool,
    /// Of all tables, kept so that bounds cost no walk.
    metrics: usize,
    bytes: usize,
}

/// A node or a device: who may be spoken of by alias.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) alive: bool,
    /// Nothing is missing since its birth.
    pub(super) sound: bool,
    pub(super) table: Table,
}

impl Node {
    /// Takes the next sequence number; true if messages are missing before it. A missing number is a zero that an encoder
    /// of protobuf 3 left out.
    pub(super) fn step(&mut self, sequence: Option<u64>) -> bool {
        let sequence = sequence.unwrap_or(0);
        let gap = self.next.is_some_and(|next| u64::from(next) != sequence);
        // Only the lowest eight bits count on.
        self.next = Some((sequence as u8).wrapping_add(1));
        if gap {
            self.doubt();
        }
        gap
    }

    /// From now on nothing is sure until the next birth.
    pub(super) fn doubt(&mut self) {
        self.rebirth = true;
        self.own.sound = false;
        self.devices
            .values_mut()
            .for_each(|owner| owner.sound = false);
    }

    pub(super) fn born(&mut self, session: Option<u64>, sequence: Option<u64>, table: Table) {
        // Devices are still there, but what their aliases stand for comes with their own births.
        self.devices.retain(|_, owner| owner.alive);
        for owner in self.devices.values_mut() {
            owner.sound = false;
            owner.table = Table::default();
        }
        self.own = Owner {
            alive: true,
            sound: true,
            table,
        };
        self.session = session;
        self.next = Some((sequence.unwrap_or(0) as u8).wrapping_add(1));
        self.rebirth = false;
        self.count();
    }

    pub(super) fn device_born(&mut self, device: &str, table: Table) -> Result<&Owner, Fault> {
        if !self.devices.contains_key(device) && self.devices.len() >= DEVICES_MAX {
            return Err(limit(&format!(
                "an edge node has more than {DEVICES_MAX} devices"
            )));
        }
        let sound = self.own.alive;
        // A device cannot be born before its node.
        self.rebirth |= !sound;
        let owner = Owner {
            alive: true,
            sound,
            table,
        };
        self.devices.insert(device.to_owned(), owner);
        self.count();
        Ok(self.devices.entry(device.to_owned()).or_default())
    }

    pub(super) fn device_died(&mut self, device: &str) {
        self.devices.remove(device);
        self.count();
    }

    /// The session is over; gives the devices that lived.
    pub(super) fn died(&mut self) -> Vec<String> {
        let devices = std::mem::take(&mut self.devices);
        *self = Self {
            session: self.session,
            ..Self::default()
        };
        let living = devices.into_iter().filter(|(_, owner)| owner.alive);
        living.map(|(device, _)| device).collect()
    }

    fn count(&mut self) {
        let tables = self.devices.values().map(|owner| &owner.table);
        let tables = tables.chain([&self.own.table]);
        self.metrics = tables.clone().map(|table| table.names.len()).sum();
        self.bytes = tables.map(Table::bytes).sum();
    }

    pub(super) fn owner(&self, device: Option<&str>) -> Option<&Owner> {
        match device {
            None => Some(&self.own),
            Some(device) => self.devices.get(device),
        }
    }

    /// Name and datatype of an alias: of that owner, else of the node itself (aliases are unique in a node; some encoders
    /// count from zero for each device, so the owner's own come first).
    pub(super) fn by_alias(&self, device: Option<&str>, alias: u64) -> Option<(&str, u64)> {
        let own = self
            .owner(device)
            .and_then(|owner| owner.table.by_alias(alias));
        own.or_else(|| self.own.table.by_alias(alias))
    }

    pub(super) fn datatype(&self, device: Option<&str>, name: &str) -> Option<u64> {
        self.owner(device)?.table.datatype(name)
    }
}

/// The metrics of a birth certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    /// Names with their datatypes, sorted.
    names: Vec<(String, u64)>,
    /// Aliases with their places in `names`, sorted.
    aliases: Vec<(u64, u32)>,
}

impl Table {
    pub(super) fn of(metrics: &[Metric<'_>]) -> Result<Self, Fault> {
        let named = || {
            metrics
                .iter()
                .filter_map(|metric| Some((metric.name?, metric)))
        };
        if let Some((name, _)) = named().find(|(name, _)| name.len() > NAME_MAX) {
            let bytes = name.len();
            return Err(limit(&format!(
                "a metric's name has {bytes} bytes, more than {NAME_MAX}"
            )));
        }
        let mut names: Vec<(String, u64)> = named()
            .map(|(name, metric)| (name.to_owned(), metric.datatype.unwrap_or(0)))
            .collect();
        names.sort();
        names.dedup_by(|a, b| a.0 == b.0);
        let place = |name: &str| {
            let at = names.binary_search_by(|(known, _)| known.as_str().cmp(name));
            at.ok().and_then(|at| u32::try_from(at).ok())
        };
        let mut aliases: Vec<(u64, u32)> = named()
            .filter_map(|(name, metric)| Some((metric.alias?, place(name)?)))
            .collect();
        aliases.sort_unstable();
        aliases.dedup_by_key(|(alias, _)| *alias);
        Ok(Self { names, aliases })
    }

    fn bytes(&self) -> usize {
        self.names.iter().map(|(name, _)| name.len()).sum()
    }

    fn by_alias(&self, alias: u64) -> Option<(&str, u64)> {
        let at = self
            .aliases
            .binary_search_by_key(&alias, |(alias, _)| *alias);
        let (_, place) = self.aliases.get(at.ok()?)?;
        let (name, datatype) = self.names.get(usize::try_from(*place).ok()?)?;
        Some((name, *datatype))
    }

    fn datatype(&self, name: &str) -> Option<u64> {
        let at = self
            .names
            .binary_search_by(|(known, _)| known.as_str().cmp(name));
        self.names.get(at.ok()?).map(|(_, datatype)| *datatype)
    }
}
