import { expect, test } from 'vitest';
import { at, highestCrossed, nextAbove, reference, scaleOf } from '../src/lib/scale';
import type { Limit } from '../src/lib/types';
import { absorb, numeric, qualityNames, type Readings } from '../src/lib/values';

const limit = (name: string, value: number): Limit => ({ name, value, unit: 'm', source: '', verified: true });
const FLOOD = [limit('bd1', 80), limit('bd2', 82), limit('bd3', 83.5)];

test('the bar holds every limit and the reading', () => {
  const scale = scaleOf(FLOOD, 86.91)!;
  expect(scale.low).toBeLessThan(80);
  expect(scale.high).toBeGreaterThan(86.91);
  expect(scaleOf(FLOOD, 70)!.low).toBeLessThan(70);
  expect(scaleOf([], 5)).toBe(null);
});

test('a single high limit does not make the bar start at zero', () => {
  expect(scaleOf([limit('bd3', 131.5)], 134)!.low).toBeGreaterThan(100);
});

test('positions stay on the bar', () => {
  const scale = { low: 0, high: 10 };
  expect([at(scale, 5), at(scale, -3), at(scale, 30)]).toEqual([0.5, 0, 1]);
});

test('the limit that matters', () => {
  expect(highestCrossed(FLOOD, 82.5)?.name).toBe('bd2');
  expect(highestCrossed(FLOOD, 70)).toBe(null);
  expect(nextAbove(FLOOD, 82.5)?.name).toBe('bd3');
  expect(reference([FLOOD[0]!], FLOOD, 86)?.name).toBe('bd1');
  expect(reference([], FLOOD, 86)?.name).toBe('bd3');
});

test('values on the wire', () => {
  expect(numeric({ number: 4.5 })).toBe(4.5);
  expect(numeric(4.5)).toBe(4.5);
  expect(numeric({ code: 'open' })).toBe(null);
  expect(qualityNames(5)).toEqual(['out_of_range', 'sensor_fault']);
  expect(qualityNames(['maintenance'])).toEqual(['maintenance']);
});

test('late history never replaces a newer value', () => {
  const readings: Readings = new Map();
  const entry = (observed: string, value: number) => ({
    entity: 'e', device: 'd', stream: 'disaster' as const, observed, received: observed, status: 'actual', flags: [],
    values: { level: { value, unit: 'm', quality: [] } },
  });
  absorb(readings, [entry('2024-09-09T12:00:00Z', 2)]);
  expect(absorb(readings, [entry('2024-09-09T11:00:00Z', 1)])).toEqual([]);
  expect(readings.get('e')?.get('level')?.value).toBe(2);
});
