//! What a redaction takes from a record of `outcomes`.

use super::wire::Reader;
use super::{DecodeError, OutcomeKind, VERSION, record};

/// Zeros over the payload of a reject and spaces over its reason (which may quote it): what refused the message, who sent
/// it and its cause stay. Of a record of any other kind or version the cause alone stays.
pub fn blank(kind: u8, version: u8, payload: &mut [u8]) {
    if version != VERSION {
        return payload.fill(0);
    }
    match ranges(kind, payload) {
        Ok((reason, content)) => {
            payload[reason].fill(b' ');
            payload[content].fill(0);
        }
        Err(_) => payload.fill(0),
    }
}

type Range = std::ops::Range<usize>;

/// Where the reason and the content are.
fn ranges(kind: u8, payload: &[u8]) -> Result<(Range, Range), DecodeError> {
    let length = payload.len();
    let mut reader = Reader::new(payload);
    record::take_cause(&mut reader)?;
    if OutcomeKind::from_u8(kind) != Some(OutcomeKind::Reject) {
        let content = length - reader.rest().len()..length;
        return Ok((0..0, content));
    }
    reader.byte("the reject code")?;
    let reason = reader.bytes("the reason")?.len();
    let reason_end = length - reader.left();
    reader.bytes("the client")?;
    reader.bytes("the topic")?;
    let content = reader.bytes("the payload")?.len();
    reader.finish()?;
    Ok((reason_end - reason..reason_end, length - content..length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Cause, Outcome, decode, encode_copy, encode_reject};
    use crate::{Reject, RejectCode};

    const CAUSE: Cause = Cause {
        offset: 70_000,
        index: 3,
        last: true,
    };

    fn blanked(kind: OutcomeKind, bytes: &[u8]) -> Vec<u8> {
        let mut once = bytes.to_vec();
        blank(kind as u8, VERSION, &mut once);
        let mut twice = once.clone();
        blank(kind as u8, VERSION, &mut twice);
        assert_eq!(once, twice, "a second time changes nothing");
        assert_eq!(once.len(), bytes.len());
        once
    }

    #[test]
    fn a_blanked_reject_is_a_reject_without_content() {
        for (reason, payload) in [
            ("no value in 'Nguyễn Văn A'", &b"{\"ten\":\"A\"}"[..]),
            ("", b""),
            ("r", &[7; 300]),
        ] {
            let reject = Reject {
                code: RejectCode::NoValues,
                reason: reason.to_owned(),
                client: "sapa-12".to_owned(),
                topic: "v1/x".to_owned(),
                payload: payload.to_vec(),
            };
            let mut bytes = Vec::new();
            encode_reject(CAUSE, &reject, &mut bytes);
            let bytes = blanked(OutcomeKind::Reject, &bytes);
            let wanted = Reject {
                reason: " ".repeat(reason.len()),
                payload: vec![0; payload.len()],
                ..reject
            };
            let (cause, outcome) = decode(OutcomeKind::Reject as u8, VERSION, &bytes).unwrap();
            assert_eq!((cause, outcome), (CAUSE, Outcome::Reject(wanted)));
        }
    }

    #[test]
    fn anything_else_keeps_its_cause_alone() {
        let mut bytes = Vec::new();
        encode_copy(CAUSE, b"content", &mut bytes);
        let bytes = blanked(OutcomeKind::OutletCopy, &bytes);
        let (cause, outcome) = decode(OutcomeKind::OutletCopy as u8, VERSION, &bytes).unwrap();
        assert_eq!((cause, outcome), (CAUSE, Outcome::OutletCopy(&[0; 7])));
        let mut cut = vec![1, 2, 3, 200];
        blank(OutcomeKind::Reject as u8, VERSION, &mut cut);
        assert_eq!(cut, [0; 4]);
    }
}
