/** A value against its limits: where the marks and the reading lie on a bar. Pure. */

import type { Limit } from './types';

export interface Scale {
  low: number;
  high: number;
}

/**
 * The bar runs from under the lowest limit to over the highest, and always contains the reading.
 * With a single limit the span is taken from its size, so that 131.5 m does not start at zero.
 */
export function scaleOf(limits: readonly Limit[], value: number | null): Scale | null {
  const values = limits.map((limit) => limit.value).filter(Number.isFinite);
  if (values.length === 0) return null;
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  const span = highest - lowest || Math.max(Math.abs(highest) * 0.04, 1);
  let low = lowest - span * 0.6;
  let high = highest + span * 0.6;
  if (lowest >= 0 && low < 0) low = 0;
  if (value !== null) {
    if (value < low) low = value - span * 0.1;
    if (value > high) high = value + span * 0.1;
  }
  return { low, high };
}

/** Share of the bar's width, 0 to 1. */
export function at(scale: Scale, value: number): number {
  const share = (value - scale.low) / (scale.high - scale.low);
  return Math.min(1, Math.max(0, share));
}

/** The limit that the alert is about: the first one its condition names, else the highest crossed. */
export function reference(named: readonly Limit[], scale: readonly Limit[], value: number): Limit | null {
  if (named.length > 0) {
    // Of several named limits the crossed one says most; they are few.
    return [...named].sort((a, b) => Math.abs(value - a.value) - Math.abs(value - b.value))[0] ?? null;
  }
  return highestCrossed(scale, value);
}

export function highestCrossed(limits: readonly Limit[], value: number): Limit | null {
  let found: Limit | null = null;
  for (const limit of limits) {
    if (limit.value <= value && (found === null || limit.value > found.value)) found = limit;
  }
  return found;
}

/** The lowest limit above the reading: what is next if it rises. */
export function nextAbove(limits: readonly Limit[], value: number): Limit | null {
  let found: Limit | null = null;
  for (const limit of limits) {
    if (limit.value > value && (found === null || limit.value < found.value)) found = limit;
  }
  return found;
}
