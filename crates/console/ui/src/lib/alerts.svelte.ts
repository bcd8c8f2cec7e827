/** What several places of the page say about one alert, in the language of the page. */

import { near, quantity, signed } from './format';
import { limitName } from './limits.svelte';
import { reference } from './scale';
import { store } from './store.svelte';
import type { Alert, Limit } from './types';
import { language, say, t } from './words.svelte';

export interface Live {
  value: number | null;
  /** When the value was observed; null where it is the alert's own. */
  observed: number | null;
  crossed: Limit | null;
  /** Whether the alert is about that limit (not about a rate of rise, or about silence) and still beyond it. */
  beyond: boolean;
  /** What the bar shows: the scale of the measure, and what the condition names beside it. */
  limits: Limit[];
  delta: number | null;
}

/** The live value of what the alert is about, against the limit that it is about. */
export function live(alert: Alert): Live {
  const reading = alert.measure ? store.reading(alert.entity, alert.measure) : null;
  const value = reading?.value ?? alert.value;
  // A limit in another unit (a rate of rise in m/h) is none of this value.
  const named = alert.evidence.limits.filter((limit) => limit.unit === alert.unit);
  const about = named.length > 0 && alert.evidence.last_heard === null;
  const limits = merge(alert.scale, named);
  const crossed = value === null ? null : reference(about ? named : [], limits, alert.value ?? value);
  return {
    value,
    observed: reading?.observed ?? null,
    crossed,
    // What has returned is on the right side again: the bar has nothing to colour.
    beyond: about && alert.state !== 'returned_unacknowledged',
    limits,
    delta: value !== null && crossed ? value - crossed.value : null,
  };
}

function merge(scale: readonly Limit[], named: readonly Limit[]): Limit[] {
  const known = new Set(scale.map((limit) => limit.value));
  return [...scale, ...named.filter((limit) => !known.has(limit.value))].sort((a, b) => a.value - b.value);
}

/** All limits that the explanation names, whatever their unit. */
export function explained(alert: Alert): Limit[] {
  return merge(alert.scale, alert.evidence.limits);
}

const unitText = (measure: string | null, unit: string | null): string => {
  const known = measure ? store.measure(measure)?.unit_text : undefined;
  return known ? say(known) : (unit ?? '');
};

const decimalsOf = (measure: string | null): number =>
  (measure ? store.measure(measure)?.decimals : undefined) ?? 2;

export function valueText(measure: string | null, unit: string | null, value: number): string {
  return quantity(value, decimalsOf(measure), unitText(measure, unit), language.current);
}

export function deltaText(measure: string | null, unit: string | null, delta: number): string {
  return signed(delta, decimalsOf(measure), unitText(measure, unit), language.current);
}

export function measureLabel(measure: string): string {
  const known = store.measure(measure);
  return known ? say(known.label) : measure;
}

export function overText(measure: string | null, unit: string | null, delta: number, limit: Limit): string {
  return t('trends.over', { delta: deltaText(measure, unit, delta), limit: limitName(limit.name) });
}

export function stateText(alert: Alert): string {
  if (alert.handling.suppressed.length > 0) return t('state.suppressed');
  if (alert.shelved) {
    const until = near(Date.parse(alert.shelved.until), store.now ?? 0);
    return t('state.shelved', { until });
  }
  return t(`state.${alert.state}`);
}

/** Name of a commune or ward. */
export function areaName(code: string): string {
  return store.site?.areas.find((area) => area.code === code)?.name ?? code;
}

/** Place in words: commune or ward; the entity is in the message. */
export function placeText(alert: Alert): string {
  return [say(alert.entity_name), alert.area_name].filter(Boolean).join(' · ');
}

/** How long the thing has been silent, where that is longer than twice its interval. */
export function silentFor(alert: Alert): number | null {
  if (store.now === null) return null;
  const interval = store.entities.get(alert.entity)?.interval_seconds;
  const newest = Math.max(...store.readingsOf(alert.entity).map(([, reading]) => reading.observed));
  if (!interval || !Number.isFinite(newest)) return null;
  const silence = store.now - newest;
  return silence > 2 * interval * 1000 ? silence : null;
}

/** Names carry the mark that nobody has checked them. */
export function person(who: { operator: string; verified: boolean }): string {
  return who.verified ? who.operator : `${who.operator} (${t('action.unverified')})`;
}
