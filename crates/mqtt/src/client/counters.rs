//! What the client counted, readable in the process: for the page and tests. The same events go to the metrics
//! registry; see [`crate::metrics`].

use crate::counters::counters;

counters! { Counters, Snapshot:
    /// Connections that have their subscriptions confirmed, now.
    ready,
    /// CONNACKs.
    connected,
    /// Connections that ended, other than by our stop.
    disconnected,
    /// CONNACKs after which the broker no longer knew a session that it had had.
    lost_sessions,
    /// Filters that the broker refused.
    subscriptions_refused,
    /// PUBLISH packets with QoS 0.
    received_qos0,
    /// PUBLISH packets with QoS 1.
    received_qos1,
    /// PUBLISH packets that say they may have been sent before.
    received_dup,
    /// PUBLISH packets that say they were retained.
    received_retained,
    /// Messages made durable.
    journalled,
    /// PUBACKs sent.
    acknowledged,
    /// QoS 0 messages dropped: journal full.
    dropped_full,
    /// QoS 0 messages dropped: too many in flight.
    dropped_window,
    /// Messages recorded by length and hash.
    oversize_recorded,
    /// Messages whose topic is not UTF-8, recorded with what could be read of it.
    topics_mended,
    /// Messages that ended connection after connection, named.
    poison,
    /// Of those, taken out, recorded and acknowledged.
    poison_rescued,
    /// Sessions given up because a message could not be taken out.
    fresh_sessions,
    /// Messages received on a connection that ended before they were durable.
    abandoned,
    /// Messages received and not yet durable.
    in_flight,
    /// Their bytes.
    in_flight_bytes,
}

impl Snapshot {
    /// PUBLISH packets of any quality of service.
    pub fn received(&self) -> u64 {
        self.received_qos0 + self.received_qos1
    }

    /// QoS 0 messages dropped for any reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_full + self.dropped_window
    }
}
