/**
 * Two texts side by side, line by line: what is the same stands on one height, what was changed beside what it was changed
 * from. The parts of a changed line that differ are marked too.
 */

export interface Piece {
  text: string;
  /** Not so on the other side. */
  differs: boolean;
}

export interface Line {
  /** 1-based. */
  n: number;
  pieces: Piece[];
}

export interface DiffRow {
  kind: 'same' | 'changed' | 'gone' | 'new';
  old: Line | null;
  new: Line | null;
}

/** More pairs of lines than this are not compared: then the middle counts as replaced. */
const PAIRS_MAX = 1_000_000;

type Pair = [old: number | null, new: number | null];

/** Longest common subsequence; what is common stands together, everything else alone, old before new. */
function align(a: readonly string[], b: readonly string[]): Pair[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const [rows, columns] = [a.length - head - tail, b.length - head - tail];

  const pairs: Pair[] = Array.from({ length: head }, (_, n) => [n, n]);
  if (rows * columns > PAIRS_MAX) {
    for (let i = 0; i < rows; i += 1) pairs.push([head + i, null]);
    for (let j = 0; j < columns; j += 1) pairs.push([null, head + j]);
  } else {
    // `length[i][j]`: of the longest one of what follows i and j.
    const width = columns + 1;
    const length = new Uint32Array((rows + 1) * width);
    const at = (i: number, j: number): number => length[i * width + j] ?? 0;
    const same = (i: number, j: number): boolean => a[head + i] === b[head + j];
    for (let i = rows - 1; i >= 0; i -= 1) {
      for (let j = columns - 1; j >= 0; j -= 1) {
        length[i * width + j] = same(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      }
    }
    let [i, j] = [0, 0];
    while (i < rows || j < columns) {
      if (i < rows && j < columns && same(i, j)) pairs.push([head + i++, head + j++]);
      else if (i < rows && (j === columns || at(i + 1, j) >= at(i, j + 1))) pairs.push([head + i++, null]);
      else pairs.push([null, head + j++]);
    }
  }
  for (let n = tail; n > 0; n -= 1) pairs.push([a.length - n, b.length - n]);
  return pairs;
}

/** What a line of a rule file is about: the name before the `=`. */
const topic = (line: string): string => /^\s*([\w.-]+)\s*=/.exec(line)?.[1] ?? '';

const TOKENS = /[\p{L}\p{M}\p{N}._-]+|\s+|./gu;

/** Both lines in pieces: what they begin and end with together, and what differs in between. */
export function pieces(a: string, b: string): [Piece[], Piece[]] {
  const [left, right] = [a.match(TOKENS) ?? [], b.match(TOKENS) ?? []];
  let head = 0;
  while (head < left.length && head < right.length && left[head] === right[head]) head += 1;
  let tail = 0;
  while (
    tail < left.length - head &&
    tail < right.length - head &&
    left[left.length - 1 - tail] === right[right.length - 1 - tail]
  ) {
    tail += 1;
  }
  const cut = (tokens: readonly string[]): Piece[] =>
    [
      { text: tokens.slice(0, head).join(''), differs: false },
      { text: tokens.slice(head, tokens.length - tail).join(''), differs: true },
      { text: tokens.slice(tokens.length - tail).join(''), differs: false },
    ].filter(({ text }) => text !== '');
  return [cut(left), cut(right)];
}

const whole = (n: number, text: string, differs: boolean): Line => ({ n: n + 1, pieces: text === '' ? [] : [{ text, differs }] });

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/));

/** The rows of the comparison. Putting the old (or the new) sides together gives that text again. */
export function diffLines(before: string, after: string): DiffRow[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  const rows: DiffRow[] = [];
  let [gone, come]: [number[], number[]] = [[], []];

  const changed = (i: number, j: number): void => {
    const [left, right] = pieces(a[i]!, b[j]!);
    rows.push({ kind: 'changed', old: { n: i + 1, pieces: left }, new: { n: j + 1, pieces: right } });
  };
  // Where lines were replaced, those about the same thing stand beside each other; the rest is gone or new.
  const flush = (): void => {
    for (const [i, j] of align(gone.map((n) => topic(a[n]!)), come.map((n) => topic(b[n]!)))) {
      if (i !== null && j !== null) changed(gone[i]!, come[j]!);
      else if (i !== null) rows.push({ kind: 'gone', old: whole(gone[i]!, a[gone[i]!]!, true), new: null });
      else if (j !== null) rows.push({ kind: 'new', old: null, new: whole(come[j]!, b[come[j]!]!, true) });
    }
    [gone, come] = [[], []];
  };

  for (const [i, j] of align(a, b)) {
    if (i !== null && j !== null) {
      flush();
      rows.push({ kind: 'same', old: whole(i, a[i]!, false), new: whole(j, b[j]!, false) });
    } else if (i !== null) gone.push(i);
    else if (j !== null) come.push(j);
  }
  flush();
  return rows;
}
