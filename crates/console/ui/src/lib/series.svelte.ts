/**
 * The last hours of single measures: fetched once, carried on from the feed, fetched again now and
 * then because the feed coalesces (in a fast scenario it shows every tenth value). Bounded.
 */

import * as api from './api';
import type { Reading } from './values';

export const HOURS = 6;
const SPAN_MS = HOURS * 3_600_000;
const REFRESH_MS = 20_000;
/** Series kept; the least lately wanted goes first. */
const KEPT_MAX = 40;
const POINTS_MAX = 5_000;

export type Point = [observedMs: number, value: number];

const keyOf = (entity: string, measure: string): string => `${entity}\n${measure}`;

interface Entry {
  points: Point[];
  fetchedAt: number;
  generation: number;
  loading: boolean;
}

export class SeriesCache {
  #entries = new Map<string, Entry>();
  #version = $state(0);

  /** The points so far; empty while they are on their way. */
  points(entity: string, measure: string): Point[] {
    void this.#version;
    return this.#entries.get(keyOf(entity, measure))?.points ?? [];
  }

  /** Says that somebody is looking at this series: fetches it when absent or old. */
  want(entity: string, measure: string, generation: number): void {
    const key = keyOf(entity, measure);
    let entry = this.#entries.get(key);
    if (entry) {
      this.#entries.delete(key);
      const young = performance.now() - entry.fetchedAt < REFRESH_MS;
      this.#entries.set(key, entry);
      if (entry.loading || (young && entry.generation === generation)) return;
    } else {
      entry = { points: [], fetchedAt: 0, generation, loading: false };
      this.#entries.set(key, entry);
      for (const old of this.#entries.keys()) {
        if (this.#entries.size <= KEPT_MAX) break;
        this.#entries.delete(old);
      }
    }
    void this.#load(entity, measure, entry, generation);
  }

  append(entity: string, measure: string, reading: Reading): void {
    const entry = this.#entries.get(keyOf(entity, measure));
    const last = entry?.points.at(-1);
    if (!entry || (last && reading.observed <= last[0])) return;
    entry.points = trim([...entry.points, [reading.observed, reading.value]]);
    this.#version += 1;
  }

  async #load(entity: string, measure: string, entry: Entry, generation: number): Promise<void> {
    entry.loading = true;
    entry.fetchedAt = performance.now();
    entry.generation = generation;
    try {
      const { points } = await api.series(entity, measure, HOURS);
      const fetched: Point[] = points.map(([observed, value]) => [observed, value]);
      const until = fetched.at(-1)?.[0] ?? -Infinity;
      entry.points = trim([...fetched, ...entry.points.filter(([observed]) => observed > until)]);
      this.#version += 1;
    } catch {
      // Without history the live value still stands; asked again after the refresh time.
    } finally {
      entry.loading = false;
    }
  }
}

/** Keeps the span and the bound, measured from the newest point (scenario time is not ours). */
export function trim(points: Point[]): Point[] {
  const newest = points.at(-1)?.[0];
  if (newest === undefined) return points;
  const kept = points.filter(([observed]) => observed >= newest - SPAN_MS);
  return kept.length > POINTS_MAX ? kept.slice(-POINTS_MAX) : kept;
}
