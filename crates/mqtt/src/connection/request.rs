//! What a CONNECT asks for, and the CONNACK that answers it.

use crate::codec::encode::{self, ConnAck};
use crate::codec::{Answer, Connect, Malformed, Protocol, Reason};
use crate::hub::Hub;
use crate::sessions::RememberedWill;
use crate::will;

/// What a CONNECT asked for, checked.
pub(super) struct Request {
    pub(super) protocol: Protocol,
    pub(super) clean_start: bool,
    pub(super) keep_alive_seconds: u16,
    /// Differs from what was asked for: MQTT 5 clients are told.
    pub(super) keep_alive_is_ours: bool,
    pub(super) client_id: Box<str>,
    pub(super) assigned_id: bool,
    pub(super) expiry_seconds: u32,
    pub(super) expiry_is_ours: bool,
    pub(super) problem_information: bool,
    pub(super) packet_bytes_max: u32,
    pub(super) will: Option<RememberedWill>,
}

impl Request {
    pub(super) fn new(
        hub: &Hub,
        connect: &Connect<'_>,
        connection: u64,
    ) -> Result<Self, Malformed> {
        let (config, protocol) = (&hub.config, connect.protocol);
        let refuse = |reason: Reason, sentence, rule| {
            let answer = match protocol {
                Protocol::V5 => Answer::ConnackV5(reason),
                Protocol::V3 => reason.connack_v3().map_or(Answer::Close, Answer::ConnackV3),
            };
            Err(Malformed {
                reason,
                sentence,
                rule,
                answer,
            })
        };
        if connect.properties.authentication_method.is_some() {
            return refuse(
                Reason::BadAuthenticationMethod,
                "extended authentication is not supported",
                "MQTT-4.12.0-1",
            );
        }
        if connect.client_id.len() > usize::from(config.client_id_bytes_max) {
            return refuse(
                Reason::ClientIdentifierNotValid,
                "client identifier longer than the limit",
                "limit-client-id",
            );
        }
        let expiry_asked = match (protocol, connect.clean_start) {
            (Protocol::V5, _) => connect.properties.session_expiry_seconds,
            (Protocol::V3, true) => 0,
            (Protocol::V3, false) => u32::MAX,
        };
        let expiry_seconds = expiry_asked.min(config.session_expiry_seconds_max);
        let max = config.keep_alive_seconds_max;
        let asked = connect.keep_alive_seconds;
        let too_long = max > 0 && (asked == 0 || asked > max);
        let keep_alive_is_ours = too_long && protocol == Protocol::V5;
        let assigned_id = connect.client_id.is_empty();
        let client_id = if assigned_id {
            assign_id(connection)
        } else {
            connect.client_id.into()
        };
        Ok(Self {
            protocol,
            clean_start: connect.clean_start,
            keep_alive_seconds: if keep_alive_is_ours { max } else { asked },
            keep_alive_is_ours,
            client_id,
            assigned_id,
            expiry_seconds,
            expiry_is_ours: expiry_seconds != expiry_asked,
            problem_information: connect.properties.request_problem_information,
            packet_bytes_max: connect.properties.packet_bytes_max,
            will: connect.will.as_ref().map(will::from_connect),
        })
    }

    /// The CONNACK that says yes; false if the client takes no packet that large.
    pub(super) fn accept(&self, hub: &Hub, present: bool, out: &mut Vec<u8>) -> bool {
        let config = &hub.config;
        let connack = ConnAck {
            session_present: present,
            session_expiry_seconds: self.expiry_is_ours.then_some(self.expiry_seconds),
            receive_maximum: Some(config.inflight_per_connection_max),
            packet_bytes_max: Some(config.packet_bytes_max()),
            assigned_client_id: self.assigned_id.then_some(&*self.client_id),
            topic_alias_max: Some(config.topic_alias_max).filter(|max| *max > 0),
            server_keep_alive_seconds: self.keep_alive_is_ours.then_some(self.keep_alive_seconds),
            ..ConnAck::default()
        };
        encode::connack(out, self.protocol, self.packet_bytes_max, &connack)
    }

    /// The CONNACK that says no; nothing where the standard has no words for it.
    pub(super) fn decline(&self, reason: Reason, text: &str, out: &mut Vec<u8>) {
        let reason = as_connack(reason);
        let connack = ConnAck {
            reason,
            reason_string: Some(text),
            ..ConnAck::default()
        };
        _ = encode::connack(out, self.protocol, self.packet_bytes_max, &connack);
    }
}

/// Unique by the connection number, not to be guessed by the rest.
fn assign_id(connection: u64) -> Box<str> {
    use std::hash::BuildHasher;
    let random = std::hash::RandomState::new().hash_one(connection);
    format!("ioc-{connection}-{random:016x}").into_boxed_str()
}

/// DISCONNECT has words that CONNACK does not have.
fn as_connack(reason: Reason) -> Reason {
    if reason == Reason::ServerShuttingDown {
        Reason::ServerUnavailable
    } else if reason == Reason::SessionTakenOver {
        Reason::ServerBusy
    } else {
        reason
    }
}

#[cfg(test)]
mod tests {
    use super::as_connack;
    use crate::codec::Reason;

    #[test]
    fn a_refusing_connack_has_a_reason_of_its_own() {
        for (reason, code) in [
            (Reason::ServerShuttingDown, 0x88),
            (Reason::SessionTakenOver, 0x89),
            (Reason::ServerBusy, 0x89),
            (Reason::QuotaExceeded, 0x97),
        ] {
            assert_eq!(as_connack(reason).code(), code);
        }
    }
}
