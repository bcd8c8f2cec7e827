//! `burst`: a reconnect storm. The named devices have a quiet day; beside them N numbered ones speak for a quarter of an
//! hour, lose their network for three hours, and all come back in the same minute with everything they measured.

use super::fleet::{Fleet, interval_ns};
use super::{Options, Plot, quiet};
use crate::device::Fault;
use crate::stamp::{HOUR_NS, MINUTE_NS};

/// Devices of the storm when the caller names no number.
const DEVICES: u32 = 300;
/// Connections that come back at once.
const GATEWAYS_MAX: u32 = 48;

pub(super) fn plot(seed: u64, options: &Options) -> Plot {
    let from_ns = quiet::from_ns();
    let mut fleet = Fleet::new(seed, from_ns);
    quiet::named(&mut fleet, seed, from_ns);
    let down_ns = from_ns + 15 * MINUTE_NS;
    let back_ns = down_ns + 3 * HOUR_NS;
    let count = options.devices.unwrap_or(DEVICES).max(1);
    let every_ns = interval_ns(count, options);
    let outage = Fault::Offline {
        from_ns: down_ns,
        to_ns: back_ns,
    };
    // The connections break where the outage begins; nothing is sent a second time.
    let cut = Fault::Resend {
        at_ns: down_ns,
        messages: 0,
    };
    fleet.add_storm(count, every_ns, GATEWAYS_MAX, &[outage, cut]);
    fleet.finish(back_ns + every_ns.max(MINUTE_NS) + 15 * MINUTE_NS)
}
