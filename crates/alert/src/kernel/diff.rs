//! What was told against what is so: the same episodes by where they overlap.

use super::machine::Turn;
use super::state::Told;
use super::watch::{Desk, News};

/// An episode as a replay finds it, and the observed times that its begin and end speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) since: i64,
    pub(super) until: Option<i64>,
    pub(super) began_at: i64,
    pub(super) ended_at: i64,
}

impl Span {
    pub(super) fn take(spans: &mut Vec<Self>, turn: Turn, at: i64) {
        match turn {
            Turn::Began { since } => spans.push(Self {
                since,
                until: None,
                began_at: at,
                ended_at: at,
            }),
            Turn::Ended { until } => {
                if let Some(span) = spans.last_mut() {
                    span.until = Some(until);
                    span.ended_at = at;
                }
            }
        }
    }

    /// Half open: an episode that begins where another ends is another one.
    fn overlaps(&self, told: &Told) -> bool {
        self.since < told.until.unwrap_or(i64::MAX) && told.since < self.until.unwrap_or(i64::MAX)
    }
}

/// Tells what has become of the told ones and what is new; returns what is told now. Both are ascending and do not overlap
/// among themselves. `newest` is the newest point.
pub(super) fn difference(
    told: Vec<Told>,
    spans: &[Span],
    newest: i64,
    desk: &mut Desk,
) -> Vec<Told> {
    let mut left = told.as_slice();
    let mut plan: Vec<(&Span, Option<Told>, &[Told])> = Vec::with_capacity(spans.len());
    for (index, span) in spans.iter().enumerate() {
        // What ends before this span begins has no successor any more.
        while let Some((first, rest)) = left.split_first() {
            if span.overlaps(first) || first.since >= span.since {
                break;
            }
            desk.news.push(News::Annulled {
                episode: first.episode,
            });
            left = rest;
        }
        let next = spans.get(index + 1);
        // Others that overlap are one with the first, unless they go on in the next span.
        let mut count = 0;
        while let Some(one) = left.get(count) {
            let later = count > 0 && next.is_some_and(|next| next.overlaps(one));
            if !span.overlaps(one) || later {
                break;
            }
            count += 1;
        }
        let (same, rest) = left.split_at(count);
        left = rest;
        match same.split_first() {
            Some((first, merged)) => plan.push((span, Some(*first), merged)),
            None => plan.push((span, None, &[])),
        }
    }
    for gone in left {
        desk.news.push(News::Annulled {
            episode: gone.episode,
        });
    }
    let mut now = Vec::with_capacity(plan.len());
    for (span, before, merged) in plan {
        // The later ones first: whoever hears of the one that goes on must find nothing beside it.
        if let Some(into) = before.as_ref().map(|told| told.episode) {
            for one in merged {
                desk.news.push(News::Merged {
                    episode: one.episode,
                    into,
                });
            }
        }
        now.push(tell(span, before, newest, desk));
    }
    now
}

fn tell(span: &Span, before: Option<Told>, newest: i64, desk: &mut Desk) -> Told {
    let Some(mut told) = before else {
        let episode = desk.episode();
        desk.news.push(News::Began {
            episode,
            since: span.since,
            until: span.until,
            at: span.began_at,
            ended_at: span.until.map(|_| span.ended_at),
        });
        return Told {
            episode,
            since: span.since,
            until: span.until,
            at: span.began_at,
            value: None,
            suspect: false,
        };
    };
    let episode = told.episode;
    let moved = told.since != span.since;
    match (told.until, span.until) {
        (None, Some(until)) => {
            if moved {
                desk.news.push(News::Changed {
                    episode,
                    since: span.since,
                    until: None,
                    at: Some(newest),
                });
            }
            desk.news.push(News::Ended {
                episode,
                until,
                at: span.ended_at,
            });
        }
        (was, until) if was != until || moved => {
            let at = if until.is_none() {
                Some(newest)
            } else {
                moved.then_some(span.began_at)
            };
            desk.news.push(News::Changed {
                episode,
                since: span.since,
                until,
                at,
            });
        }
        _ => {}
    }
    told.since = span.since;
    told.until = span.until;
    told
}
