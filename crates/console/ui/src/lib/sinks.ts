/**
 * How a delivery is doing, as a person has to judge it: well, busy, or in need of a look. What is only
 * busy stays grey.
 */

import type { Sink } from './types';

/** Codes of trouble with words of their own, in the order of the interface. */
export const CODES = [
  'unreachable',
  'timed_out',
  'unauthenticated',
  'forbidden',
  'not_found',
  'too_large',
  'rate_limited',
  'unavailable',
  'leaderless',
  'bad_record',
  'configuration',
  'disk',
  'other',
] as const;
export type TroubleCode = (typeof CODES)[number];

/** Names with words of their own; others are shown as they are. */
export const NAMES = ['kafka', 'influxdb', 'archive', 'broker'] as const;

export type Condition =
  | 'well'
  | 'starting'
  | 'behind'
  | 'ending'
  | 'retrying'
  | 'partly'
  | 'filling'
  | 'gap'
  | 'failed';

/** Older than this is behind, not merely on its way. */
const BEHIND_SECONDS = 30;
/** From here the journal's room runs out. */
const FILLING = 0.8;

export function condition(sink: Sink): Condition {
  if (sink.state === 'failed' || sink.state === 'stopped') return 'failed';
  if (sink.gaps.length > 0) return 'gap';
  if ((sink.held_ratio ?? 0) >= FILLING && sink.lag_records > 0) return 'filling';
  if (sink.connections && sink.connections.connected > 0 && sink.connections.connected < sink.connections.clients) return 'partly';
  if (sink.state === 'retrying' || (sink.state === 'starting' && sink.trouble)) return 'retrying';
  if (sink.state === 'draining') return 'ending';
  if (sink.state === 'starting') return 'starting';
  return sink.lag_seconds >= BEHIND_SECONDS ? 'behind' : 'well';
}

const CALM: readonly Condition[] = ['well', 'starting', 'behind', 'ending'];
export const isWrong = (sink: Sink): boolean => !CALM.includes(condition(sink));

export const codeOf = (sink: Sink): TroubleCode => CODES.find((code) => code === sink.trouble?.code) ?? 'other';

/** The trouble lasts: it is the reason for the state, not history. */
export const lasts = (sink: Sink): boolean => sink.trouble !== null && sink.state !== 'running' && sink.state !== 'draining';

export type Notice = 'gap' | 'failed' | 'filling' | 'door' | 'outlet';

/** The one sentence to say of all of them; the gravest. Only of plain outages may it promise that nothing is lost. */
export function notice(sinks: readonly Sink[]): Notice | null {
  const wrong = sinks.filter(isWrong);
  if (wrong.length === 0) return null;
  const conditions = wrong.map(condition);
  for (const grave of ['gap', 'failed', 'filling'] as const) if (conditions.includes(grave)) return grave;
  return wrong.some(({ kind }) => kind === 'front_door') ? 'door' : 'outlet';
}
