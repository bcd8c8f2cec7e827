import { expect, test } from 'vitest';
import { envelope, step } from '../src/lib/history';

const at = (minute: number) => new Date(minute * 60_000).toISOString();
const empty = (minute: number) => ({ time: at(minute), value: null });

test('steps are as wide as the thing reports, and no more than a chart can show', () => {
  expect([step(24, 10), step(24, 600), step(72, 10), step(24, 900), step(72, 86_400)]).toEqual([300, 600, 900, 900, 3_600]);
});

test('the lowest and the highest of each step are drawn', () => {
  const points = [{ time: at(0), value: 2, min: 1, max: 5 }, { time: at(10), value: 3, min: 3, max: 3 }];
  expect(envelope({ interval_seconds: 600, points }, 600)).toEqual([[0, 1], [300_000, 5], [600_000, 3]]);
});

test('a step or two without a value is no gap, a longer silence is', () => {
  const points = [{ time: at(0), value: 1 }, empty(10), empty(20), { time: at(30), value: 2 }, empty(40), empty(50), empty(60), { time: at(70), value: 3 }];
  expect(envelope({ interval_seconds: 600, points }, 600)).toEqual([
    [0, 1], [1_800_000, 2], [2_400_000, null], [4_200_000, 3],
  ]);
  expect(envelope({ interval_seconds: 600, points }, 3_600)).toHaveLength(3);
});

test('codes are not drawn', () => {
  expect(envelope({ points: [{ time: at(0), value: 'open' }, { time: at(1), value: true }] }, 60)).toEqual([]);
});
