import { expect, test } from 'vitest';
import { byReason, sample } from '../src/lib/rejects';
import type { Reject } from '../src/lib/types';

const reject = (offset: number, code: string, client: string): Reject => ({
  offset,
  input_offset: offset,
  time: '2026-11-22T03:04:05Z',
  code,
  meaning: { vi: 'a', en: 'b' },
  reason: 'c',
  client,
  topic: 'ioc/lao-cai/env/x/up',
  payload_bytes: 1,
  payload: '{',
});

test('one group a reason, the newest first and as the sample', () => {
  const groups = byReason([
    reject(9, 'payload_not_json', 'b'),
    reject(7, 'device_unknown', 'a'),
    reject(4, 'payload_not_json', 'a'),
    reject(2, 'payload_not_json', 'b'),
  ]);
  expect(groups.map(({ newest, count, clients }) => [newest.offset, count, clients])).toEqual([
    [9, 3, 2],
    [7, 1, 1],
  ]);
  expect(byReason([])).toEqual([]);
});

test('a sample is cut, and shown in base64 where it is no text', () => {
  const one = reject(1, 'payload_not_utf8', 'a');
  expect(sample({ ...one, payload: 'x'.repeat(300) })).toBe(`${'x'.repeat(240)}…`);
  const { payload: _, ...bytes } = one;
  expect(sample({ ...bytes, payload_base64: '/w==' })).toBe('/w==');
});
