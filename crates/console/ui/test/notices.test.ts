import { expect, test } from 'vitest';
import { complete } from '../src/lib/life';
import { byTransition, lost, stepsByRevision, type NoticeState } from '../src/lib/notices';
import type { Change, HistoryEntry } from '../src/lib/types';
import { alert } from './alerts';

const at = (minute: number): string => `2024-09-09T12:${String(minute).padStart(2, '0')}:00Z`;
const notice = (part: Partial<NoticeState>): NoticeState => ({
  channel: 'hook',
  person: 'an',
  revision: 1,
  result: 'delivered',
  attempts: 1,
  at: at(5),
  ...part,
});
const step = (change: Change, minute: number): HistoryEntry => ({
  offset: minute,
  time: at(minute),
  change,
  by: null,
  state: 'unacknowledged',
  severity: 'major',
});

test('newest transition first; a person\'s channels in the order in which they were done with', () => {
  const groups = byTransition(
    [
      notice({ channel: 'hook', revision: 4, at: at(9) }),
      notice({ channel: 'mail', person: 'binh', at: at(6) }),
      notice({ channel: 'zalo', at: at(7) }),
      notice({ channel: 'sms', result: 'moved_on', at: at(6) }),
    ],
    new Map(),
  );
  expect(groups.map(({ revision }) => revision)).toEqual([4, 1]);
  expect(groups[1]!.notices.map(({ person, channel }) => `${person}/${channel}`)).toEqual(['an/sms', 'an/zalo', 'binh/mail']);
});

test('what a notice told of is read from the end of the history, and not said where it cannot be known', () => {
  const history = [step('acknowledged', 3), step('escalated', 4), step('notified', 6)];
  const steps = stepsByRevision(7, history);
  expect([...steps.keys()]).toEqual([5, 6, 7]);
  const told = (part: Partial<NoticeState>) => byTransition([notice(part)], steps)[0]!.step?.change ?? null;
  expect(told({ revision: 6 })).toBe('escalated');
  expect(told({ revision: 2 })).toBe(null); // older than the history
  expect(told({ revision: 7 })).toBe(null); // that is told to nobody
  expect(told({ revision: 5 })).toBe(null);
  expect(told({ revision: 6, at: at(2) })).toBe(null); // before it happened
});

test('lost is what will not be tried again, until the person was told of something later', () => {
  const refused = notice({ channel: 'mail', result: 'refused', revision: 2 });
  expect(lost([notice({})])).toEqual([]);
  expect(lost([notice({ result: 'moved_on' })])).toEqual([]);
  expect(lost([refused, notice({ channel: 'sms', result: 'expired' })])).toHaveLength(2);
  expect(lost([refused, notice({ revision: 1 })])).toEqual([refused]);
  expect(lost([refused, notice({ revision: 3, person: 'binh' })])).toEqual([refused]);
  expect(lost([refused, notice({ revision: 3 })])).toEqual([]);
});

test('an alert of a release without notices has none', () => {
  const { notices: _, ...handling } = alert({ id: 'a' }).handling;
  const old = { ...alert({ id: 'a' }), handling } as never;
  expect(complete(old).handling.notices).toEqual([]);
});
