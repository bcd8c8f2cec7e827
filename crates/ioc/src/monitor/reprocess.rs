//! A message out of the quarantine: understood by the site pack now in force, at the times at which it came.
//!
//! What comes of it is history and nothing else. Its events have the ids that they would have had, go to every outlet
//! flagged as reprocessed, and are never shown to the rules: an alert about yesterday's flood must not ring today, and a
//! silent device does not speak because an old message of it was found. The accounting of messages does not change; what
//! was reprocessed is counted apart.

use event::{EventFlags, Reject, RejectCode, ReprocessResult, Reprocessed, Time};
use journal::inputs::{self, FrontDoor, Kind};
use journal::{Frame, JournalName};
use mqtt::codec::Properties;
use normalize::{Input, Normalized};

use super::fold::Fold;
use super::out::Out;

/// Flags of every event that reprocessing gives.
const FLAGS: EventFlags = EventFlags::REPROCESSED.with(EventFlags::HISTORY);

impl Fold {
    pub(super) fn reprocess<'a>(
        &mut self,
        frame: &Frame<'a>,
        outs: &mut Vec<Out<'a>>,
    ) -> Result<(), inputs::DecodeError> {
        let record = inputs::Reprocess::decode(frame.version, frame.payload)?;
        let at = outs.len();
        let result = if frame.is_redacted() {
            self.redacted_again(frame.offset, &record, outs)?
        } else if self.delivered.contains(record.offset) {
            ReprocessResult::Already
        } else {
            self.try_again(&record, outs)?
        };
        match &result {
            ReprocessResult::Delivered { .. } | ReprocessResult::Nothing => {
                self.delivered.insert(record.offset);
                self.counters.reprocessed += 1;
            }
            ReprocessResult::Failed { .. } => self.counters.reprocessed_failed += 1,
            ReprocessResult::Already => {}
        }
        let concluded = Reprocessed {
            original: record.offset,
            operator: record.operator.to_owned(),
            verified: record.verified,
            reason: record.reason.to_owned(),
            result,
        };
        // First of its group: a reader knows that what follows is no news.
        outs.insert(at, Out::Reprocessed(concluded));
        Ok(())
    }

    fn try_again<'a>(
        &mut self,
        record: &inputs::Reprocess<'a>,
        outs: &mut Vec<Out<'a>>,
    ) -> Result<ReprocessResult, inputs::DecodeError> {
        if Kind::try_from(record.kind) != Ok(Kind::Message) {
            let reason = format!("record {} is no message", record.offset);
            return Ok(failed(RejectCode::RecordUnreadable, reason));
        }
        let message = inputs::Message::decode(record.version, record.record)?;
        let Some(domain) = &mut self.domain else {
            let reason = "no site pack is in force".to_owned();
            return Ok(failed(RejectCode::ConfigurationInvalid, reason));
        };
        let input = Input {
            journal: self.journal,
            offset: record.offset,
            journal_time: Time(record.stamp.journal_ns),
            wall_time: Time(record.stamp.wall_ns),
            client: message.client_id,
            session: message.session,
            packet_id: message.packet_id,
            qos: message.qos,
            dup: message.dup,
            retain: message.retain,
            from_broker: message.front_door == FrontDoor::Client,
            reprocessed: true,
            content_type: Properties::journalled(message.properties).content_type(),
            topic: message.topic,
            payload: message.payload,
            oversize: message.oversize.as_ref().map(|oversize| oversize.length),
        };
        let mut normalized = std::mem::take(&mut self.normalized);
        domain.normalizer.apply(&input, &mut normalized);
        let (mut delivered, mut refused) = (0_u32, None);
        for one in normalized.drain(..) {
            match one {
                Normalized::Event(mut event) => {
                    event.flags = event.flags.with(FLAGS);
                    delivered += 1;
                    outs.push(Out::Event(event));
                }
                Normalized::Reject(reject) => refused = refused.or(Some(reject)),
                Normalized::Duplicate | Normalized::State => {}
            }
        }
        self.normalized = normalized;
        Ok(match refused {
            None if delivered == 0 => ReprocessResult::Nothing,
            None => ReprocessResult::Delivered { events: delivered },
            Some(reject) => {
                let (code, reason) = (reject.code, reject.reason.clone());
                // The redactor goes by this one: it has the bytes blanked wherever they stand.
                if code == RejectCode::PersonalData {
                    outs.push(Out::Reject(Reject {
                        payload: Vec::new(),
                        ..reject
                    }));
                }
                ReprocessResult::Failed {
                    code,
                    reason,
                    events: delivered,
                }
            }
        })
    }

    /// Folded again after its content was blanked: what was concluded the first time follows from the redaction record.
    fn redacted_again<'a>(
        &mut self,
        offset: u64,
        record: &inputs::Reprocess<'a>,
        outs: &mut Vec<Out<'a>>,
    ) -> Result<ReprocessResult, inputs::DecodeError> {
        let message = inputs::Message::decode(record.version, record.record)?;
        let said = self.redactions.get(JournalName::Inputs, offset);
        let keys = said.map_or(&[][..], |said| said.keys.as_slice());
        let reject = Reject::personal(
            keys.iter().map(String::as_str),
            message.client_id,
            message.topic,
        );
        let result = failed(reject.code, reject.reason.clone());
        outs.push(Out::Reject(reject));
        Ok(result)
    }
}

const fn failed(code: RejectCode, reason: String) -> ReprocessResult {
    ReprocessResult::Failed {
        code,
        reason,
        events: 0,
    }
}

#[cfg(test)]
mod tests;
