//! How a connection came to its end.

use crate::Close;
use crate::codec::{Answer, Malformed, Reason};

#[derive(Debug)]
pub(crate) enum End {
    /// The client's DISCONNECT.
    Disconnect {
        reason: Reason,
        expiry_seconds: Option<u32>,
    },
    /// The network connection broke or was closed.
    Lost,
    /// Silence.
    KeepAlive,
    /// A packet broke the standard or a bound.
    Refused(Malformed),
    /// The same client came again.
    TakenOver,
    /// The listener stops; everything in flight was acknowledged.
    Stop,
    /// The client does not read.
    WriteTimeout,
    /// No room for a message that must not be dropped.
    Busy,
    /// The journal failed or is gone: nothing may be said any more.
    Journal(journal::Error),
}

impl End {
    /// What the record of the end says.
    pub(crate) fn close(&self) -> Close {
        match self {
            End::Disconnect {
                reason: Reason::Success,
                ..
            } => Close::Disconnected,
            End::Disconnect { .. } => Close::DisconnectedWithWill,
            End::Lost => Close::Lost,
            End::KeepAlive => Close::KeepAlive,
            End::Refused(_) => Close::Malformed,
            End::TakenOver => Close::TakenOver,
            End::Stop | End::Journal(_) => Close::ServerStopping,
            End::WriteTimeout => Close::WriteTimeout,
            End::Busy => Close::Busy,
        }
    }

    /// What an MQTT 5 client is told.
    pub(crate) fn farewell(&self) -> Option<(Reason, &'static str)> {
        match self {
            End::Refused(malformed) => match malformed.answer {
                Answer::DisconnectV5(reason) => Some((reason, malformed.sentence)),
                Answer::Close | Answer::ConnackV3(_) | Answer::ConnackV5(_) => None,
            },
            End::KeepAlive => Some((Reason::KeepAliveTimeout, "no packet in time")),
            End::TakenOver => Some((
                Reason::SessionTakenOver,
                "another connection uses this client identifier",
            )),
            End::Stop => Some((Reason::ServerShuttingDown, "the server is stopping")),
            End::Busy => Some((Reason::ServerBusy, "the journal is full")),
            End::Disconnect { .. } | End::Lost | End::WriteTimeout | End::Journal(_) => None,
        }
    }
}
