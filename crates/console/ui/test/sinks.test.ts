import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CODES, codeOf, condition, isWrong, lasts, notice } from '../src/lib/sinks';
import type { Sink } from '../src/lib/types';
import vi from '../src/words/vi.json';

const sink = (rest: Partial<Sink> = {}): Sink => ({
  name: 'kafka',
  kind: 'outlet',
  state: 'running',
  since: '2026-11-23T07:00:00Z',
  position: 5,
  lag_records: 0,
  lag_seconds: 0,
  trouble: null,
  gaps: [],
  held_ratio: 0.1,
  counts: { received: 0, written: 0, rejected: 0, retried: 0, dropped: 0, inflight_batches: 0 },
  connections: null,
  ...rest,
});
const down = sink({ state: 'retrying', lag_records: 9, lag_seconds: 9 });
const door = (connected: number, rest: Partial<Sink> = {}) =>
  sink({ name: 'broker', kind: 'front_door', connections: { clients: 2, connected, reconnects: 0, lost_sessions: 0, refused: 0 }, ...rest });

test('what is busy is not wrong', () => {
  const calm: [Sink, string][] = [
    [sink(), 'well'],
    [sink({ state: 'starting' }), 'starting'],
    [sink({ state: 'draining' }), 'ending'],
    [sink({ lag_records: 100, lag_seconds: 29 }), 'well'],
    [sink({ lag_records: 100, lag_seconds: 31 }), 'behind'],
    [sink({ held_ratio: 0.9 }), 'well'],
    [door(2), 'well'],
  ];
  for (const [one, wanted] of calm) expect([condition(one), isWrong(one)]).toEqual([wanted, false]);
});

test('what needs a look says which', () => {
  const wrong: [Sink, string][] = [
    [down, 'retrying'],
    [sink({ state: 'failed' }), 'failed'],
    [sink({ state: 'stopped' }), 'failed'],
    [sink({ gaps: [[1, 9]] }), 'gap'],
    [sink({ state: 'retrying', held_ratio: 0.8, lag_records: 1 }), 'filling'],
    [sink({ state: 'starting', trouble: { code: 'disk', message: 'x', at: '2026-11-23T07:00:00Z', attempts: 1 } }), 'retrying'],
    [door(1), 'partly'],
    [door(0, { state: 'retrying' }), 'retrying'],
  ];
  for (const [one, wanted] of wrong) expect([condition(one), isWrong(one)]).toEqual([wanted, true]);
});

test('the sentence is that of the gravest, and promises nothing where something is lost', () => {
  expect(notice([])).toBe(null);
  expect(notice([sink(), sink({ state: 'starting' })])).toBe(null);
  expect(notice([sink(), down])).toBe('outlet');
  expect(notice([down, door(0, { state: 'retrying' })])).toBe('door');
  expect(notice([down, sink({ gaps: [[1, 2]] })])).toBe('gap');
  expect(notice([down, sink({ state: 'failed' })])).toBe('failed');
  expect(notice([sink({ ...down, held_ratio: 0.95 })])).toBe('filling');
});

test('a trouble of long ago is history; a code that is not known is other', () => {
  const trouble = { code: 'timed_out', message: 'x', at: '2026-11-23T07:00:00Z', attempts: 3 };
  expect(lasts(sink({ trouble }))).toBe(false);
  expect(lasts(sink({ trouble, state: 'retrying' }))).toBe(true);
  expect(codeOf(sink({ trouble }))).toBe('timed_out');
  expect(codeOf(sink({ trouble: { ...trouble, code: 'of_next_year' } }))).toBe('other');
});

test('every code of the interface has words', () => {
  const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'));
  expect([...CODES]).toEqual(document.components.schemas.SinkTrouble.properties.code.enum);
  for (const code of CODES) expect(vi).toHaveProperty([`sinks.trouble.${code}`]);
});
