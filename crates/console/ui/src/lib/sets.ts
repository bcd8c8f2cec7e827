/**
 * Which list an alert stands in. Every alert stands in exactly one, so that the counts of the header add up: the severities
 * are those of `active` and `shelved`, and what is kept back and what is a drill have counts of their own.
 */

import { count, type Counts } from './severity';
import type { Alert } from './types';

export const SETS = ['active', 'shelved', 'suppressed', 'drill'] as const;
export type AlertSet = (typeof SETS)[number];

export const isDrill = (alert: Alert): boolean => alert.status !== 'actual';
export const isSuppressed = (alert: Alert): boolean => alert.handling.suppressed.length > 0;

export function setOf(alert: Alert): AlertSet {
  if (isDrill(alert)) return 'drill';
  if (isSuppressed(alert)) return 'suppressed';
  return alert.shelved ? 'shelved' : 'active';
}

/** Real, and told to people: what rings, is spoken and makes a flood. */
export const isTold = (alert: Alert): boolean => setOf(alert) === 'active' && !alert.retrospective;

export interface Tally {
  sets: Record<AlertSet, number>;
  /** Of `active` and `shelved` together: the figures of the header. */
  severities: Counts;
}

export function tally(alerts: Iterable<Alert>): Tally {
  const sets = { active: 0, shelved: 0, suppressed: 0, drill: 0 };
  const counted: Alert[] = [];
  for (const alert of alerts) {
    const set = setOf(alert);
    sets[set] += 1;
    if (set === 'active' || set === 'shelved') counted.push(alert);
  }
  return { sets, severities: count(counted) };
}
