//! What the listener counted, readable in the process: for the admin page, the demo and tests. The same
//! events go to the metrics registry; see [`crate::metrics`].

macro_rules! counters {
    ($live:ident, $moment:ident: $($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Live counters. Adding is one relaxed atomic operation, once a batch rather than a message.
        #[derive(Debug, Default)]
        pub struct $live { $(pub(crate) $name: std::sync::atomic::AtomicU64),+ }

        /// The counters at one moment (each read on its own: sums may be off by what is in flight).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        pub struct $moment { $($(#[$doc])* pub $name: u64),+ }

        impl $live {
            /// Reads all of them.
            pub fn snapshot(&self) -> $moment {
                $moment { $($name: self.$name.load(std::sync::atomic::Ordering::Relaxed)),+ }
            }
        }
    };
}

pub(crate) use counters;

counters! { Counters, Snapshot:
    /// Open now, CONNECT received or not.
    connections,
    /// Accepted since the start.
    connections_accepted,
    /// Closed at once for a bound on connections or sessions.
    connections_refused,
    /// Sessions remembered now.
    sessions,
    /// Connections closed because the same client came again.
    takeovers,
    /// PUBLISH packets with QoS 0.
    received_qos0,
    /// PUBLISH packets with QoS 1.
    received_qos1,
    /// PUBLISH packets with QoS 2.
    received_qos2,
    /// QoS 2 packets already held: answered again, not journalled again.
    repeated,
    /// Messages made durable (wills not counted).
    journalled,
    /// PUBACK and PUBREC with success.
    acknowledged,
    /// QoS 0 messages dropped: journal full.
    dropped_full,
    /// QoS 0 messages dropped: client above its rate.
    dropped_rate,
    /// QoS 0 messages dropped: payload over the limit.
    dropped_oversize,
    /// Messages refused: payload or packet over the limit.
    rejected_oversize,
    /// Messages received on a connection that ended before they were durable.
    abandoned,
    /// Messages recorded by length and hash at their third coming.
    oversize_recorded,
    /// Connections ended for a packet that breaks the standard or a bound.
    malformed,
    /// Connections ended for silence.
    keep_alive_timeouts,
    /// Wills journalled.
    wills,
    /// SUBSCRIBE filters refused.
    subscriptions_refused,
    /// Messages received and not yet durable.
    in_flight,
    /// Their bytes.
    in_flight_bytes,
}

impl Snapshot {
    /// PUBLISH packets of any quality of service.
    pub fn received(&self) -> u64 {
        self.received_qos0 + self.received_qos1 + self.received_qos2
    }

    /// QoS 0 messages dropped for any reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_full + self.dropped_rate + self.dropped_oversize
    }
}
