//! Who is connected, whose session is remembered, and what falls due when. One mutex, held for a few map
//! operations, never across an await. Bounds: connections, connections an address, sessions, will bytes.
//!
//! A session's state that its connection works with ([`Core`]) stands behind an async mutex of its own: the
//! connection holds it as long as it lives, the next one of the same client waits for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::ListenerConfig;
use crate::control::Control;
use crate::rate::Bucket;
use crate::session::Core;
use crate::sessions::{Held, Remembered, SessionTable};
use crate::will::Will;

/// A will waiting for its time, its client being away.
#[derive(Debug)]
pub(crate) struct WaitingWill {
    pub(crate) due: Instant,
    pub(crate) will: Will,
    /// Its connection was cut off by our own stop: any return of the client cancels it.
    pub(crate) ours: bool,
}

#[derive(Debug)]
struct Slot {
    core: Arc<Mutex<Core>>,
    session: u64,
    connection: u64,
    /// The connection that has the session or is about to get it.
    owner: Option<(u64, Arc<Control>)>,
    /// When the session ends, its client being away.
    ends: Option<Instant>,
    will: Option<WaitingWill>,
}

/// A session that has to end to make room, or has ended by its age, and what to journal for it.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) client_id: Box<str>,
    pub(crate) session: u64,
    pub(crate) connection: u64,
    pub(crate) will: Option<Will>,
    /// The session is over; else only its will is due.
    pub(crate) ended: bool,
}

/// A claim on a client's session: wait for the core, then see what was left.
pub(crate) struct Claim {
    pub(crate) core: Arc<Mutex<Core>>,
    pub(crate) took_over: bool,
    /// Another session that had to go for this one.
    pub(crate) evicted: Option<Due>,
}

/// What a client left behind when it was last here.
#[derive(Debug, Default)]
pub(crate) struct Left {
    pub(crate) ended: bool,
    pub(crate) will: Option<WaitingWill>,
}

/// All sessions belong to connected clients.
#[derive(Debug)]
pub(crate) struct NoRoom;

#[derive(Debug)]
pub(crate) struct Registry {
    slots: HashMap<Box<str>, Slot>,
    /// When something of a slot without an owner is due.
    deadlines: BTreeSet<(Instant, Box<str>)>,
    controls: FxHashMap<u64, Arc<Control>>,
    addresses: HashMap<IpAddr, usize>,
    next_session: u64,
    next_connection: u64,
    will_bytes: u64,
    stopping: bool,
}

impl Registry {
    /// Takes over what the journal remembers; `now_ns` is the journal time of `now`.
    pub(crate) fn new(
        table: SessionTable,
        config: &ListenerConfig,
        now: Instant,
        now_ns: i64,
    ) -> Self {
        let (next_session, next_connection, sessions) = table.into_parts();
        let mut registry = Self {
            slots: HashMap::new(),
            deadlines: BTreeSet::new(),
            controls: FxHashMap::default(),
            addresses: HashMap::new(),
            next_session,
            next_connection,
            will_bytes: 0,
            stopping: false,
        };
        registry.remember(sessions, config, now, now_ns);
        registry
    }

    fn remember(
        &mut self,
        sessions: BTreeMap<String, Remembered>,
        config: &ListenerConfig,
        now: Instant,
        now_ns: i64,
    ) {
        let grace = Duration::from_secs(u64::from(config.reconnect_grace_seconds));
        for (client_id, mut entry) in sessions {
            let ours = entry.link_was_ours();
            // Our own downtime is not the client's: what we cut off counts from now.
            let away = if ours {
                Duration::ZERO
            } else {
                Duration::from_nanos(
                    now_ns
                        .saturating_sub(entry.changed_ns)
                        .max(0)
                        .unsigned_abs(),
                )
            };
            let ends_in = config.expiry(entry.expiry_seconds).saturating_sub(away);
            let will = Will::remembered(&mut entry).map(|will| {
                let delay = Duration::from_secs(u64::from(will.content.delay_seconds));
                let due_in = if ours {
                    delay.min(ends_in).max(grace)
                } else {
                    delay.saturating_sub(away).min(ends_in)
                };
                WaitingWill {
                    due: now + due_in,
                    will,
                    ours,
                }
            });
            let core = Core {
                session: if entry.expiry_seconds == 0 {
                    0
                } else {
                    entry.session
                },
                qos2: entry
                    .qos2
                    .iter()
                    .map(|(id, print)| Held {
                        id: *id,
                        disaster: false,
                        here: false,
                        print: *print,
                    })
                    .collect(),
                bucket: Bucket::new(config.messages_per_second_max, now),
            };
            // A session that is kept for its will alone ends with it.
            let ends = match (&will, entry.expiry_seconds) {
                (Some(will), 0) => will.due,
                _ => now + ends_in,
            };
            self.will_bytes += will.as_ref().map_or(0, |will| will.will.bytes());
            let slot = Slot {
                core: Arc::new(Mutex::new(core)),
                session: entry.session,
                connection: entry.connection,
                owner: None,
                ends: Some(ends),
                will,
            };
            self.arm(client_id.into_boxed_str(), slot);
        }
    }

    fn arm(&mut self, client_id: Box<str>, slot: Slot) {
        if let Some(due) = slot.due() {
            self.deadlines.insert((due, client_id.clone()));
        }
        self.slots.insert(client_id, slot);
    }

    /// Admits a connection, unless a bound says no.
    pub(crate) fn admit(
        &mut self,
        address: IpAddr,
        config: &ListenerConfig,
    ) -> Result<(u64, Arc<Control>), crate::metrics::Refusal> {
        if self.controls.len() >= config.connections_max {
            return Err(crate::metrics::Refusal::Connections);
        }
        let here = self.addresses.entry(address).or_insert(0);
        if *here >= config.connections_per_address_max {
            return Err(crate::metrics::Refusal::Address);
        }
        *here += 1;
        let connection = self.next_connection;
        self.next_connection += 1;
        let control = Arc::new(Control::default());
        if self.stopping {
            control.stop();
        }
        self.controls.insert(connection, Arc::clone(&control));
        Ok((connection, control))
    }

    /// Forgets a connection.
    pub(crate) fn leave(&mut self, connection: u64, address: IpAddr) {
        self.controls.remove(&connection);
        if let Some(here) = self.addresses.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                self.addresses.remove(&address);
            }
        }
    }

    pub(crate) fn controls(&self) -> impl Iterator<Item = &Arc<Control>> {
        self.controls.values()
    }

    /// Tells every connection, and those that may still come, to stop.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        self.controls.values().for_each(|control| control.stop());
    }

    pub(crate) fn session_count(&self) -> usize {
        self.slots.len()
    }

    /// Makes `connection` the owner of the client's session, ending the one that was.
    pub(crate) fn claim(
        &mut self,
        client_id: &str,
        connection: u64,
        control: &Arc<Control>,
        config: &ListenerConfig,
        now: Instant,
    ) -> Result<Claim, NoRoom> {
        let mut evicted = None;
        if !self.slots.contains_key(client_id) {
            if self.slots.len() >= config.sessions_max {
                evicted = Some(self.evict().ok_or(NoRoom)?);
            }
            let core = Core {
                session: 0,
                qos2: Vec::new(),
                bucket: Bucket::new(config.messages_per_second_max, now),
            };
            let slot = Slot {
                core: Arc::new(Mutex::new(core)),
                session: 0,
                connection: 0,
                owner: None,
                ends: None,
                will: None,
            };
            self.slots.insert(client_id.into(), slot);
        }
        let Some(slot) = self.slots.get_mut(client_id) else {
            return Err(NoRoom);
        };
        if let Some(due) = slot.due() {
            self.deadlines.remove(&(due, client_id.into()));
        }
        let before = slot.owner.replace((connection, Arc::clone(control)));
        let took_over = before.is_some();
        if let Some((_, other)) = before {
            other.take_over();
        }
        Ok(Claim {
            core: Arc::clone(&slot.core),
            took_over,
            evicted,
        })
    }

    /// The session that would end first among those whose clients are away.
    fn evict(&mut self) -> Option<Due> {
        let (_, client_id) = self.deadlines.pop_first()?;
        self.end(client_id)
    }

    fn end(&mut self, client_id: Box<str>) -> Option<Due> {
        let slot = self.slots.remove(&client_id)?;
        let will = slot.will.map(|waiting| waiting.will);
        self.will_bytes -= will.as_ref().map_or(0, Will::bytes);
        Some(Due {
            client_id,
            session: slot.session,
            connection: slot.connection,
            will,
            ended: true,
        })
    }

    /// The owner has the core now: takes what was left for it. `None` if it is not the owner any more.
    pub(crate) fn enter(&mut self, client_id: &str, connection: u64, now: Instant) -> Option<Left> {
        let slot = self.slots.get_mut(client_id)?;
        if !slot.is_owned_by(connection) {
            return None;
        }
        let ended = slot.ends.take().is_some_and(|ends| ends <= now);
        let will = slot.will.take();
        self.will_bytes -= will.as_ref().map_or(0, |waiting| waiting.will.bytes());
        Some(Left { ended, will })
    }

    /// A number for a new session.
    pub(crate) fn session_number(&mut self) -> u64 {
        let number = self.next_session;
        self.next_session += 1;
        number
    }

    /// Room for a will, or not.
    pub(crate) fn keep_will(&mut self, bytes: u64, config: &ListenerConfig) -> bool {
        if self.will_bytes.saturating_add(bytes) > config.will_bytes_max {
            return false;
        }
        self.will_bytes += bytes;
        true
    }

    pub(crate) fn drop_will(&mut self, bytes: u64) {
        self.will_bytes -= bytes;
    }

    /// The owner gave up before it opened the session: all stays as it was. Its hold on the core, if it got
    /// that far, is over.
    pub(crate) fn withdraw(&mut self, client_id: &str, connection: u64) {
        let Some(slot) = self.slots.get_mut(client_id) else {
            return;
        };
        if !slot.is_owned_by(connection) {
            return;
        }
        slot.owner = None;
        if let Some(due) = slot.due() {
            self.deadlines.insert((due, client_id.into()));
        } else if slot.core.try_lock().is_ok() {
            // Nobody was remembered and nobody is about to leave something.
            self.slots.remove(client_id);
        }
    }

    /// The connection that had the session ended; it still holds the core. What it leaves is for the next
    /// owner if there is one already, else it waits for its time.
    pub(crate) fn leave_session(
        &mut self,
        client_id: &str,
        connection: u64,
        session: u64,
        ends: Option<Instant>,
        will: Option<WaitingWill>,
    ) {
        let bytes = will.as_ref().map_or(0, |waiting| waiting.will.bytes());
        let Some(slot) = self.slots.get_mut(client_id) else {
            self.will_bytes -= bytes;
            return;
        };
        (slot.session, slot.connection) = (session, connection);
        (slot.ends, slot.will) = (ends, will);
        if slot
            .owner
            .as_ref()
            .is_some_and(|(owner, _)| *owner != connection)
        {
            return;
        }
        slot.owner = None;
        match slot.due() {
            Some(due) => _ = self.deadlines.insert((due, client_id.into())),
            None => _ = self.slots.remove(client_id),
        }
    }

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// Takes one thing that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Due> {
        let (due, _) = self.deadlines.first()?;
        if *due > now {
            return None;
        }
        let (_, client_id) = self.deadlines.pop_first()?;
        let slot = self.slots.get_mut(&client_id)?;
        if slot.ends.is_none_or(|ends| ends <= now) {
            return self.end(client_id);
        }
        let will = slot.will.take().map(|waiting| waiting.will);
        let (session, connection) = (slot.session, slot.connection);
        self.will_bytes -= will.as_ref().map_or(0, Will::bytes);
        if let Some(next) = slot.due() {
            self.deadlines.insert((next, client_id.clone()));
        }
        Some(Due {
            client_id,
            session,
            connection,
            will,
            ended: false,
        })
    }
}

impl Slot {
    fn is_owned_by(&self, connection: u64) -> bool {
        self.owner
            .as_ref()
            .is_some_and(|(owner, _)| *owner == connection)
    }

    fn due(&self) -> Option<Instant> {
        let will = self.will.as_ref().map(|waiting| waiting.due);
        match (self.ends, will) {
            (Some(ends), Some(will)) => Some(ends.min(will)),
            (ends, will) => ends.or(will),
        }
    }
}
