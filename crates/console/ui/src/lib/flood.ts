/**
 * Whether alerts come faster than a person can take them (ISA-18.2): a flood begins with the alert that makes more than ten
 * in ten minutes and is over when fewer than five are left. Times are those of the journal, as in the node's own figures.
 */

import { isTold } from './sets';
import type { Alert } from './types';

export const WINDOW_MS = 600_000;
export const ABOVE = 10;
export const BELOW = 5;
/** More are a flood in any case. */
const KEPT_MAX = 5_000;

export class FloodWatch {
  #told: number[] = [];
  #now = -Infinity;
  running = false;

  /** Tells that come with a snapshot: what is active rang when it says. */
  begin(alerts: Iterable<Alert>, now: number): void {
    this.#told = [];
    this.#now = -Infinity;
    this.running = false;
    const times = [...alerts].filter(isTold).map((alert) => Date.parse(alert.raised));
    for (const at of times.sort((a, b) => a - b)) if (at > now - WINDOW_MS) this.#add(at);
    this.advance(now);
  }

  /** A change of an alert, and what was known of it before. */
  change(alert: Alert, before: Alert | undefined): void {
    if (!isTold(alert) || alert.state !== 'unacknowledged') return;
    if (before === undefined) this.#add(Date.parse(alert.raised));
    else if (alert.occurrences > before.occurrences || !isTold(before)) this.#add(Date.parse(alert.changed));
  }

  advance(now: number): void {
    this.#now = Math.max(this.#now, now);
    let gone = 0;
    while (gone < this.#told.length && this.#told[gone]! <= this.#now - WINDOW_MS) {
      gone += 1;
      if (this.#told.length - gone < BELOW) this.running = false;
    }
    if (gone > 0) this.#told.splice(0, gone);
  }

  get count(): number {
    return this.#told.length;
  }

  #add(at: number): void {
    if (!Number.isFinite(at)) return;
    // Told late or out of order: it counts from when it is known, as every tell does.
    const time = Math.max(at, this.#told.at(-1) ?? at);
    this.advance(time);
    this.#told.push(time);
    if (this.#told.length > KEPT_MAX) this.#told.shift();
    if (this.#told.length > ABOVE) this.running = true;
  }
}
