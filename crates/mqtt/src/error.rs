//! The errors of a front door as a whole. What goes wrong on one connection ends that connection and
//! is counted; it is no error of the front door.

use std::io;
use std::net::SocketAddr;

/// Why a front door could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// For the person who wrote the configuration.
    #[error("the configuration of the listener is not usable: {}", .mistakes.join("; "))]
    Configuration {
        /// Each names its key.
        mistakes: Vec<String>,
    },
    /// For the person who wrote the configuration.
    #[error("the configuration of the outside broker is not usable: {}", .mistakes.join("; "))]
    BrokerConfiguration {
        /// Each names its key.
        mistakes: Vec<String>,
    },
    /// For the person who starts the process.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system gave no thread for the connections to the broker.
    #[error("cannot start the thread of the broker's connections")]
    Thread(#[source] io::Error),
    /// Final: nothing was acknowledged since; the process ends and reads the journal again.
    #[error("the journal failed, nothing is acknowledged any more: {error}")]
    Poisoned {
        /// What the journal said.
        error: String,
    },
    /// The journal went away while the listener ran: an error in the order of the shutdown.
    #[error("the journal was closed while a front door was open")]
    JournalClosed,
    /// A bug of ours; the process ends in order.
    #[error("a task of a front door panicked")]
    Panicked,
    /// A stop that did not finish: what was in flight is unacknowledged and will come again.
    #[error("{connections} connections were still open when the time to stop was over")]
    StopTimeout {
        /// How many.
        connections: usize,
    },
}
