//! Why a connection to the broker ended, in a closed set for metrics and in words for people.

use rumqttc::v5;

/// The kinds, as labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The name does not resolve, nobody listens, no way there.
    Unreachable,
    /// It took too long.
    Timeout,
    /// Encryption or a certificate.
    Tls,
    /// The broker said no to our CONNECT.
    Refused,
    /// The broker or the network ended the connection.
    Closed,
    /// Our signs of life were not answered.
    Silent,
    /// Somebody else has our client id.
    TakenOver,
    /// A packet over the limit, of this many bytes.
    TooLarge(usize),
    /// A topic that is not UTF-8.
    BadTopic,
    /// A packet that cannot be understood.
    Malformed,
    /// A packet that has no place here.
    Protocol,
}

impl Cause {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Cause::Unreachable => "unreachable",
            Cause::Timeout => "timeout",
            Cause::Tls => "tls",
            Cause::Refused => "refused",
            Cause::Closed => "closed",
            Cause::Silent => "silent",
            Cause::TakenOver => "taken_over",
            Cause::TooLarge(_) => "too_large",
            Cause::BadTopic => "bad_topic",
            Cause::Malformed => "malformed",
            Cause::Protocol => "protocol",
        }
    }

    /// A message that will end the next connection as well.
    pub(crate) fn is_poison(self) -> bool {
        matches!(
            self,
            Cause::TooLarge(_) | Cause::BadTopic | Cause::Malformed
        )
    }
}

/// A connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) cause: Cause,
    /// What happened and what to look at.
    pub(crate) words: String,
}

impl Fault {
    pub(crate) fn new(cause: Cause, words: impl Into<String>) -> Self {
        Self {
            cause,
            words: words.into(),
        }
    }

    pub(crate) fn connect_timeout() -> Self {
        Self::new(
            Cause::Timeout,
            "the broker did not answer in time: is it the right address and port, and does it speak this protocol?",
        )
    }

    pub(crate) fn write_timeout() -> Self {
        Self::new(
            Cause::Timeout,
            "the broker does not read our acknowledgements: it hangs or the network is one-way",
        )
    }

    pub(crate) fn closed() -> Self {
        Self::new(
            Cause::Closed,
            "the broker ended the connection: it stopped, or another client uses our client id",
        )
    }

    fn silent() -> Self {
        Self::new(
            Cause::Silent,
            "the broker did not answer our signs of life: the network is gone or it hangs",
        )
    }

    fn too_large(bytes: usize) -> Self {
        Self::new(
            Cause::TooLarge(bytes),
            format!(
                "a message of {bytes} bytes is over packet_bytes_max: raise it, or stop who sends it"
            ),
        )
    }

    fn bad_topic() -> Self {
        Self::new(
            Cause::BadTopic,
            "a message has a topic that is not UTF-8: find who sends it",
        )
    }

    fn malformed(what: &dyn std::fmt::Display) -> Self {
        Self::new(
            Cause::Malformed,
            format!("a packet cannot be understood ({what}): find who sends it"),
        )
    }

    fn protocol(what: &dyn std::fmt::Display) -> Self {
        Self::new(
            Cause::Protocol,
            format!("the broker sent what has no place here ({what})"),
        )
    }

    fn refused(code: &dyn std::fmt::Debug) -> Self {
        Self::new(
            Cause::Refused,
            format!(
                "the broker refused us ({code:?}): check user, password, certificate and client_id"
            ),
        )
    }

    fn io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let kind = error.kind();
        let closed = [
            ErrorKind::ConnectionReset,
            ErrorKind::ConnectionAborted,
            ErrorKind::BrokenPipe,
            ErrorKind::UnexpectedEof,
        ];
        if closed.contains(&kind) {
            Self::closed()
        } else if kind == ErrorKind::InvalidData {
            Self::tls(error)
        } else {
            Self::new(
                Cause::Unreachable,
                format!("the broker cannot be reached ({error})"),
            )
        }
    }

    pub(crate) fn tls(error: &dyn std::fmt::Display) -> Self {
        Self::new(
            Cause::Tls,
            format!(
                "no encrypted connection ({error}): check ca_file, cert_file, key_file and the broker's name"
            ),
        )
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::io(&error)
    }
}

impl From<rumqttc::ConnectionError> for Fault {
    fn from(error: rumqttc::ConnectionError) -> Self {
        use rumqttc::ConnectionError as E;
        match error {
            E::MqttState(error) => error.into(),
            E::NetworkTimeout => Self::connect_timeout(),
            E::FlushTimeout => Self::write_timeout(),
            E::Tls(error) => of_tls(&error),
            E::Io(error) => Self::io(&error),
            E::ConnectionRefused(code) => Self::refused(&code),
            E::NotConnAck(_) => Self::protocol(&"no CONNACK"),
            E::RequestsDone => Self::protocol(&"nothing left to do"),
        }
    }
}

impl From<rumqttc::StateError> for Fault {
    fn from(error: rumqttc::StateError) -> Self {
        use rumqttc::StateError as E;
        match error {
            E::Io(error) => Self::io(&error),
            E::ConnectionAborted => Self::closed(),
            E::AwaitPingResp => Self::silent(),
            E::Deserialization(error) => error.into(),
            error @ (E::InvalidState
            | E::Unsolicited(_)
            | E::WrongPacket
            | E::CollisionTimeout
            | E::EmptySubscription) => Self::protocol(&error),
        }
    }
}

impl From<rumqttc::mqttbytes::Error> for Fault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library has a word for each field it could not decode; to us they are one thing"
    )]
    fn from(error: rumqttc::mqttbytes::Error) -> Self {
        use rumqttc::mqttbytes::Error as E;
        match error {
            E::Io(error) => Self::io(&error),
            E::PayloadSizeLimitExceeded(bytes) => Self::too_large(bytes),
            E::TopicNotUtf8 => Self::bad_topic(),
            error => Self::malformed(&error),
        }
    }
}

impl From<v5::ConnectionError> for Fault {
    fn from(error: v5::ConnectionError) -> Self {
        use v5::ConnectionError as E;
        match error {
            E::MqttState(error) => error.into(),
            E::Timeout(_) => Self::connect_timeout(),
            E::Tls(error) => of_tls(&error),
            E::Io(error) => Self::io(&error),
            E::ConnectionRefused(code) => Self::refused(&code),
            E::NotConnAck(_) => Self::protocol(&"no CONNACK"),
            E::RequestsDone => Self::protocol(&"nothing left to do"),
        }
    }
}

impl From<v5::StateError> for Fault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library has a word for each field it could not decode; to us they are one thing"
    )]
    fn from(error: v5::StateError) -> Self {
        use v5::StateError as E;
        use v5::mqttbytes::Error as B;
        use v5::mqttbytes::v5::DisconnectReasonCode as Code;
        match error {
            E::Io(error) => Self::io(&error),
            E::ConnectionAborted => Self::closed(),
            E::AwaitPingResp => Self::silent(),
            E::Deserialization(B::Io(error)) => Self::io(&error),
            E::Deserialization(B::PayloadSizeLimitExceeded { pkt_size, .. }) => {
                Self::too_large(pkt_size)
            }
            E::IncomingPacketTooLarge { pkt_size, .. } => Self::too_large(pkt_size),
            E::Deserialization(B::TopicNotUtf8) => Self::bad_topic(),
            E::Deserialization(error) => Self::malformed(&error),
            E::ConnFail { reason } => Self::refused(&reason),
            E::ServerDisconnect {
                reason_code: Code::SessionTakenOver,
                ..
            } => Self::new(
                Cause::TakenOver,
                "another client connected with our client id: give each node its own",
            ),
            E::ServerDisconnect { reason_code, .. } => Self::new(
                Cause::Closed,
                format!("the broker ended the connection ({reason_code:?})"),
            ),
            error => Self::protocol(&error),
        }
    }
}

fn of_tls(error: &rumqttc::TlsError) -> Fault {
    // What was reset before a certificate was seen is a broker that is gone.
    if let rumqttc::TlsError::Io(io) = error
        && io.kind() == std::io::ErrorKind::ConnectionReset
    {
        return Fault::io(io);
    }
    Fault::tls(error)
}
