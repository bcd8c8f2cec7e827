/** Order and choice of the alert list. Pure, so that what an operator sees first is tested. */

import { fold, matches } from './fold';
import { setOf, type AlertSet } from './sets';
import { rank } from './severity';
import type { Alert, AlertState, Severity, Stream } from './types';

const STATE_ORDER: Record<AlertState, number> = {
  unacknowledged: 0,
  returned_unacknowledged: 1,
  acknowledged: 2,
  latched: 2,
  normal: 3,
};

/** New first, then severity, then the youngest; the id makes it total. */
export function compare(a: Alert, b: Alert): number {
  return (
    STATE_ORDER[a.state] - STATE_ORDER[b.state] ||
    rank(a.severity) - rank(b.severity) ||
    Date.parse(b.raised) - Date.parse(a.raised) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

export interface Filter {
  streams: readonly Stream[];
  severities: readonly Severity[];
  area: string | null;
  query: string;
  /** Which of the four lists. */
  set: AlertSet;
}

/** What the search looks through, in both languages. */
export function haystack(alert: Alert): string {
  const { message, entity_name, area_name, entity, rule, area } = alert;
  return fold(
    [message.vi, message.en, entity_name.vi, entity_name.en, area_name, entity, rule, area].join(' '),
  );
}

/** An empty list of streams or severities means all of them. */
export function passes(alert: Alert, filter: Filter): boolean {
  return (
    setOf(alert) === filter.set &&
    (filter.streams.length === 0 || filter.streams.includes(alert.stream)) &&
    (filter.severities.length === 0 || filter.severities.includes(alert.severity)) &&
    (filter.area === null || filter.area === alert.area) &&
    (filter.query.trim() === '' || matches(haystack(alert), filter.query))
  );
}

export interface Arrangement {
  /** Ids in the order of the rows. */
  rows: string[];
  /** Ids that wait at the edge because somebody is reading. */
  waiting: string[];
}

/**
 * While somebody reads, no row moves: what is shown stays where it is (also what has ended), what
 * is new waits at the edge. Otherwise the rows are simply the sorted ones.
 */
export function arrange(shown: readonly string[], sorted: readonly string[], reading: boolean): Arrangement {
  if (!reading) return { rows: [...sorted], waiting: [] };
  const present = new Set(shown);
  return { rows: [...shown], waiting: sorted.filter((id) => !present.has(id)) };
}
