//! Compressed payloads: gzip and zstd by MQTT 5 content type, bounded by what comes out, not by what came in.

use std::borrow::Cow;
use std::io::Read;

use event::RejectCode;

use crate::catalogue::Limits;
use crate::fault::Fault;
use crate::message::Input;

#[derive(Clone, Copy)]
enum Packing {
    Gzip,
    Zstd,
}

/// The payload as it was before it was packed.
#[inline]
pub(crate) fn unpack<'a>(input: &Input<'a>, limits: &Limits) -> Result<Cow<'a, [u8]>, Fault> {
    let Some(packing) = packing(input.content_type) else {
        return Ok(Cow::Borrowed(input.payload));
    };
    let bound = limits.unpacked_bytes_max;
    let unpacked = match packing {
        // Several members one after the other are one file.
        Packing::Gzip => bounded(flate2::read::MultiGzDecoder::new(input.payload), bound)?,
        Packing::Zstd => {
            let mut reader = zstd::stream::read::Decoder::new(input.payload).map_err(broken)?;
            // A frame may ask for a window of gigabytes: no more than holds the bound.
            reader.window_log_max(WINDOW_LOG_MAX).map_err(broken)?;
            bounded(reader, bound)?
        }
    };
    Ok(Cow::Owned(unpacked))
}

/// What can be read of a payload that is refused, broken or too large though it may be: for looking for what nobody may keep.
pub(crate) fn salvage<'a>(input: &Input<'a>, limits: &Limits) -> Cow<'a, [u8]> {
    let Some(packing) = packing(input.content_type) else {
        return Cow::Borrowed(input.payload);
    };
    let mut out = Vec::new();
    let most = u64::try_from(limits.unpacked_bytes_max).unwrap_or(u64::MAX);
    // What was read before the stream broke is in `out`; the fault itself is told by who refused the message.
    let _ = match packing {
        Packing::Gzip => flate2::read::MultiGzDecoder::new(input.payload)
            .take(most)
            .read_to_end(&mut out),
        Packing::Zstd => zstd::stream::read::Decoder::new(input.payload).and_then(|mut reader| {
            reader.window_log_max(WINDOW_LOG_MAX)?;
            reader.take(most).read_to_end(&mut out)
        }),
    };
    // A content type may lie.
    if out.is_empty() {
        return Cow::Borrowed(input.payload);
    }
    Cow::Owned(out)
}

/// 8 MiB: what zstd's standard levels use.
const WINDOW_LOG_MAX: u32 = 23;

/// `application/gzip`, `application/zstd`, `application/json+gzip`, `application/json; encoding=gzip` and their like.
fn packing(content_type: &str) -> Option<Packing> {
    if content_type.is_empty() {
        return None;
    }
    let words = content_type.to_ascii_lowercase();
    let mut words = words.split(['/', '+', ';', '=', ' ', ',']);
    words.find_map(|word| match word {
        "gzip" | "x-gzip" => Some(Packing::Gzip),
        "zstd" | "x-zstd" => Some(Packing::Zstd),
        _ => None,
    })
}

fn bounded(reader: impl Read, bound: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let most = u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut out).map_err(broken)?;
    if out.len() > bound {
        let reason = format!("the payload unpacks to more than {bound} bytes; split the message");
        return Err(Fault::new(RejectCode::UnpackedTooLarge, reason));
    }
    Ok(out)
}

fn broken(error: std::io::Error) -> Fault {
    let reason = format!(
        "the payload cannot be unpacked as its content type says ({error}); check the gateway's compression"
    );
    Fault::new(RejectCode::CompressionInvalid, reason)
}
