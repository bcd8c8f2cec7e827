import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
// @ts-expect-error a plain script, shared with the build
import { faults } from '../scripts/check-words.mjs';
import { cells, intersect } from '../src/lib/cells';
import { Keys } from '../src/lib/keys';
import { trim, type Point } from '../src/lib/series.svelte';
import { readAddress, writeAddress } from '../src/lib/view.svelte';
import { fill } from '../src/lib/words.svelte';
import en from '../src/words/en.json';
import vi from '../src/words/vi.json';

test('both catalogues say the same things', () => {
  expect(faults(vi, en)).toEqual([]);
  expect(faults({ a: '{n} x', b: 'y' }, { a: 'x', c: 'z' })).toHaveLength(3);
});

test('no words outside the catalogue: Vietnamese letters occur in no component', () => {
  const folder = new URL('../src/components/', import.meta.url);
  for (const name of readdirSync(folder)) {
    const text = readFileSync(new URL(name, folder), 'utf8').replaceAll('Lào Cai', '').replaceAll('Bảo Hà đ', '');
    expect.soft(/[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]/i.test(text), name).toBe(false);
  }
});

test('slots are filled by name', () => {
  expect(fill('{a} và {b}, {c}', { a: 1, b: 'x' })).toBe('1 và x, {c}');
});

test('the address holds the view, there and back', () => {
  const search = '?alert=river-bd3:wl-bao-ha:1&stream=disaster,energy&severity=critical&area=02647&q=bao+ha&set=suppressed&flat=1&tab=map&lang=en&panel=health';
  expect(writeAddress(readAddress(search))).toBe(search);
  const rule = '?panel=rules&rule=river-bd3';
  expect(writeAddress(readAddress(rule))).toBe(rule);
  expect(readAddress('?rule=river-bd3').rule).toBe(null);
  expect(readAddress('?shelved=1&quarantine=1')).toMatchObject({ set: 'shelved', panel: 'quarantine' });
  expect(writeAddress(readAddress('?stream=nonsense&tab=x&lang=fr'))).toBe('');
});

test('keys: g is a prefix, fields keep theirs', () => {
  const keys = new Keys();
  expect(keys.resolve('j', false, 0)).toBe('next');
  expect(keys.resolve('j', true, 0)).toBe(null);
  expect(keys.resolve('Escape', true, 0)).toBe('back');
  expect(keys.resolve('g', false, 100)).toBe(null);
  expect(keys.resolve('m', false, 200)).toBe('map');
  expect(keys.resolve('m', false, 300)).toBe(null);
  keys.resolve('g', false, 400);
  expect(keys.resolve('r', false, 500)).toBe('rules');
  keys.resolve('g', false, 1000);
  expect(keys.resolve('l', false, 9000)).toBe(null);
});

test('every unit gets a cell that holds its centre', () => {
  const areas = [
    { code: '1', kind: 'xa', name: 'A', lat: 22, lon: 104, km2: 100 },
    { code: '2', kind: 'xa', name: 'B', lat: 22.1, lon: 104.1, km2: 150 },
    { code: '3', kind: 'xa', name: 'C', lat: 22, lon: 104.2, km2: 80 },
  ];
  const drawn = cells(areas);
  expect(drawn.map(({ code }) => code)).toEqual(['1', '2', '3']);
  for (const { ring, lon, lat } of drawn) {
    expect(ring[0]).toEqual(ring.at(-1));
    const xs = ring.map(([x]) => x);
    const ys = ring.map(([, y]) => y);
    expect(Math.min(...xs) < lon && lon < Math.max(...xs)).toBe(true);
    expect(Math.min(...ys) < lat && lat < Math.max(...ys)).toBe(true);
  }
  expect(cells([])).toEqual([]);
});

test('cutting convex rings', () => {
  const square = (from: number, to: number): [number, number][] => [[from, from], [to, from], [to, to], [from, to]];
  const cut = intersect(square(0, 4), square(2, 6));
  expect(new Set(cut.map(String))).toEqual(new Set(['2,2', '4,2', '4,4', '2,4']));
  expect(intersect(square(0, 1), square(2, 3))).toEqual([]);
});

test('a series keeps six hours from its newest point', () => {
  const hour = 3_600_000;
  const points = Array.from({ length: 10 }, (_, index): Point => [index * hour, index]);
  expect(trim(points).map(([, value]) => value)).toEqual([3, 4, 5, 6, 7, 8, 9]);
});
