import type { Alert, Severity } from './types';

/** Worst first; the index is the rank, and index + 1 the number shown in the symbol. */
export const SEVERITIES: readonly Severity[] = ['critical', 'major', 'minor', 'warning', 'info'];

export const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);

export type Counts = Record<Severity, number>;

/** How many active alerts of each severity: the whole truth, whatever is filtered. */
export function count(alerts: Iterable<Alert>): Counts {
  const counts: Counts = { critical: 0, major: 0, minor: 0, warning: 0, info: 0 };
  for (const alert of alerts) counts[alert.severity] += 1;
  return counts;
}

export function worst(alerts: Iterable<Alert>): Alert | null {
  let found: Alert | null = null;
  for (const alert of alerts) {
    if (found === null || rank(alert.severity) < rank(found.severity)) found = alert;
  }
  return found;
}

/** How the symbol is drawn: what has happened to the alert, apart from its severity. */
export type Look = 'blink' | 'steady' | 'outline' | 'shelved' | 'suppressed';

export function look(alert: Alert): Look {
  if (alert.handling.suppressed.length > 0) return 'suppressed';
  if (alert.shelved) return 'shelved';
  if (alert.state === 'unacknowledged') return 'blink';
  if (alert.state === 'returned_unacknowledged') return 'outline';
  return alert.state === 'normal' ? 'outline' : 'steady';
}
