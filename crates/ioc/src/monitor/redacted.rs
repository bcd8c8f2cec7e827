//! A message whose content was redacted, folded again: the reject comes from its redaction record.

use event::{Reject, RejectCode};
use journal::{JournalName, Redactions};

use super::fold::Fold;
use super::out::Out;

impl Fold {
    /// What `inputs` records of redactions from where the fold begins on. Needed before records are folded that were
    /// folded before; live ones are not redacted yet.
    pub(crate) fn set_redactions(&mut self, redactions: Redactions) {
        self.redactions = redactions;
    }

    /// The reject of a message or a reprocess record that was redacted, as it was given the first time.
    pub(super) fn redacted(
        &mut self,
        offset: u64,
        client: &str,
        topic: &str,
        outs: &mut Vec<Out<'_>>,
    ) {
        let said = self.redactions.get(JournalName::Inputs, offset);
        let keys = said.map_or(&[][..], |said| said.keys.as_slice());
        let code = said
            .and_then(|said| {
                RejectCode::ALL
                    .into_iter()
                    .find(|code| code.name() == said.code)
            })
            .unwrap_or(RejectCode::PersonalData);
        // Of a message that was refused for another reason first, the sentence is blanked in `outcomes` too.
        let reject = Reject {
            code,
            ..Reject::personal(keys.iter().map(String::as_str), client, topic)
        };
        self.counters.rejected += 1;
        self.counters.rejected_by_code[code as usize] += 1;
        outs.push(Out::Reject(reject));
    }
}
