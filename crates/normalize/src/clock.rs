//! What a device's time is worth.
//!
//! A record carries two times, and either may be wrong. Journal time never goes back: after the machine's clock was ahead once,
//! journal time stays ahead of it for hours. The wall clock may jump. A live reading must not be taken for history and a
//! true time not for the future because of either, so a device's time is judged in its favour: it is history if it is too old by
//! the *earlier* of the two, in the future if it is so by the *later*. Right wall and journal ahead, or right journal and wall
//! ahead: the true present is live. Wall behind: the true present is live too, and a backlog may pass for live, which misses
//! no alert. Both come from the record, so a replay judges alike; in a scenario they are equal. What replaces a
//! device time that is missing, in the future or before 2015 (of documents 1990) is journal time, which never runs backwards for a device.

use event::{EventFlags, Time};

use crate::catalogue::Catalogue;
use crate::clock_memory::ClockMemory;
use crate::message::Input;
use crate::reading::Reading;

/// 2015-01-01T00:00:00Z. No device of ours was installed before; a clock that says so was never set or has restarted (1970,
/// 2000), and its times mean nothing.
const EARLIEST: Time = Time(1_420_070_400 * Time::SECOND);

/// 1990-01-01T00:00:00Z. What has a validity was written by somebody who says when; no clock that was never set says so. An old
/// warning stays old, so that it cannot ring as one of now.
const EARLIEST_WRITTEN: Time = Time(631_152_000 * Time::SECOND);

pub(crate) struct Judged {
    pub(crate) observed: Time,
    pub(crate) flags: EventFlags,
    /// What was added to the device's time.
    pub(crate) offset_ns: i64,
    /// It says something of now: neither a history block nor out of the quarantine.
    pub(crate) is_live: bool,
}

/// When it was observed, as far as the device's clock can be believed; else the time of reception. See the module.
#[inline]
pub(crate) fn judge(
    reading: &mut Reading,
    clock_offset_ns: i64,
    clock: &mut ClockMemory,
    catalogue: &Catalogue,
    input: &Input<'_>,
) -> Judged {
    let is_live = !reading.flags.has(EventFlags::HISTORY) && !input.reprocessed && !input.retain;
    let judged = |observed, flags, offset_ns| Judged {
        observed,
        flags,
        offset_ns,
        is_live,
    };
    let received = |flags| judged(input.journal_time, flags, 0);
    let Some(stamp) = reading.stamp else {
        let Some(ago) = reading.ago else {
            return received(EventFlags::TIME_MISSING);
        };
        // "So long before now" needs no clock.
        if ago < -catalogue.limits.future_tolerance_ns {
            return received(EventFlags::TIME_FUTURE);
        }
        let observed = input.journal_time.plus(ago.saturating_neg());
        return judged(observed, EventFlags::default(), 0);
    };
    let corrected = stamp.plus(clock_offset_ns);
    let earliest = match reading.valid_from {
        Some(_) => EARLIEST_WRITTEN,
        None => EARLIEST,
    };
    if corrected < earliest {
        // Such a clock says the same time again and again: it must not make two readings one.
        reading.stamp = None;
        return received(EventFlags::TIME_PAST);
    }
    let latest = input.journal_time.max(input.wall_time);
    let learned = clock.correction(corrected, latest);
    if is_live {
        clock.learn(corrected, latest);
    }
    if corrected.since(latest) > catalogue.limits.future_tolerance_ns {
        return match learned {
            Some(offset) => judged(
                corrected.plus(offset).min(latest),
                EventFlags::CLOCK_CORRECTED,
                clock_offset_ns.saturating_add(offset),
            ),
            None => received(EventFlags::TIME_FUTURE),
        };
    }
    judged(corrected, EventFlags::default(), clock_offset_ns)
}

/// Whether it is older than the bound of its stream.
#[inline]
pub(crate) fn is_history(observed: Time, lateness_ns: i64, input: &Input<'_>) -> bool {
    input.journal_time.min(input.wall_time).since(observed) > lateness_ns
}
