/**
 * What is to be heard. A new alert sounds once; in a flood only a severity worse than all before it does, so that the ear is
 * not numbed. Drills, what is shelved and what is kept back are silent. Pure.
 */

import { isTold } from './sets';
import { rank, SEVERITIES, worst } from './severity';
import type { Alert, Severity } from './types';

export interface Heard {
  /** Told and not acknowledged, that were there before. */
  fresh: Alert[];
  sound: Severity | null;
}

export class Ear {
  #known = new Set<string>();
  #first = true;
  /** Rank of the worst that sounded in this flood; null outside of one. */
  #worst: number | null = null;

  listen(alerts: Iterable<Alert>, flood: boolean): Heard {
    const ringing = [...alerts].filter((alert) => isTold(alert) && alert.state === 'unacknowledged');
    const key = (alert: Alert) => `${alert.id}#${alert.occurrences}`;
    const fresh = ringing.filter((alert) => !this.#known.has(key(alert)));
    const before = ringing.filter((alert) => this.#known.has(key(alert)));
    this.#known = new Set(ringing.map(key));
    if (!flood) this.#worst = null;
    else this.#worst ??= rankOf(this.#first ? [] : before);
    // What was there when the page opened is read in the list, not shouted.
    if (this.#first) {
      this.#first = false;
      if (flood) this.#worst = rankOf(fresh);
      return { fresh: [], sound: null };
    }
    const hardest = worst(fresh)?.severity ?? null;
    if (hardest === null || hardest === 'info') return { fresh, sound: null };
    if (this.#worst !== null && rank(hardest) >= this.#worst) return { fresh, sound: null };
    if (flood) this.#worst = rank(hardest);
    return { fresh, sound: hardest };
  }
}

const rankOf = (alerts: readonly Alert[]): number => {
  const found = worst(alerts);
  return found ? rank(found.severity) : SEVERITIES.length;
};
