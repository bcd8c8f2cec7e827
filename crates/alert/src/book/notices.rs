//! What became of the notices of an alert, as its outlet reports it.

use event::{Change, NoticeResult, NoticeState};

use super::{Book, Context, NOTICES_MAX};
use crate::effect::Effect;

impl Book {
    /// Keeps the newest result of every channel and person and tells it. A report that says nothing new (it comes again after a
    /// kill) or is of an older notice changes nothing; so does one of an alert that is not listed any more.
    pub(crate) fn notice(
        &mut self,
        result: &NoticeResult,
        ctx: &Context<'_>,
        out: &mut Vec<Effect>,
    ) {
        let open = self.open.get_mut(&result.alert);
        let Some(entry) = open.or_else(|| self.over.get_mut(&result.alert)) else {
            return;
        };
        let state = NoticeState {
            channel: result.channel.clone(),
            person: result.person.clone(),
            revision: result.revision,
            result: result.result,
            attempts: result.attempts,
            at: result.at,
        };
        let notices = &mut entry.alert.handling.notices;
        let place = notices.binary_search_by(|known| {
            (&known.channel, &known.person).cmp(&(&state.channel, &state.person))
        });
        match place {
            Ok(place) if is_newer(&state, &notices[place]) => notices[place] = state,
            Ok(_) => return,
            Err(place) => {
                notices.insert(place, state);
                if notices.len() > NOTICES_MAX {
                    drop_oldest(notices);
                }
            }
        }
        entry.tell(Change::Notified, None, ctx, out);
    }
}

fn is_newer(state: &NoticeState, known: &NoticeState) -> bool {
    (state.revision, state.at) > (known.revision, known.at)
}

fn drop_oldest(notices: &mut Vec<NoticeState>) {
    let oldest = (notices.iter().enumerate())
        .min_by_key(|(_, notice)| (notice.at, notice.revision))
        .map(|(place, _)| place);
    if let Some(oldest) = oldest {
        notices.remove(oldest);
    }
}
