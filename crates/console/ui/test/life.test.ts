import { expect, test } from 'vitest';
import { mayClose, offers } from '../src/lib/actions';
import { faultOf, fromAlert, fromWarning } from '../src/lib/draft';
import { FloodWatch } from '../src/lib/flood';
import { fromInput, inputTime } from '../src/lib/format';
import { alertsOf, lines, type Arranging, type Line } from '../src/lib/group';
import { Ear } from '../src/lib/hearing';
import { complete, learned, NO_REGISTERS } from '../src/lib/life';
import { compare } from '../src/lib/order';
import { setOf, SETS, tally } from '../src/lib/sets';
import { look } from '../src/lib/severity';
import type { Alert, Severity } from '../src/lib/types';
import { alert, handling, incident, KEPT_BACK, rating } from './alerts';

const T0 = Date.parse('2024-09-09T12:00:00Z');
const MINUTE = 60_000;
const iso = (ms: number) => new Date(ms).toISOString();
const at = (minutes: number) => iso(T0 + minutes * MINUTE);
const shelved = { operator: 'a', verified: false, at: '', until: '', reason: 'r' };

test('frames: a list that is left out has not changed, an empty one is empty', () => {
  const one = incident({ id: 'i1' });
  const first = learned(NO_REGISTERS, { suppressions: [], incidents: [one], public_warnings: [] });
  expect(first.incidents).toEqual([one]);
  expect(learned(first, {})).toBe(first);
  expect(learned(first, { suppressions: [] }).incidents).toEqual([one]);
  expect(learned(first, { incidents: [] }).incidents).toEqual([]);
  // A snapshot is the whole truth: what it does not list is gone.
  expect(learned(NO_REGISTERS, {}).incidents).toEqual([]);
});

test('an alert of an earlier release is completed, one of this release left alone', () => {
  const { rating: _r, handling: _h, incident: _i, episodes: _e, ...old } = alert({ id: 'a' });
  expect(complete(old as Alert).handling.suppressed).toEqual([]);
  const whole = alert({ id: 'b' });
  expect(complete(whole)).toBe(whole);
});

test('every alert is in one list, and the header adds up', () => {
  const alerts = [
    alert({ id: 'a', severity: 'critical' }),
    alert({ id: 'b', shelved }),
    alert({ id: 'c', handling: KEPT_BACK }),
    alert({ id: 'd', handling: KEPT_BACK, shelved }),
    alert({ id: 'e', status: 'exercise', severity: 'critical' }),
    alert({ id: 'f', status: 'test', handling: KEPT_BACK }),
  ];
  expect(alerts.map(setOf)).toEqual(['active', 'shelved', 'suppressed', 'suppressed', 'drill', 'drill']);
  const { sets, severities } = tally(alerts);
  expect(sets).toEqual({ active: 1, shelved: 1, suppressed: 2, drill: 2 });
  expect(severities).toEqual({ critical: 1, major: 1, minor: 0, warning: 0, info: 0 });
  expect(look(alerts[2]!)).toBe('suppressed');
});

const none: Arranging = { incidents: new Map(), flood: false, flat: false, open: new Set() };
const incidents = new Map([['i1', incident({ id: 'i1', total: 9, active: 3 })]]);
const keys = (some: readonly Line[]) => some.map(({ key }) => key);

test('an incident is one line; the critical ones stay one by one; it opens to all', () => {
  const alerts = [
    alert({ id: 'a', severity: 'critical', incident: 'i1' }),
    alert({ id: 'b', incident: 'i1' }),
    alert({ id: 'c', incident: 'i1', state: 'acknowledged' }),
    alert({ id: 'd', incident: 'gone' }),
    alert({ id: 'e' }),
  ].sort(compare);
  const closed = lines(alerts, { ...none, incidents });
  expect(keys(closed)).toEqual(['incident:i1', 'a', 'd', 'e']);
  const [first] = closed;
  expect(first?.kind === 'group' && { ...first.group, alerts: first.group.alerts.length }).toMatchObject({
    alerts: 3, fresh: 2, total: 9, pinned: 1, open: false, areas: ['02947', '02647'],
  });
  expect(keys(lines(alerts, { ...none, incidents, open: new Set(['incident:i1']) }))).toEqual(['incident:i1', 'a', 'b', 'c', 'd', 'e']);
  expect(keys(lines(alerts, { ...none, incidents, flat: true }))).toEqual(['a', 'b', 'd', 'e', 'c']);
});

test('one alert alone is no group; places group only in a flood, never the critical ones', () => {
  const alerts = [
    alert({ id: 'a', incident: 'i1' }),
    alert({ id: 'b', area: '1' }),
    alert({ id: 'c', area: '1' }),
    alert({ id: 'd', area: '1', severity: 'critical' }),
    alert({ id: 'e', area: null }),
  ].sort(compare);
  expect(keys(lines(alerts, { ...none, incidents }))).toEqual(['d', 'a', 'b', 'c', 'e']);
  expect(keys(lines(alerts, { ...none, incidents, flood: true }))).toEqual(['d', 'a', 'area:1', 'e']);
});

test('counts reconcile: whatever is grouped, the lines hold each alert once', () => {
  const severities: Severity[] = ['critical', 'major', 'minor', 'warning', 'info'];
  let seed = 7;
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  for (let turn = 0; turn < 200; turn += 1) {
    const some = new Map(['i1', 'i2'].map((id) => [id, incident({ id })]));
    const alerts = Array.from({ length: random(60) }, (_, index) =>
      alert({
        id: `a${index}`,
        severity: severities[random(5)]!,
        area: [null, '1', '2', '3'][random(4)]!,
        incident: [null, 'i1', 'i2', 'i3'][random(4)]!,
        status: random(9) === 0 ? 'exercise' : 'actual',
        handling: random(7) === 0 ? KEPT_BACK : handling({}),
        shelved: random(8) === 0 ? shelved : null,
      }),
    );
    const { sets, severities: header } = tally(alerts);
    for (const set of SETS) {
      const inSet = alerts.filter((one) => setOf(one) === set).sort(compare);
      const given = { incidents: some, flood: random(2) === 0, flat: false, open: new Set(random(2) ? ['incident:i1'] : []) };
      const drawn = lines(inSet, given);
      expect(alertsOf(drawn).length).toBe(sets[set]);
      expect(new Set(keys(drawn)).size).toBe(drawn.length);
      const counted = drawn.reduce(
        (sum, line) => sum + (line.kind === 'group' ? line.group.alerts.length : line.parent === null ? 1 : 0),
        0,
      );
      expect(counted).toBe(sets[set]);
      // One by one, whatever they belong to.
      const critical = inSet.filter(({ severity }) => severity === 'critical').map(({ id }) => id);
      expect(keys(drawn)).toEqual(expect.arrayContaining(critical));
    }
    const sum = Object.values(header).reduce((a, b) => a + b, 0);
    expect(sum).toBe(sets.active + sets.shelved);
    expect(sum + sets.suppressed + sets.drill).toBe(alerts.length);
  }
});

test('a flood begins above ten in ten minutes and ends below five', () => {
  const watch = new FloodWatch();
  const ring = (id: number, minute: number, part: Partial<Alert> = {}) =>
    watch.change(alert({ id: `f${id}`, raised: at(minute), changed: at(minute), ...part }), undefined);
  for (let n = 0; n < 10; n += 1) ring(n, n * 0.5);
  expect([watch.count, watch.running]).toEqual([10, false]);
  // Neither drills nor what is put away or kept back make one.
  ring(50, 5, { status: 'exercise' });
  ring(51, 5, { handling: KEPT_BACK });
  ring(52, 5, { shelved });
  ring(53, 5, { retrospective: true });
  expect(watch.running).toBe(false);
  ring(10, 5);
  expect([watch.count, watch.running]).toEqual([11, true]);
  // Six have left by 12.5 min (0 to 2.5): five are left, and it goes on; one more leaves and it is over.
  watch.advance(T0 + 12.9 * MINUTE);
  expect([watch.count, watch.running]).toEqual([5, true]);
  watch.advance(T0 + 13 * MINUTE);
  expect([watch.count, watch.running]).toEqual([4, false]);
});

test('a flood knows what came back and what a snapshot brings, and counts nothing twice', () => {
  const watch = new FloodWatch();
  const many = Array.from({ length: 11 }, (_, n) => alert({ id: `s${n}`, raised: at(-n * 0.5) }));
  watch.begin([...many, alert({ id: 'old', raised: at(-60) })], T0);
  expect([watch.count, watch.running]).toEqual([11, true]);
  watch.begin(many.slice(0, 4), T0);
  expect([watch.count, watch.running]).toEqual([4, false]);
  const [one] = many;
  watch.change({ ...one!, revision: 2, state: 'acknowledged' }, one);
  watch.change({ ...one!, revision: 3 }, one);
  expect(watch.count).toBe(4);
  watch.change({ ...one!, occurrences: 2, changed: at(1) }, one);
  watch.change({ ...one!, changed: at(1) }, { ...one!, handling: KEPT_BACK });
  expect(watch.count).toBe(6);
});

test('sound: each new alert, in a flood only a new worst; never drills or what is kept back', () => {
  const ear = new Ear();
  const here: Alert[] = [alert({ id: 'a', severity: 'minor' })];
  const hear = (flood: boolean, ...more: Alert[]) => {
    here.push(...more);
    return ear.listen(here, flood).sound;
  };
  expect(hear(false)).toBe(null); // there when the page opened
  expect(hear(false, alert({ id: 'b', severity: 'warning' }))).toBe('warning');
  expect(hear(false)).toBe(null);
  expect(hear(false, alert({ id: 'x', severity: 'critical', status: 'exercise' }))).toBe(null);
  expect(hear(false, alert({ id: 'y', severity: 'critical', handling: KEPT_BACK }))).toBe(null);
  expect(hear(false, alert({ id: 'z', severity: 'critical', shelved }))).toBe(null);
  expect(hear(false, alert({ id: 'i', severity: 'info' }))).toBe(null);
  expect(hear(true, alert({ id: 'c', severity: 'minor' }))).toBe(null); // a minor one rang before
  expect(hear(true, alert({ id: 'd', severity: 'major' }), alert({ id: 'e', severity: 'major' }))).toBe('major');
  expect(hear(true, alert({ id: 'f', severity: 'major' }))).toBe(null);
  expect(hear(true, alert({ id: 'g', severity: 'critical' }))).toBe('critical');
  expect(hear(true, alert({ id: 'h', severity: 'critical' }))).toBe(null);
  expect(hear(false, alert({ id: 'j', severity: 'warning' }))).toBe('warning');
});

test('actions by state', () => {
  const of = (part: Partial<Alert>) =>
    (['acknowledge', 'shelve', 'close', 'reset', 'reopen', 'mark-false', 'unmark-false'] as const).filter((action) =>
      offers(alert({ id: 'a', ...part }), action),
    );
  expect(of({})).toEqual(['acknowledge', 'shelve', 'close', 'mark-false']);
  expect(of({ state: 'acknowledged' })).toEqual(['shelve', 'close', 'mark-false']);
  expect(of({ state: 'latched' })).toEqual(['shelve', 'close', 'reset', 'mark-false']);
  expect(of({ state: 'normal' })).toEqual(['reopen', 'mark-false']);
  expect(of({ state: 'normal', handling: handling({ merged_into: 'b' }) })).toEqual(['mark-false']);
  expect(mayClose(alert({ id: 'a' }), 'handled')).toBe(false);
  expect(mayClose(alert({ id: 'a' }), 'sensor_fault')).toBe(true);
  expect(mayClose(alert({ id: 'a', state: 'returned_unacknowledged' }), 'handled')).toBe(true);
});

test('a warning is written from an alert or from the one it corrects', () => {
  const one = alert({ id: 'a', rating: rating({ estimate: true, certainty: 'likely', response: ['evacuate'] }) });
  const text = fromAlert(one, { vi: 'Lũ', en: 'Flood' }, null, T0);
  expect(text).toMatchObject({
    event: { vi: 'Lũ' }, urgency: 'expected', certainty: 'likely', response: ['evacuate'], areas: ['02947'], categories: ['Met'],
  });
  expect(fromAlert(one, null, incident({ id: 'i1' }), T0)).toMatchObject({ event: { vi: 'Lũ sông Thao' }, areas: ['02947', '02647'] });
  expect(faultOf(text, T0)).toBe(null);
  expect(faultOf({ ...text, headline: { vi: 'x', en: ' ' } }, T0)).toBe('words');
  expect(faultOf({ ...text, areas: [] }, T0)).toBe('areas');
  expect(faultOf(text, T0 + 24 * 60 * MINUTE)).toBe('expires');
  const out = { text } as Parameters<typeof fromWarning>[0];
  const again = fromWarning(out, T0 + 24 * 60 * MINUTE);
  expect(faultOf(again, T0 + 24 * 60 * MINUTE)).toBe(null);
  again.areas.push('x');
  expect(text.areas).toEqual(['02947']);
});

test('fields of date and time speak the time of the province', () => {
  expect(inputTime(T0)).toBe('2024-09-09T19:00');
  expect(fromInput('2024-09-09T19:00')).toBe(T0);
  expect(fromInput('')).toBe(null);
});
