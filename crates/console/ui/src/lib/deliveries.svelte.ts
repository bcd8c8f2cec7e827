/** The deliveries in words. */

import { near, number, span } from './format';
import { condition, NAMES } from './sinks';
import { store } from './store.svelte';
import type { Sink } from './types';
import { language, t } from './words.svelte';

export const amount = (n: number): string => number(n, 0, language.current);
export const percent = (ratio: number): string => `${amount(Math.round(ratio * 100))}\u00a0%`;

export function nameOf(sink: Sink): string {
  const known = NAMES.find((name) => name === sink.name);
  return known ? t(`sinks.name.${known}`) : sink.name;
}

export function stateText(sink: Sink): string {
  const now = condition(sink);
  if (now === 'gap' && sink.state === 'retrying') return t('sinks.state.gap_down');
  return now === 'retrying' && sink.kind === 'front_door' ? t('sinks.state.disconnected') : t(`sinks.state.${now}`);
}

/** Wall time; on another day than the page's (as in a scenario) with the date. */
export function when(iso: string): string {
  const at = Date.parse(iso);
  return near(at, store.now ?? at);
}

/** Since when it is in its state; a gap is no state. */
export function sinceText(sink: Sink): string {
  return condition(sink) === 'gap' && sink.state === 'running' ? '' : t('sinks.since', { time: when(sink.since) });
}

export function gapText(from: number, to: number): string {
  if (to - from === 1) return t('sinks.position_value', { offset: amount(from) });
  return t('sinks.gap', { from: amount(from), to: amount(to - 1), n: amount(to - from) });
}

export function lagText(sink: Sink): string {
  if (sink.lag_records === 0) return t('sinks.lag_none');
  return t('sinks.lag', { records: amount(sink.lag_records), span: span(sink.lag_seconds * 1000, language.current) });
}
