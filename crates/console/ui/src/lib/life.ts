/**
 * The life cycle of alerts and what stands beside them, as `crates/event` writes it: rating, handling, suppressions,
 * incidents, warnings to the public.
 */

import type { NoticeState } from './notices';
import type { Alert, Severity, Stream, Text } from './types';

export type Status = 'actual' | 'exercise' | 'test';
export type Certainty = 'observed' | 'likely' | 'possible' | 'unlikely' | 'unknown';
export type Response =
  | 'shelter'
  | 'evacuate'
  | 'prepare'
  | 'execute'
  | 'avoid'
  | 'monitor'
  | 'assess'
  | 'all_clear'
  | 'none';
export type SuppressionKind = 'dependency' | 'maintenance' | 'out_of_service';
export const CLOSE_CAUSES = [
  'handled',
  'false_alert',
  'sensor_fault',
  'maintenance',
  'duplicate',
  'exercise',
  'other',
] as const;
export type CloseCause = (typeof CLOSE_CAUSES)[number];

/** Who did something, and when. */
export interface Deed {
  operator: string;
  verified: boolean;
  at: string;
}

export interface Rating {
  source: 'rule' | 'warning' | 'system';
  priority: 'high' | 'medium' | 'low';
  certainty: Certainty;
  /** Computed ahead, not measured. */
  estimate: boolean;
  /** A lone sensor says so. */
  suspect: boolean;
  cause: string | null;
  response: Response[];
  audience: string[];
  warning: string | null;
}

export interface Suppressed {
  kind: SuppressionKind;
  suppression: string | null;
  because_of: string | null;
  since: string;
}

export interface Handling {
  assigned: (Deed & { to: string }) | null;
  escalated: { level: string; step: number; at: string; by: string | null } | null;
  reminders: number;
  suppressed: Suppressed[];
  chattering: { since: string; turns: number } | null;
  latches: boolean;
  closed: (Deed & { cause: CloseCause; text: string }) | null;
  false_alert: (Deed & { reason: string }) | null;
  merged_into: string | null;
  /** What became of its notices. */
  notices: NoticeState[];
}

export interface EpisodeSpan {
  since: string;
  returned: string | null;
}

export interface EvidenceWindow {
  entity: string | null;
  measure: string;
  from: string;
  to: string;
  samples: [observed: string, value: number, offset: number][];
  count: number;
}

export interface Considered {
  what: string;
  applied: boolean;
}

export interface SuppressionScope {
  entities: string[];
  areas: string[];
  rules: string[];
  streams: Stream[];
}

export interface Suppression extends Deed {
  id: string;
  kind: SuppressionKind;
  scope: SuppressionScope;
  from: string;
  until: string | null;
  reason: string;
  ended: string | null;
  ended_by: string | null;
  kept_back: number;
}

export interface Incident {
  id: string;
  cause: string;
  title: Text;
  status: Status;
  severity: Severity;
  areas: string[];
  alerts: string[];
  total: number;
  active: number;
  opened: string;
  changed: string;
  closed: string | null;
}

export type WarningState = 'proposed' | 'rejected' | 'released' | 'superseded' | 'cancelled' | 'expired';
export type WarningType = 'alert' | 'update' | 'cancel';

export interface WarningText {
  event: Text;
  headline: Text;
  description: Text;
  instruction: Text;
  categories: string[];
  urgency: 'immediate' | 'expected' | 'future' | 'past' | 'unknown';
  severity: Severity;
  certainty: Certainty;
  response: Response[];
  areas: string[];
  onset: string | null;
  expires: string;
}

export interface PublicWarning {
  id: string;
  kind: WarningType;
  state: WarningState;
  status: Status;
  alerts: string[];
  references: string[];
  text: WarningText;
  proposed: Deed & { command_id: string };
  released: (Deed & { command_id: string }) | null;
  rejected: (Deed & { command_id: string }) | null;
  reason: string | null;
  changed: string;
}

/** The lists that a frame of the feed may carry; each is the whole of what is not over. */
export interface Registers {
  suppressions: readonly Suppression[];
  incidents: readonly Incident[];
  public_warnings: readonly PublicWarning[];
}

export const NO_REGISTERS: Registers = { suppressions: [], incidents: [], public_warnings: [] };

/** What a frame says of the lists: one that is left out has not changed. A snapshot starts from nothing. */
export function learned(known: Registers, frame: Partial<Registers>): Registers {
  const { suppressions, incidents, public_warnings } = frame;
  if (!suppressions && !incidents && !public_warnings) return known;
  return {
    suppressions: suppressions ?? known.suppressions,
    incidents: incidents ?? known.incidents,
    public_warnings: public_warnings ?? known.public_warnings,
  };
}

const RATING: Rating = {
  source: 'rule',
  priority: 'low',
  certainty: 'observed',
  estimate: false,
  suspect: false,
  cause: null,
  response: [],
  audience: [],
  warning: null,
};
const HANDLING: Handling = {
  assigned: null,
  escalated: null,
  reminders: 0,
  suppressed: [],
  chattering: null,
  latches: false,
  closed: null,
  false_alert: null,
  merged_into: null,
  notices: [],
};

/** An alert written by an earlier release says nothing of what did not exist then. */
export function complete(alert: Alert): Alert {
  if (alert.rating && alert.handling?.notices && alert.episodes && alert.incident !== undefined) return alert;
  return {
    ...alert,
    rating: alert.rating ?? RATING,
    handling: { ...HANDLING, ...alert.handling },
    episodes: alert.episodes ?? [],
    incident: alert.incident ?? null,
  };
}
