import { expect, test } from 'vitest';
import { fold, matches } from '../src/lib/fold';
import { arrange, compare, passes, type Filter } from '../src/lib/order';
import { count, look, worst } from '../src/lib/severity';
import { alert } from './alerts';

const ALL: Filter = { streams: [], severities: [], area: null, query: '', set: 'active' };
const shelved = { operator: 'a', verified: false, at: '', until: '', reason: 'r' };

test('new first, then severity, then the youngest', () => {
  const alerts = [
    alert({ id: 'a', state: 'acknowledged', severity: 'critical' }),
    alert({ id: 'b', severity: 'warning' }),
    alert({ id: 'c', severity: 'critical', raised: '2024-09-09T10:00:00Z' }),
    alert({ id: 'd', severity: 'critical', raised: '2024-09-09T11:00:00Z' }),
    alert({ id: 'e', state: 'returned_unacknowledged', severity: 'critical' }),
  ];
  expect([...alerts].sort(compare).map(({ id }) => id)).toEqual(['d', 'c', 'b', 'e', 'a']);
});

test('while somebody reads nothing moves and what is new waits', () => {
  expect(arrange(['b', 'a'], ['c', 'a', 'b'], true)).toEqual({ rows: ['b', 'a'], waiting: ['c'] });
  // What has ended keeps its place too.
  expect(arrange(['b', 'a'], ['a'], true)).toEqual({ rows: ['b', 'a'], waiting: [] });
  expect(arrange(['b', 'a'], ['c', 'a', 'b'], false)).toEqual({ rows: ['c', 'a', 'b'], waiting: [] });
});

test('search needs no diacritics', () => {
  expect(fold('Đông Cuông, Bảo Hà, Mường Khương')).toBe('dong cuong, bao ha, muong khuong');
  expect(matches(fold('Mực nước sông Thao tại Bảo Hà'), 'bao ha song')).toBe(true);
  expect(matches(fold('Mực nước sông Thao'), 'bảo hà')).toBe(false);
});

test('filters', () => {
  const one = alert({ id: 'a' });
  expect(passes(one, ALL)).toBe(true);
  expect(passes(one, { ...ALL, streams: ['energy'] })).toBe(false);
  expect(passes(one, { ...ALL, severities: ['major', 'minor'] })).toBe(true);
  expect(passes(one, { ...ALL, area: '02647' })).toBe(false);
  expect(passes(one, { ...ALL, query: 'thao BAO HA' })).toBe(true);
  expect(passes({ ...one, shelved }, ALL)).toBe(false);
  expect(passes({ ...one, shelved }, { ...ALL, set: 'shelved' })).toBe(true);
});

test('counts and the worst look at everything', () => {
  const alerts = [alert({ id: 'a', severity: 'minor' }), alert({ id: 'b', severity: 'critical', shelved })];
  expect(count(alerts)).toEqual({ critical: 1, major: 0, minor: 1, warning: 0, info: 0 });
  expect(worst(alerts)?.id).toBe('b');
  expect(worst([])).toBe(null);
});

test('the look tells the state', () => {
  expect(look(alert({ id: 'a' }))).toBe('blink');
  expect(look(alert({ id: 'a', state: 'acknowledged' }))).toBe('steady');
  expect(look(alert({ id: 'a', state: 'returned_unacknowledged' }))).toBe('outline');
  expect(look(alert({ id: 'a', shelved }))).toBe('shelved');
});
