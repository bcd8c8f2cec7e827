//! The packets a client may send, borrowed from the buffer they arrived in.
//!
//! Everything here has been checked against its standard; a field that the 3.1.1 form does not
//! have holds the value that MQTT 5 gives to an absent one.

use super::{Filters, Properties, Protocol, Reason, UnsubscribeFilters};

/// A packet from a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Packet<'a> {
    /// The first packet of a connection.
    Connect(Connect<'a>),
    /// An application message.
    Publish(Publish<'a>),
    /// Answer to a QoS 1 message from the server.
    PubAck(Ack<'a>),
    /// First answer to a QoS 2 message from the server.
    PubRec(Ack<'a>),
    /// The client lets go of a QoS 2 message that it published.
    PubRel(Ack<'a>),
    /// Last answer to a QoS 2 message from the server.
    PubComp(Ack<'a>),
    /// A request for messages.
    Subscribe(Subscribe<'a>),
    /// The end of such requests.
    Unsubscribe(Unsubscribe<'a>),
    /// A sign of life that asks for PINGRESP.
    PingReq,
    /// An orderly end.
    Disconnect(Disconnect<'a>),
    /// Extended authentication, MQTT 5 only.
    Auth(Auth<'a>),
}

/// Quality of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Qos {
    /// QoS 0: no answer.
    AtMostOnce = 0,
    /// QoS 1: PUBACK.
    AtLeastOnce = 1,
    /// QoS 2: PUBREC, PUBREL, PUBCOMP.
    ExactlyOnce = 2,
}

impl Qos {
    /// From the two bits on the wire; 3 is no quality of service.
    pub fn from_bits(bits: u8) -> Option<Qos> {
        match bits {
            0 => Some(Qos::AtMostOnce),
            1 => Some(Qos::AtLeastOnce),
            2 => Some(Qos::ExactlyOnce),
            _ => None,
        }
    }

    /// The two bits on the wire.
    pub fn bits(self) -> u8 {
        self as u8
    }
}

/// CONNECT.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connect<'a> {
    /// What the connection speaks from here on.
    pub protocol: Protocol,
    /// Clean Start (5) or Clean Session (3.1.1).
    pub clean_start: bool,
    /// 0 = no keep-alive.
    pub keep_alive_seconds: u16,
    /// May be empty: the server assigns one (never empty in 3.1.1 without clean session).
    pub client_id: &'a str,
    /// The message to publish when the connection ends badly.
    pub will: Option<Will<'a>>,
    /// User name, may be empty.
    pub user_name: Option<&'a str>,
    /// Password, any bytes.
    pub password: Option<&'a [u8]>,
    /// MQTT 5 properties; the defaults in 3.1.1.
    pub properties: ConnectProperties<'a>,
}

/// The properties of CONNECT, with the standard's defaults for those absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConnectProperties<'a> {
    /// 0 = the session ends with the connection (default), `u32::MAX` = never. In 3.1.1 always 0:
    /// there the session's life follows from `clean_start` alone.
    pub session_expiry_seconds: u32,
    /// How many QoS 1 and 2 messages the client takes at a time; never 0, default 65,535.
    pub receive_maximum: u16,
    /// The largest packet that the client takes; never 0, `u32::MAX` when there is no limit.
    pub packet_bytes_max: u32,
    /// The topic aliases that the client takes, default 0.
    pub topic_alias_max: u16,
    /// May CONNACK carry response information; default false.
    pub request_response_information: bool,
    /// May reason strings and user properties go into packets other than PUBLISH, CONNACK and
    /// DISCONNECT; default true.
    pub request_problem_information: bool,
    /// Extended authentication, which the listener refuses with 0x8C.
    pub authentication_method: Option<&'a str>,
    /// Never without a method.
    pub authentication_data: Option<&'a [u8]>,
    /// All of them as they came.
    pub all: Properties<'a>,
}

impl Default for ConnectProperties<'_> {
    fn default() -> Self {
        ConnectProperties {
            session_expiry_seconds: 0,
            receive_maximum: u16::MAX,
            packet_bytes_max: u32::MAX,
            topic_alias_max: 0,
            request_response_information: false,
            request_problem_information: true,
            authentication_method: None,
            authentication_data: None,
            all: Properties::EMPTY,
        }
    }
}

/// The will of a CONNECT.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Will<'a> {
    /// Topic name: not empty, no wildcards.
    pub topic: &'a str,
    /// Quality of service to publish it with.
    pub qos: Qos,
    /// Publish it retained.
    pub retain: bool,
    /// MQTT 5 Will Delay Interval, 0 when absent.
    pub delay_seconds: u32,
    /// The properties as they came, Will Delay Interval included; empty in 3.1.1.
    pub properties: Properties<'a>,
    /// The message.
    pub payload: &'a [u8],
}

/// PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Publish<'a> {
    /// Sent before, perhaps. Never set with QoS 0.
    pub dup: bool,
    /// Quality of service.
    pub qos: Qos,
    /// To be retained.
    pub retain: bool,
    /// Topic name without wildcards; empty only with a topic alias.
    pub topic: &'a str,
    /// Never 0 with QoS 1 and 2, always 0 with QoS 0.
    pub packet_id: u16,
    /// MQTT 5 Topic Alias: never 0 when there.
    pub topic_alias: Option<u16>,
    /// MQTT 5 Message Expiry Interval.
    pub message_expiry_seconds: Option<u32>,
    /// The MQTT 5 payload is announced as UTF-8.
    pub payload_is_text: bool,
    /// The properties as they came, the alias included; empty in 3.1.1.
    pub properties: Properties<'a>,
    /// The message.
    pub payload: &'a [u8],
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ack<'a> {
    /// Never 0.
    pub packet_id: u16,
    /// One that the standard allows in this packet; `Success` in 3.1.1.
    pub reason: Reason,
    /// MQTT 5: a reason string and user properties at most.
    pub properties: Properties<'a>,
}

/// SUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subscribe<'a> {
    /// Never 0.
    pub packet_id: u16,
    /// MQTT 5 Subscription Identifier: 1 to 268,435,455.
    pub subscription_id: Option<u32>,
    /// The properties as they came.
    pub properties: Properties<'a>,
    /// At least one, each valid.
    pub filters: Filters<'a>,
}

/// UNSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unsubscribe<'a> {
    /// Never 0.
    pub packet_id: u16,
    /// MQTT 5: user properties at most.
    pub properties: Properties<'a>,
    /// At least one, each valid.
    pub filters: UnsubscribeFilters<'a>,
}

/// DISCONNECT.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disconnect<'a> {
    /// `Success` (normal, the will is dropped) in 3.1.1 and when absent.
    pub reason: Reason,
    /// MQTT 5: replaces the one of CONNECT (a change from 0 is the listener's to refuse, 0x82).
    pub session_expiry_seconds: Option<u32>,
    /// The properties as they came.
    pub properties: Properties<'a>,
}

/// AUTH. The codec checks its form; a listener without extended authentication refuses it as a
/// protocol error, for none was agreed in CONNECT.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auth<'a> {
    /// `ContinueAuthentication` or `ReAuthenticate`.
    pub reason: Reason,
    /// The properties as they came.
    pub properties: Properties<'a>,
}
