//! Answers of a meter as they went over the line: RTU with its CRC, or TCP with its header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::RejectCode;

use super::super::Wire;
use super::json::packed;
use super::{BLOCKS_MAX, Block, Content, Encoding, Plan, Text, exception, hex, map};
use crate::fault::Fault;

/// A request that the gateway sends over and over: an answer is told by its function and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Poll {
    function: u8,
    start: u32,
    count: u32,
}

impl Poll {
    fn data_bytes(self) -> u32 {
        match self.function {
            1 | 2 => self.count.div_ceil(8),
            _ => self.count * 2,
        }
    }
}

/// `function/start/count` each.
pub(super) fn polls(texts: &[&str]) -> Result<Vec<Poll>, String> {
    let mut polls: Vec<Poll> = Vec::new();
    for text in texts {
        let Some(poll) = poll(text) else {
            return Err(format!(
                "`options.polls` has `{text}`; a poll is function/start/count, as in 4/0x0000/18: functions 1 to 4, at most 125 registers or 2000 bits"
            ));
        };
        let twin = |other: &&Poll| {
            other.function == poll.function && other.data_bytes() == poll.data_bytes()
        };
        if polls.iter().any(|other| twin(&other)) {
            return Err(format!(
                "`options.polls`: the answer to `{text}` cannot be told from another's; poll another number of registers"
            ));
        }
        polls.push(poll);
    }
    Ok(polls)
}

fn poll(text: &str) -> Option<Poll> {
    let mut parts = text.split('/');
    let function = parts.next()?.trim().parse().ok()?;
    let (start, count) = (map::number(parts.next()?)?, map::number(parts.next()?)?);
    let most = match function {
        1 | 2 => 2_000,
        3 | 4 => 125,
        _ => return None,
    };
    let sound = parts.next().is_none() && (1..=most).contains(&count) && start + count <= 0x1_0000;
    sound.then_some(Poll {
        function,
        start,
        count,
    })
}

pub(super) fn blocks(wire: &Wire<'_>, plan: &Plan) -> Result<Vec<Block>, Fault> {
    let unpacked;
    let mut rest = match plan.text {
        Text::None => wire.payload,
        Text::Hex | Text::Base64 => {
            let text = crate::checks::payload_text(wire.payload)?;
            let bytes = match plan.text {
                Text::Base64 => STANDARD.decode(text.trim()).ok(),
                Text::Hex | Text::None => hex(text),
            };
            let reason = "the payload is not the text that `options.text` says; compare it with the gateway's settings";
            unpacked = bytes.ok_or_else(|| Fault::malformed(reason))?;
            unpacked.as_slice()
        }
    };
    if rest.is_empty() {
        return Err(Fault::new(
            RejectCode::PayloadEmpty,
            "the payload is empty; check the gateway",
        ));
    }
    let mut blocks = Vec::new();
    let mut frames = 0;
    while !rest.is_empty() {
        frames += 1;
        if frames > BLOCKS_MAX {
            let reason = format!("more than {BLOCKS_MAX} frames in one message; split it");
            return Err(Fault::new(RejectCode::TooManyFields, reason));
        }
        let taken = match plan.encoding {
            Encoding::Tcp => tcp(rest),
            Encoding::Rtu | Encoding::Json => rtu(rest),
        };
        let (unit, pdu, after) = taken.map_err(|why| {
            let at = wire.payload.len().saturating_sub(rest.len());
            Fault::malformed(format!("frame {frames}, near byte {at}: {why}"))
        })?;
        rest = after;
        if plan.unit.is_none_or(|own| own == unit) {
            blocks.push(answer(pdu, plan)?);
        }
    }
    Ok(blocks)
}

type Taken<'b> = Result<(u8, &'b [u8], &'b [u8]), &'static str>;

/// Slave, function, length or exception code, data, CRC low byte first.
fn rtu(bytes: &[u8]) -> Taken<'_> {
    const SHORT: &str = "it ends too early; the gateway cuts its answers";
    let (unit, function, third) = match bytes {
        [unit, function, third, ..] => (*unit, *function, *third),
        _ => return Err(SHORT),
    };
    let pdu_end = match function {
        0x81..=0x84 => 3,
        1..=4 => 3 + usize::from(third),
        _ => return Err("the function is none that reads; is this an answer frame?"),
    };
    let (body, rest) = bytes.split_at_checked(pdu_end).ok_or(SHORT)?;
    let (crc, rest) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
    if crc16(body) != u16::from_le_bytes(*crc) {
        return Err("its CRC is wrong; look at the wiring and the speed of the bus");
    }
    Ok((unit, body.get(1..).unwrap_or_default(), rest))
}

/// Transaction, protocol 0, length, slave, then the same without CRC.
fn tcp(bytes: &[u8]) -> Taken<'_> {
    const SHORT: &str = "it ends too early; the gateway cuts its answers";
    let ([_, _, protocol_high, protocol_low, length_high, length_low], rest) =
        bytes.split_first_chunk::<6>().ok_or(SHORT)?;
    if (*protocol_high, *protocol_low) != (0, 0) {
        return Err("its protocol number is not 0; is this Modbus TCP?");
    }
    let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
    if !(3..=254).contains(&length) {
        return Err("its length is not from 3 to 254");
    }
    let (body, rest) = rest.split_at_checked(length).ok_or(SHORT)?;
    let (unit, pdu) = body.split_first().ok_or(SHORT)?;
    Ok((*unit, pdu, rest))
}

fn answer(pdu: &[u8], plan: &Plan) -> Result<Block, Fault> {
    let (function, rest) = pdu
        .split_first()
        .ok_or_else(|| Fault::malformed("a frame without a function"))?;
    if function & 0x80 != 0 {
        let code = rest.first().copied().unwrap_or_default();
        let function = function & 0x7F;
        // Only one poll of that function: then it is known which registers failed.
        let mut polls = plan.polls.iter().filter(|poll| poll.function == function);
        let poll = polls.next().filter(|_| polls.next().is_none());
        return Ok(Block {
            function: Some(function),
            start: poll.map_or(0, |poll| poll.start),
            content: Content::Failed {
                why: exception(u64::from(code)),
                count: Some(poll.map_or(0, |poll| poll.count)),
            },
            stamp: None,
        });
    }
    let (length, data) = rest
        .split_first()
        .ok_or_else(|| Fault::malformed("a frame without a length"))?;
    if usize::from(*length) != data.len() {
        let reason = format!("a frame says {length} data bytes and has {}", data.len());
        return Err(Fault::malformed(reason));
    }
    let fits = |poll: &&Poll| poll.function == *function && poll.data_bytes() == u32::from(*length);
    let Some(poll) = plan.polls.iter().find(fits) else {
        let reason = format!(
            "an answer of function {function} with {length} bytes fits none of `options.polls`; compare them with what the gateway polls"
        );
        return Err(Fault::shape(reason));
    };
    Ok(Block {
        function: Some(*function),
        start: poll.start,
        content: trimmed(packed(data.to_vec(), Some(*function))?, poll.count),
        stamp: None,
    })
}

/// The last byte of coils is filled up with bits that nobody asked for.
fn trimmed(mut content: Content, count: u32) -> Content {
    if let Content::Bits(bits) = &mut content {
        bits.truncate(count as usize);
    }
    content
}

/// CRC-16/MODBUS: polynomial 0xA001 (reflected), start 0xFFFF.
fn crc16(bytes: &[u8]) -> u16 {
    super::super::obis::crc16_reflected(bytes, 0xFFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_of_the_specification() {
        // The usual check word of CRC-16/MODBUS.
        assert_eq!(crc16(b"123456789"), 0x4B37);
    }

    #[test]
    fn polls_must_be_told_apart() {
        assert!(polls(&["4/0x0000/18", "4/0x0046/4"]).is_ok());
        for bad in [
            &["4/0/18", "4/70/18"][..],
            &["1/0/8", "1/8/7"],
            &["4/0/126"],
            &["4/0/0"],
            &["5/0/1"],
            &["4/0xFFFF/2"],
            &["4/0"],
            &["4/0/1/1"],
        ] {
            assert!(polls(bad).is_err(), "{bad:?}");
        }
    }
}
