/**
 * The lines of the list: an incident is one line that opens to its alerts; in a flood so is what else rings in one commune
 * or ward. The most severe alerts stand one by one whatever they belong to. Pure: every alert given is in exactly one
 * group or a line of its own, so the counts of the lines add up to the alerts.
 */

import type { Incident } from './life';
import { worst } from './severity';
import type { Alert } from './types';

export interface Group {
  key: string;
  /** Null for one that only shares a place. */
  incident: Incident | null;
  /** Codes of communes and wards, in order of appearance. */
  areas: string[];
  alerts: Alert[];
  worst: Alert;
  /** Not yet acknowledged. */
  fresh: number;
  /** Of the incident, with what is over; of a place, what is there. */
  total: number;
  since: number;
  open: boolean;
  /** Members that have lines of their own although it is closed. */
  pinned: number;
}

export type Line =
  | { key: string; kind: 'alert'; alert: Alert; parent: string | null }
  | { key: string; kind: 'group'; group: Group };

export interface Arranging {
  incidents: ReadonlyMap<string, Incident>;
  flood: boolean;
  /** No groups at all: somebody wants to see them one by one. */
  flat: boolean;
  open: ReadonlySet<string>;
}

const isPinned = (alert: Alert): boolean => alert.severity === 'critical';

/** The lines of alerts that are in order; a group stands where the first of its alerts does. */
export function lines(sorted: readonly Alert[], given: Arranging): Line[] {
  if (given.flat) return sorted.map((alert) => ({ key: alert.id, kind: 'alert', alert, parent: null }));
  const keys = keysOf(sorted, given);
  const members = new Map<string, Alert[]>();
  for (const alert of sorted) {
    const key = keys.get(alert.id);
    if (key) members.set(key, [...(members.get(key) ?? []), alert]);
  }
  const placed = new Set<string>();
  return sorted.flatMap((alert): Line[] => {
    const key = keys.get(alert.id);
    if (!key) return [{ key: alert.id, kind: 'alert', alert, parent: null }];
    if (placed.has(key)) return [];
    placed.add(key);
    const group = groupOf(key, members.get(key)!, given);
    const shown = group.open ? group.alerts : group.alerts.filter(isPinned);
    return [
      { key, kind: 'group', group },
      ...shown.map((one): Line => ({ key: one.id, kind: 'alert', alert: one, parent: key })),
    ];
  });
}

/** Which group each alert belongs to; one alert alone makes none. */
function keysOf(sorted: readonly Alert[], { incidents, flood }: Arranging): Map<string, string> {
  const found = new Map<string, string>();
  const put = (candidates: readonly Alert[], keyOf: (alert: Alert) => string | null) => {
    const sizes = new Map<string, number>();
    for (const alert of candidates) {
      const key = keyOf(alert);
      if (key) sizes.set(key, (sizes.get(key) ?? 0) + 1);
    }
    for (const alert of candidates) {
      const key = keyOf(alert);
      if (key && sizes.get(key)! > 1) found.set(alert.id, key);
    }
  };
  put(sorted, ({ incident }) => (incident && incidents.has(incident) ? `incident:${incident}` : null));
  if (flood) {
    const rest = sorted.filter((alert) => !found.has(alert.id) && !isPinned(alert));
    put(rest, ({ area }) => (area ? `area:${area}` : null));
  }
  return found;
}

function groupOf(key: string, alerts: Alert[], { incidents, open }: Arranging): Group {
  const incident = (key.startsWith('incident:') && incidents.get(key.slice('incident:'.length))) || null;
  const own = [...new Set(alerts.flatMap(({ area }) => (area ? [area] : [])))];
  const since = Math.min(...alerts.map((alert) => Date.parse(alert.since)));
  return {
    key,
    incident,
    areas: incident && incident.areas.length > 0 ? incident.areas : own,
    alerts,
    worst: worst(alerts)!,
    fresh: alerts.filter(({ state }) => state === 'unacknowledged').length,
    total: Math.max(incident?.total ?? 0, alerts.length),
    since: incident ? Math.min(Date.parse(incident.opened), since) : since,
    open: open.has(key),
    pinned: alerts.filter(isPinned).length,
  };
}

/** All alerts that lines speak of, each once. */
export function alertsOf(some: readonly Line[]): Alert[] {
  const found = new Map<string, Alert>();
  for (const line of some) {
    for (const alert of line.kind === 'group' ? line.group.alerts : [line.alert]) found.set(alert.id, alert);
  }
  return [...found.values()];
}
