//! What became of a notice, from the record of its outlet to the words of the engine.

use event::{AlertId, NoticeOutcome, NoticeResult, Time};
use journal::inputs;

pub(super) fn notice_result(notice: &inputs::Notice<'_>) -> NoticeResult {
    NoticeResult {
        alert: AlertId(notice.alert.to_owned()),
        revision: notice.revision,
        channel: notice.channel.into(),
        person: notice.person.into(),
        result: match notice.result {
            inputs::NoticeResult::Delivered => NoticeOutcome::Delivered,
            inputs::NoticeResult::Refused => NoticeOutcome::Refused,
            inputs::NoticeResult::MovedOn => NoticeOutcome::MovedOn,
            inputs::NoticeResult::Expired => NoticeOutcome::Expired,
        },
        attempts: notice.attempts,
        at: Time(notice.at_ns),
    }
}
