import { expect, test } from 'vitest';
import { diffLines, pieces, type DiffRow, type Line } from '../src/lib/diff';
import { filterRules, keyOf, limitNames, limitsOf, verified, type PackLimit, type RuleInForce } from '../src/lib/rules';

const text = (line: Line | null): string | null => (line ? line.pieces.map((piece) => piece.text).join('') : null);
const flat = (rows: DiffRow[]) => rows.map((row) => [row.kind, text(row.old), text(row.new)]);
const sideOf = (rows: DiffRow[], side: 'old' | 'new') => rows.flatMap((row) => (row[side] ? [text(row[side])] : [])).join('\n');
const marked = (line: Line | null) => line?.pieces.filter((piece) => piece.differs).map((piece) => piece.text);

test('what is the same stands on one height, a changed line beside what it was', () => {
  const rows = diffLines('[[rule]]\nversion = 2\nhold = "5m"\n', '[[rule]]\nversion = 3\nhold = "5m"\n');
  expect(flat(rows)).toEqual([
    ['same', '[[rule]]', '[[rule]]'],
    ['changed', 'version = 2', 'version = 3'],
    ['same', 'hold = "5m"', 'hold = "5m"'],
  ]);
  expect([marked(rows[1]!.old), marked(rows[1]!.new)]).toEqual([['2'], ['3']]);
  expect([rows[2]!.old?.n, rows[2]!.new?.n]).toEqual([3, 3]);
});

test('lines that come or go stand alone; those about the same thing find each other past them', () => {
  const rows = diffLines('version = 2\ncondition = "level >= 1"\nend', 'version = 3\nhold = "10m"\n# why\ncondition = "level >= 2"\nend');
  expect(flat(rows)).toEqual([
    ['changed', 'version = 2', 'version = 3'],
    ['new', null, 'hold = "10m"'],
    ['new', null, '# why'],
    ['changed', 'condition = "level >= 1"', 'condition = "level >= 2"'],
    ['same', 'end', 'end'],
  ]);
  expect(rows[4]!.old?.n).toBe(3);
  expect(rows[4]!.new?.n).toBe(5);
  expect(flat(diffLines('a\nb\nc', 'a\nc'))).toEqual([['same', 'a', 'a'], ['gone', 'b', null], ['same', 'c', 'c']]);
});

test('a rule that came or went, nothing at all, endings of lines', () => {
  expect(flat(diffLines('', 'a\nb'))).toEqual([['new', null, 'a'], ['new', null, 'b']]);
  expect(flat(diffLines('a', ''))).toEqual([['gone', 'a', null]]);
  expect(diffLines('', '')).toEqual([]);
  expect(flat(diffLines('a\r\n\r\nb\r\n', 'a\n\nb'))).toEqual([['same', 'a', 'a'], ['same', '', ''], ['same', 'b', 'b']]);
});

test('words that differ are marked whole, also with marks and beyond the basic plane', () => {
  const of = (a: string, b: string) => pieces(a, b).map((side) => side.filter((one) => one.differs).map((one) => one.text));
  expect(of('dead_band = 0.15', 'dead_band = 0.2')).toEqual([['0.15'], ['0.2']]);
  expect(of('vi = "Mực nước trên"', 'vi = "Mực nước dưới"')).toEqual([['trên'], ['dưới']]);
  expect(of('x 😀 y', 'x 😁 y')).toEqual([['😀'], ['😁']]);
  expect(of('a', 'a b')).toEqual([[], [' b']]);
});

test('whatever is compared, each side gives its text again and nothing equal is called changed', () => {
  let seed = 7;
  const random = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  const LINES = ['a = 1', 'a = 2', 'b = 1', 'b = 3', '# r', '', '[[rule]]', 'c'];
  const some = () => Array.from({ length: random(14) }, () => LINES[random(LINES.length)]!);
  for (let turn = 0; turn < 2_000; turn += 1) {
    // An ending of the file is no line; a text that ends in an empty line is none of these.
    const [a, b] = [[...some(), 'x'].join('\n'), [...some(), 'x'].join('\n')];
    const rows = diffLines(a, b);
    expect(sideOf(rows, 'old')).toBe(a);
    expect(sideOf(rows, 'new')).toBe(b);
    for (const side of ['old', 'new'] as const) {
      const numbers = rows.flatMap((row) => row[side]?.n ?? []);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }
    for (const row of rows) {
      if (row.kind === 'same' || row.kind === 'changed') expect(text(row.old) === text(row.new)).toBe(row.kind === 'same');
      else expect([row.old, row.new].filter(Boolean)).toHaveLength(1);
    }
  }
});

test('texts too long to compare are still told apart, in bounded time', () => {
  const long = (word: string) => ['head', ...Array.from({ length: 4_000 }, (_, n) => `${word} ${n}`), 'tail'].join('\n');
  const rows = diffLines(long('old'), long('new'));
  expect(rows.at(0)?.kind).toBe('same');
  expect(rows.at(-1)?.kind).toBe('same');
  expect(sideOf(rows, 'new')).toBe(long('new'));
});

const rule = (part: Partial<RuleInForce> & { id: string }): RuleInForce => ({
  version: 1,
  shadow: false,
  severity: 'major',
  stream: 'disaster',
  measure: 'level',
  title: { vi: 'Mực nước trên báo động 2', en: 'Above alarm 2' },
  condition: 'level >= limit.bd2',
  unofficial: true,
  cost: 9,
  text: { file: 'rules/river.toml', version: 1, text: 'condition = "level >= limit.bd2"' },
  ...part,
});

test('rules are found by id, title without marks and text, by severity and by stream', () => {
  const rules = [
    rule({ id: 'river-bd2' }),
    rule({ id: 'power', severity: 'minor', stream: 'energy', title: { vi: 'Quá tải', en: 'Overload' } }),
    rule({ id: 'trial', shadow: true, severity: null, stream: null, title: null, condition: null }),
  ];
  const ids = (part: Partial<Parameters<typeof filterRules>[1]>) =>
    filterRules(rules, { query: '', severity: null, stream: null, ...part }).map(({ id }) => id);
  expect(ids({})).toEqual(['river-bd2', 'power', 'trial']);
  expect(ids({ query: ' muc nuoc ' })).toEqual(['river-bd2']);
  expect(ids({ query: 'limit.bd2' })).toHaveLength(3);
  expect(ids({ query: 'overload' })).toEqual(['power']);
  expect(ids({ severity: 'minor' })).toEqual(['power']);
  expect(ids({ stream: 'disaster' })).toEqual(['river-bd2']);
  expect(new Set([rule({ id: 'a' }), rule({ id: 'a', shadow: true })].map(keyOf)).size).toBe(2);
});

test('thresholds of a rule: named in its text, of its measure, in the order of the text', () => {
  const limit = (name: string, measure: string, entity: string | null, verified: boolean): PackLimit => ({
    name, measure, entity, verified, profile: null, value: 82, unit: 'm', source: 'QĐ 05', effective_from: null, effective_to: null,
  });
  const all = [limit('bd1', 'level', 'e1', true), limit('bd2', 'level', 'e1', false), limit('bd2', 'load', 'e1', true), limit('bd2', 'level', null, true)];
  const both = rule({ id: 'r', text: { file: 'f', version: 1, text: '# limit.old\nclear = "x < limit.bd2 - limit.bd1"\ncondition = "x > limit.bd2"' } });
  expect(limitNames(both.text.text)).toEqual(['bd2', 'bd1']);
  const found = limitsOf(both, all);
  expect(found).toEqual([all[1], all[3], all[0]]);
  expect(verified(found)).toBe(false);
  expect(verified(found.slice(1))).toBe(true);
  expect(verified([])).toBe(null);
  expect(limitsOf(rule({ id: 'r', measure: null }), all)).toEqual([]);
});
