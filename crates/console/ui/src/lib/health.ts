/** Alert health and explanations, as the node computes them; the page only shows them. */

import type { Text, Value } from './types';
import type { Considered, EvidenceWindow } from './life';
import type { Limit, Severity } from './types';

export interface HealthTarget {
  source: string;
  relation: 'at_most' | 'below' | 'about';
  value: number;
  confidence: 'H' | 'M' | 'L';
  /** From memory: to be checked against the text of the standard. */
  recalled: boolean;
  met: boolean | null;
}

export interface HealthFigure {
  key: string;
  label: Text;
  unit: string;
  value: number | null;
  targets: HealthTarget[];
}

export interface HealthPosition {
  id: string;
  name: Text;
  staffed_seconds: number;
  figures: HealthFigure[];
  calls: { total: number; counted: number; left_out: Record<string, number> };
  floods: { began: string; ended: string | null; alerts: number; peak: number }[];
  top: { rule: string; entity: string | null; alerts: number; percent: number }[];
  chattering_alerts: { alert: string; rule: string; entity: string; from: string; to: string | null; turns: number }[];
  stale_alerts: { alert: string; rule: string; entity: string; since: string }[];
  false_alerts: { rule: string; marks: number; alerts: number; percent: number | null }[];
}

export interface HealthReport {
  from: string;
  to: string;
  now: string;
  complete: boolean;
  positions: HealthPosition[];
  outside: number;
  live: {
    position: string;
    in_flood: boolean;
    since: string | null;
    alerts: number;
    last_10_minutes: number;
  }[];
}

export interface ExplainedValue {
  entity: string;
  measure: string;
  value: Value;
  unit: string;
  quality: string[];
  observed: string;
  received: string;
  processed: string;
  device_time: string | null;
  clock_offset_seconds: number | null;
  offset: number;
}

export interface ExplainedRecord {
  offset: number;
  state: 'kept' | 'blanked' | 'gone' | 'beyond';
  topic?: string;
  client?: string;
  payload?: string;
  payload_hex?: string;
}

export interface ExplainedTransition {
  change: string;
  revision: number;
  at: string;
  since: string;
  outcome: number;
  cause: number;
  values: ExplainedValue[];
  windows: EvidenceWindow[];
  limits: Limit[];
  considered: Considered[];
  records: ExplainedRecord[];
}

export interface Explanation {
  alert: string;
  entity: string;
  severity: Severity;
  since: string;
  raised: string;
  rule: {
    id: string;
    version: number;
    condition: string;
    file: string | null;
    text: string | null;
    pack: string | null;
  };
  transitions: ExplainedTransition[];
  damaged: string[];
}
