/** Longer spans from the archive, as a chart draws them. */

import type { SeriesRange } from './types';

/** Spans that a person can choose; the first comes from the node's memory, the others from its archive. */
export const SPANS = [6, 24, 72] as const;
export type Span = (typeof SPANS)[number];

/** A missing value breaks the line. */
export type Drawn = [ms: number, value: number | null];

/** Steps that a chart can show beside each other. */
const STEPS = 300;
const WIDTHS = [60, 120, 300, 600, 900, 1_800, 3_600];

/** Width of a step for a span of `hours` of a thing that reports every `everySeconds`. */
export function step(hours: number, everySeconds: number): number {
  const least = Math.max((hours * 3600) / STEPS, everySeconds);
  return WIDTHS.find((width) => width >= least) ?? WIDTHS.at(-1)!;
}

/**
 * The lowest and the highest value of each step, so that no peak is lost. A step without a value is a gap only when
 * the thing was silent for longer than it may be.
 */
export function envelope(answer: SeriesRange, everySeconds: number): Drawn[] {
  const width = (answer.interval_seconds ?? 0) * 1000;
  const patience = 3 * Math.max(width, everySeconds * 1000);
  const drawn: Drawn[] = [];
  let last = -Infinity;
  for (const { time, value, min, max } of answer.points) {
    if (typeof value !== 'number') continue;
    const at = Date.parse(time);
    if (drawn.length > 0 && at - last > patience) drawn.push([last + width, null]);
    const [low, high] = [min ?? value, max ?? value];
    drawn.push([at, low]);
    if (high !== low) drawn.push([at + width / 2, high]);
    last = at;
  }
  return drawn;
}
