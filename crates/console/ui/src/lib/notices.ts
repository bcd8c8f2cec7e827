/** What became of the notices of an alert: by what they told of, and to whom. Only what the node recorded is said. */

import type { Change, HistoryEntry } from './types';

/** What the node calls a result; one that a later release adds is shown by its name. */
export const RESULTS = ['delivered', 'refused', 'moved_on', 'expired'] as const;
export type NoticeResult = (typeof RESULTS)[number];

/** The newest notice by one channel to one person; both are ids, never contact data. */
export interface NoticeState {
  channel: string;
  person: string;
  /** Of the alert, that it told of. */
  revision: number;
  result: NoticeResult;
  attempts: number;
  at: string;
}

/** The node keeps so many of one alert and lets the oldest go. */
export const NOTICES_MAX = 64;

/** Changes that are told to people. */
const TOLD: readonly Change[] = [
  'raised',
  'reopened',
  'escalated',
  'reminded',
  'returned_to_normal',
  'resolved',
  'annulled',
  'unsuppressed',
  'unshelved',
  'revised',
];

export interface ToldOf {
  revision: number;
  /** What happened then; null where the history does not reach back so far. */
  step: HistoryEntry | null;
  notices: NoticeState[];
}

/** What happened to an alert up to a revision of it, oldest first; the last step made that revision. */
export interface Past {
  id: string;
  revision: number;
  history: readonly HistoryEntry[];
}

/** The steps of the history by the revision that each made: an alert's revision rises by one with each. */
export function stepsByRevision(revision: number, history: readonly HistoryEntry[]): Map<number, HistoryEntry> {
  const first = revision - history.length + 1;
  return new Map(history.map((step, index) => [first + index, step]));
}

/**
 * Newest transition first; within one, person by person, each in the order in which the channels were done with. A step
 * that is told to nobody, or came after the result, cannot be what a notice was about: then none is named.
 */
export function byTransition(notices: readonly NoticeState[], steps: ReadonlyMap<number, HistoryEntry>): ToldOf[] {
  const groups = new Map<number, NoticeState[]>();
  for (const notice of notices) {
    const known = groups.get(notice.revision);
    if (known) known.push(notice);
    else groups.set(notice.revision, [notice]);
  }
  return [...groups]
    .sort(([a], [b]) => b - a)
    .map(([revision, group]) => {
      const step = steps.get(revision) ?? null;
      const first = Math.min(...group.map(({ at }) => Date.parse(at)));
      const fits = step !== null && TOLD.includes(step.change) && Date.parse(step.time) <= first;
      const order = (a: NoticeState, b: NoticeState): number =>
        a.person.localeCompare(b.person) || Date.parse(a.at) - Date.parse(b.at) || a.channel.localeCompare(b.channel);
      return { revision, step: fits ? step : null, notices: [...group].sort(order) };
    });
}

/** It will not be tried again, and it went on to no other channel. */
export const isLost = ({ result }: NoticeState): boolean => result === 'refused' || result === 'expired';

/** Failed for good, and the person was told of nothing later since. */
export function lost(notices: readonly NoticeState[]): NoticeState[] {
  return notices.filter(
    (one) =>
      isLost(one) &&
      !notices.some(
        (other) => other.person === one.person && other.result === 'delivered' && other.revision > one.revision,
      ),
  );
}
