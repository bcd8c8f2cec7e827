//! One message of the quarantine, as people look at it.

use anyhow::Result;
use console::{AdoptProposal, ProfileProposal, QuarantineItem};
use event::outcome::{self, Outcome};
use event::{PackFiles, RejectCode};
use journal::{Frame, Reader};

use super::index::{Entry, is_reprocessable};
use super::requeue::read_each;
use crate::journal_tools::cat::base64;
use crate::site_tools::{self, propose, snippet};

/// Bytes of a payload that are shown; the whole of it is in the journal.
const PAYLOAD_BYTES_MAX: usize = 64 << 10;
const TEXT_CHARS_MAX: usize = 2_048;

/// Reads the reject of an entry; `None` when it is gone. With a site pack and where it lies, an unknown device gets a proposal.
pub(super) fn read(
    open: &dyn Fn(u64) -> Reader,
    end: u64,
    entry: &Entry,
    device: String,
    site: Option<(&PackFiles, &str)>,
) -> Result<Option<QuarantineItem>> {
    let mut found = None;
    read_each(open, end, &[entry.outcome], &mut |frame| {
        found = frame.map(|frame| item(frame, entry, &device, site));
        Ok(())
    })?;
    Ok(found)
}

fn item(
    frame: &Frame<'_>,
    entry: &Entry,
    device: &str,
    site: Option<(&PackFiles, &str)>,
) -> QuarantineItem {
    let mut item = QuarantineItem {
        offset: entry.offset,
        time: entry.time,
        state: entry.state,
        code: entry.code,
        meaning: entry.code.text(),
        reason: String::new(),
        reprocessable: is_reprocessable(entry.code) && !frame.is_redacted(),
        device: device.to_owned(),
        client: String::new(),
        topic: String::new(),
        payload_bytes: 0,
        payload: None,
        payload_base64: None,
        payload_cut: false,
        adopt: None,
    };
    if frame.is_redacted() {
        "the content was personal data and was blanked: it cannot be tried again"
            .clone_into(&mut item.reason);
        return item;
    }
    let Ok((_, Outcome::Reject(reject))) =
        outcome::decode(frame.kind, frame.version, frame.payload)
    else {
        "the reject cannot be read by this release".clone_into(&mut item.reason);
        return item;
    };
    item.reason = cut(reject.reason);
    item.client = cut(reject.client);
    item.topic = cut(reject.topic);
    item.payload_bytes = reject.payload.len();
    if let Some((pack, folder)) = site
        && entry.code == RejectCode::DeviceUnknown
    {
        item.adopt = Some(proposal(pack, folder, &item, &reject.payload));
    }
    if reject.code == RejectCode::PersonalData || reject.payload.is_empty() {
        return item;
    }
    let shown = &reject.payload[..reject.payload.len().min(PAYLOAD_BYTES_MAX)];
    item.payload_cut = shown.len() < reject.payload.len();
    match std::str::from_utf8(shown) {
        Ok(text) => item.payload = Some(text.to_owned()),
        // A character that the bound cuts in two does not make it binary.
        Err(error) if item.payload_cut && error.error_len().is_none() => {
            let text = &shown[..error.valid_up_to()];
            item.payload = std::str::from_utf8(text).ok().map(str::to_owned);
        }
        Err(_) => item.payload_base64 = Some(base64(shown)),
    }
    item
}

fn proposal(
    pack: &PackFiles,
    folder: &str,
    item: &QuarantineItem,
    payload: &[u8],
) -> AdoptProposal {
    let profiles = propose(pack, &item.topic, payload);
    let best = profiles.first().map_or("", |best| &best.profile);
    AdoptProposal {
        snippet: snippet(&item.device, best, (&item.device, &item.device), None),
        command: format!(
            "ioc catalog adopt '{}' --site '{folder}' --profile '{best}' --name-vi '…' --name-en '…'",
            item.device
        ),
        writable: site_tools::is_writable(folder),
        profiles: profiles
            .into_iter()
            .map(|found| ProfileProposal {
                profile: found.profile,
                known: found.known,
                keys: found.keys,
            })
            .collect(),
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        text.truncate(end);
    }
    text
}
