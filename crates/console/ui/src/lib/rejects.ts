/** The last rejected messages, by what was wrong with them. */

import type { Reject } from './types';

const SAMPLE_CHARS = 240;

export interface RejectGroup {
  /** The newest one stands for all. */
  newest: Reject;
  count: number;
  /** How many senders. */
  clients: number;
}

/** One group a reason, the one that happened last first; `rejects` come newest first. */
export function byReason(rejects: readonly Reject[]): RejectGroup[] {
  const groups = new Map<string, Reject[]>();
  for (const reject of rejects) {
    const known = groups.get(reject.code);
    if (known) known.push(reject);
    else groups.set(reject.code, [reject]);
  }
  return [...groups.values()].map((group) => ({
    newest: group[0]!,
    count: group.length,
    clients: new Set(group.map(({ client }) => client)).size,
  }));
}

/** The beginning of a payload; bytes that are no text stay in base64. */
export function sample(reject: Reject): string {
  const text = reject.payload ?? reject.payload_base64 ?? '';
  return text.length > SAMPLE_CHARS ? `${text.slice(0, SAMPLE_CHARS)}…` : text;
}
