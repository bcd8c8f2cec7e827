//! Two devices that speak as nobody else does: a script decodes them. Their formats are described in `decoders/` of the
//! site pack.

use super::speaker::Turn;
use super::{City, Gateway, topic};
use crate::formats::bytes::crc16;
use crate::formats::times;
use crate::stamp::SECOND_NS;

pub(super) fn add(city: &mut City) {
    city.add(
        Gateway::Logger,
        "script",
        "slope-probe-1",
        (60, 17),
        |turn: &mut Turn<'_>| slope_probe(turn, "slope-probe-1"),
    );
    city.add(
        Gateway::Logger,
        "script",
        "level-lines-1",
        (60, 19),
        |turn: &mut Turn<'_>| level_lines(turn, "level-lines-1"),
    );
}

/// Sixteen bytes: version 2, flags, seconds since 1970, soil moisture (0.1 %), tilt (0.01 degrees), displacement (0.1 mm),
/// battery (mV), all high byte first, then CRC-16/MODBUS with its low byte first.
fn slope_probe(turn: &mut Turn<'_>, device: &str) {
    let failed = turn.number % 40 == 25;
    let mut frame = vec![2, u8::from(failed)];
    let seconds = u32::try_from(times::epoch_s(turn.now_ns)).unwrap_or(0);
    frame.extend_from_slice(&seconds.to_be_bytes());
    frame.extend_from_slice(&(turn.around(412.0, 9.0, 0) as u16).to_be_bytes());
    frame.extend_from_slice(&(turn.around(-35.0, 4.0, 0) as i16).to_be_bytes());
    frame.extend_from_slice(&(turn.around(12.0, 3.0, 0) as i16).to_be_bytes());
    frame.extend_from_slice(&(turn.around(3_610.0, 20.0, 0) as u16).to_be_bytes());
    let mut crc = crc16(&frame, 0xffff);
    let broken = turn.number % 40 == 11;
    if broken {
        crc ^= 1;
    }
    frame.extend_from_slice(&crc.to_le_bytes());
    let observed_ns = i64::from(seconds) * SECOND_NS;
    let said = turn
        .say(topic("disaster", device), frame)
        .dated(observed_ns);
    if broken {
        said.refused("checksum");
    } else if failed {
        said.fault("sensor_failed");
    }
}

/// `$WL,2026-11-22 10:00:00,80.55,12.6*5A`: the digits are the exclusive or of the bytes between `$` and `*`. After a gap the
/// stored line comes first.
fn level_lines(turn: &mut Turn<'_>, device: &str) {
    let now_ns = turn.now_ns / SECOND_NS * SECOND_NS;
    let mut text = String::new();
    let history = turn.number % 20 == 13;
    if history {
        let at_ns = turn.ago(600);
        text.push_str(&level_line(at_ns, turn.around(81.3, 0.05, 2)));
    }
    text.push_str(&level_line(now_ns, turn.around(81.4, 0.05, 2)));
    let said = turn.say(topic("disaster", device), text).dated(now_ns);
    if history {
        said.fault("history").events(2);
    }
}

fn level_line(at_ns: i64, level: f64) -> String {
    let body = format!("WL,{},{level:.2},12.6", times::local_spaced(at_ns));
    let check = body.bytes().fold(0, |check, byte| check ^ byte);
    format!("${body}*{check:02X}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_line_by_hand() {
        // The exclusive or of the bytes of "WL,2026-11-22 10:00:00,80.55,12.6", worked out outside of this crate.
        assert_eq!(
            level_line(1_795_316_400_000_000_000, 80.55),
            "$WL,2026-11-22 10:00:00,80.55,12.6*2D\r\n"
        );
    }
}
