//! Who a connection belongs to, and what it was promised.

use journal::inputs::MessagePrefix;

use crate::codec::{Protocol, Reason, encode};

use super::fifo::{Ack, AckKind};

pub(crate) struct Client {
    pub(crate) client_id: Box<str>,
    pub(crate) protocol: Protocol,
    pub(crate) peer: String,
    pub(crate) session: u64,
    pub(crate) connection: u64,
    /// Capped already.
    pub(crate) expiry_seconds: u32,
    /// The client takes reason strings in every packet.
    pub(crate) problem_information: bool,
    /// The largest packet the client takes.
    pub(crate) packet_bytes_max: u32,
    pub(crate) prefix: MessagePrefix,
}

/// Who a client is as long as there are no credentials.
pub(crate) const ANONYMOUS: &str = "anonymous";

impl Client {
    /// Appends one acknowledgement; true if it lets go of a place in the receive maximum.
    #[inline]
    pub(crate) fn encode(&self, ack: Ack, out: &mut Vec<u8>) -> bool {
        let id = ack.packet_id;
        match ack.kind {
            AckKind::Ack => {
                encode::puback_ok(out, id);
                true
            }
            AckKind::Rec | AckKind::RecRepeated => {
                encode::pubrec_ok(out, id);
                false
            }
            AckKind::Comp => {
                encode::pubcomp_ok(out, id);
                true
            }
            AckKind::CompUnknown => {
                let reason = Reason::PacketIdentifierNotFound;
                let text = self.reason_string("no QoS 2 message with this packet identifier");
                encode::pubcomp(out, self.protocol, self.packet_bytes_max, id, reason, text);
                // It never had one.
                false
            }
            AckKind::AckRefused => {
                let text = self.reason_string("payload larger than the limit");
                let reason = Reason::QuotaExceeded;
                encode::puback(out, self.protocol, self.packet_bytes_max, id, reason, text);
                true
            }
            AckKind::RecRefused => {
                let text = self.reason_string("payload larger than the limit");
                let reason = Reason::QuotaExceeded;
                encode::pubrec(out, self.protocol, self.packet_bytes_max, id, reason, text);
                true
            }
        }
    }

    fn reason_string(&self, text: &'static str) -> Option<&'static str> {
        self.problem_information.then_some(text)
    }
}
