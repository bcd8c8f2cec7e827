//! Reason codes, and why a packet was refused.

use super::Protocol;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal),+ $(,)?) => {
        /// The MQTT 5 reason codes. In 3.1.1 they are ours to decide by; [`Reason::connack_v3`]
        /// translates those that a CONNACK can carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $name = $code),+ }

        impl Reason {
            /// From the byte on the wire.
            pub fn from_code(code: u8) -> Option<Reason> {
                match code { $($code => Some(Reason::$name),)+ _ => None }
            }
        }
    };
}

reasons! {
    /// Also normal disconnection and granted QoS 0.
    Success = 0x00,
    /// Granted QoS 1.
    GrantedQos1 = 0x01,
    /// Granted QoS 2.
    GrantedQos2 = 0x02,
    /// Disconnect with will message.
    DisconnectWithWill = 0x04,
    /// No matching subscribers.
    NoMatchingSubscribers = 0x10,
    /// No subscription existed.
    NoSubscriptionExisted = 0x11,
    /// Continue authentication.
    ContinueAuthentication = 0x18,
    /// Re-authenticate.
    ReAuthenticate = 0x19,
    /// Unspecified error.
    UnspecifiedError = 0x80,
    /// Malformed packet.
    MalformedPacket = 0x81,
    /// Protocol error.
    ProtocolError = 0x82,
    /// Implementation specific error.
    ImplementationSpecificError = 0x83,
    /// Unsupported protocol version.
    UnsupportedProtocolVersion = 0x84,
    /// Client identifier not valid.
    ClientIdentifierNotValid = 0x85,
    /// Bad user name or password.
    BadUserNameOrPassword = 0x86,
    /// Not authorized.
    NotAuthorized = 0x87,
    /// Server unavailable.
    ServerUnavailable = 0x88,
    /// Server busy.
    ServerBusy = 0x89,
    /// Banned.
    Banned = 0x8A,
    /// Server shutting down.
    ServerShuttingDown = 0x8B,
    /// Bad authentication method.
    BadAuthenticationMethod = 0x8C,
    /// Keep alive timeout.
    KeepAliveTimeout = 0x8D,
    /// Session taken over.
    SessionTakenOver = 0x8E,
    /// Topic filter invalid.
    TopicFilterInvalid = 0x8F,
    /// Topic name invalid.
    TopicNameInvalid = 0x90,
    /// Packet identifier in use.
    PacketIdentifierInUse = 0x91,
    /// Packet identifier not found.
    PacketIdentifierNotFound = 0x92,
    /// Receive maximum exceeded.
    ReceiveMaximumExceeded = 0x93,
    /// Topic alias invalid.
    TopicAliasInvalid = 0x94,
    /// Packet too large.
    PacketTooLarge = 0x95,
    /// Message rate too high.
    MessageRateTooHigh = 0x96,
    /// Quota exceeded.
    QuotaExceeded = 0x97,
    /// Administrative action.
    AdministrativeAction = 0x98,
    /// Payload format invalid.
    PayloadFormatInvalid = 0x99,
    /// Retain not supported.
    RetainNotSupported = 0x9A,
    /// QoS not supported.
    QosNotSupported = 0x9B,
    /// Use another server.
    UseAnotherServer = 0x9C,
    /// Server moved.
    ServerMoved = 0x9D,
    /// Shared subscriptions not supported.
    SharedSubscriptionsNotSupported = 0x9E,
    /// Connection rate exceeded.
    ConnectionRateExceeded = 0x9F,
    /// Maximum connect time.
    MaximumConnectTime = 0xA0,
    /// Subscription identifiers not supported.
    SubscriptionIdentifiersNotSupported = 0xA1,
    /// Wildcard subscriptions not supported.
    WildcardSubscriptionsNotSupported = 0xA2,
}

impl Reason {
    /// The byte on the wire.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// 0x80 and above: the request failed.
    pub fn is_error(self) -> bool {
        self.code() >= 0x80
    }

    /// The return code of a 3.1.1 CONNACK, if there is one that says this; if not, that standard
    /// has the server close without a CONNACK.
    pub fn connack_v3(self) -> Option<u8> {
        if self == Reason::UnsupportedProtocolVersion {
            return Some(1);
        }
        if self == Reason::ClientIdentifierNotValid {
            return Some(2);
        }
        if self == Reason::BadUserNameOrPassword || self == Reason::BadAuthenticationMethod {
            return Some(4);
        }
        if self == Reason::NotAuthorized || self == Reason::Banned {
            return Some(5);
        }
        let unavailable = [
            Reason::ServerUnavailable,
            Reason::ServerBusy,
            Reason::ServerShuttingDown,
            Reason::QuotaExceeded,
            Reason::ConnectionRateExceeded,
            Reason::UseAnotherServer,
            Reason::ServerMoved,
        ];
        if unavailable.contains(&self) {
            return Some(3);
        }
        (self == Reason::Success).then_some(0)
    }
}

/// What to send before closing the connection on which a packet was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: 3.1.1 has no words for it, or the peer has not even begun to speak MQTT.
    Close,
    /// A 3.1.1 CONNACK with this return code.
    ConnackV3(u8),
    /// An MQTT 5 CONNACK with this reason.
    ConnackV5(Reason),
    /// An MQTT 5 DISCONNECT with this reason.
    DisconnectV5(Reason),
}

/// Why a packet was refused. The connection ends: what follows cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence} (0x{:02X}, {rule})", .reason.code())]
pub struct Malformed {
    /// The MQTT 5 reason code; in 3.1.1 for the counters alone.
    pub reason: Reason,
    /// What is wrong, for a log line and for a reason string.
    pub sentence: &'static str,
    /// What it breaks: a numbered statement of MQTT 5.0 ("MQTT-3.3.2-2"; `docs/mqtt-conformance.md`
    /// has the numbers of 3.1.1 beside it), one that only 3.1.1 has ("MQTT3-3.1.2-22"), a section of
    /// 5.0 that has no number for it ("MQTT5-2.2.2.2"), or a bound of ours ("limit-topic-bytes").
    pub rule: &'static str,
    /// What to send before closing.
    pub answer: Answer,
}

impl Malformed {
    /// A refusal not yet tied to a protocol: the answer is to close.
    pub const fn new(reason: Reason, sentence: &'static str, rule: &'static str) -> Malformed {
        Malformed {
            reason,
            sentence,
            rule,
            answer: Answer::Close,
        }
    }

    /// The same with the answer that a connection of this protocol gets (after CONNECT; `None`
    /// leaves it as it is).
    pub fn on(mut self, protocol: Option<Protocol>) -> Malformed {
        if protocol == Some(Protocol::V5) {
            self.answer = Answer::DisconnectV5(self.reason);
        }
        self
    }

    /// The same with the answer that a CONNECT of this protocol gets.
    pub(super) fn on_connect(mut self, protocol: Protocol) -> Malformed {
        self.answer = match protocol {
            Protocol::V5 => Answer::ConnackV5(self.reason),
            Protocol::V3 => match self.reason.connack_v3() {
                Some(code) => Answer::ConnackV3(code),
                None => Answer::Close,
            },
        };
        self
    }

    /// Malformed Packet (0x81).
    pub(super) const fn packet(sentence: &'static str, rule: &'static str) -> Malformed {
        Malformed::new(Reason::MalformedPacket, sentence, rule)
    }

    /// Protocol Error (0x82).
    pub(super) const fn protocol(sentence: &'static str, rule: &'static str) -> Malformed {
        Malformed::new(Reason::ProtocolError, sentence, rule)
    }
}
