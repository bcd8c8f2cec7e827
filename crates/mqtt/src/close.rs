//! Why a connection ended, as the `Closed` record keeps it. The numbers are stored: never change one.

use journal::inputs::CloseReason;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Close {
    /// The client said goodbye.
    Disconnected = 1,
    /// The client said goodbye and asked for its will (or named a fault of its own).
    DisconnectedWithWill = 2,
    /// The network connection ended without a word.
    Lost = 3,
    /// No packet in one and a half times the keep-alive.
    KeepAlive = 4,
    /// A packet broke the standard or a bound.
    Malformed = 5,
    /// The same client connected again.
    TakenOver = 6,
    /// We stopped; the client did nothing wrong.
    ServerStopping = 7,
    /// The client did not read our answers.
    WriteTimeout = 8,
    /// There was no room for its messages.
    Busy = 9,
}

impl Close {
    /// The number in the record.
    pub fn code(self) -> CloseReason {
        CloseReason(self as u8)
    }

    /// From the number in a record.
    pub fn from_code(code: u8) -> Option<Close> {
        [
            Close::Disconnected,
            Close::DisconnectedWithWill,
            Close::Lost,
            Close::KeepAlive,
            Close::Malformed,
            Close::TakenOver,
            Close::ServerStopping,
            Close::WriteTimeout,
            Close::Busy,
        ]
        .into_iter()
        .find(|close| *close as u8 == code)
    }
}
