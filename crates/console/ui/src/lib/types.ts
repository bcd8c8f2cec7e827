/** The shapes of the console's HTTP interface, as `crates/event` and `crates/console` write them. */

import type {
  Considered,
  EpisodeSpan,
  EvidenceWindow,
  Handling,
  PublicWarning,
  Rating,
  Registers,
  Status as AlertStatus,
  Suppression,
} from './life';

export type Lang = 'vi' | 'en';
export type Text = Record<Lang, string>;
export type Mode = 'live' | 'simulated';
export type Severity = 'critical' | 'major' | 'minor' | 'warning' | 'info';
export type Stream = 'disaster' | 'energy' | 'environment' | 'tourism' | 'city';
export type AlertState =
  | 'unacknowledged'
  | 'acknowledged'
  | 'returned_unacknowledged'
  | 'latched'
  | 'normal';
export type Change =
  | 'raised'
  | 'reopened'
  | 'revised'
  | 'acknowledged'
  | 'returned_to_normal'
  | 'resolved'
  | 'shelved'
  | 'unshelved'
  | 'commented'
  | 'merged'
  | 'assigned'
  | 'escalated'
  | 'reminded'
  | 'suppressed'
  | 'unsuppressed'
  | 'chattering_began'
  | 'chattering_ended'
  | 'reset'
  | 'closed'
  | 'marked_false'
  | 'unmarked_false'
  | 'notified'
  | 'annulled';

/** A value on the wire: bare, or tagged by its type. */
export type Value =
  | number
  | boolean
  | string
  | { number: number }
  | { boolean: boolean }
  | { code: string };

export interface Limit {
  name: string;
  value: number;
  unit: string;
  source: string;
  verified: boolean;
}

export interface EvidenceValue {
  entity?: string | null;
  measure: string;
  value: Value;
  unit: string;
  quality: number;
  observed: string;
  received: string;
  processed: string;
  offset: number;
}

export interface Evidence {
  rule: string;
  rule_version: number;
  condition: string;
  hold_seconds: number;
  values: EvidenceValue[];
  windows?: EvidenceWindow[];
  considered?: Considered[];
  limits: Limit[];
  last_heard: string | null;
}

export interface Acknowledgement {
  operator: string;
  verified: boolean;
  at: string;
  command_id: string;
}

export interface Shelving {
  operator: string;
  verified: boolean;
  at: string;
  until: string;
  reason: string;
  /** Ends with the episode. */
  one_shot?: boolean;
}

export interface Comment {
  operator: string;
  verified: boolean;
  at: string;
  text: string;
}

export interface Alert {
  id: string;
  rule: string;
  severity: Severity;
  status: AlertStatus;
  stream: Stream;
  site: string;
  entity: string;
  entity_name: Text;
  area: string | null;
  area_name: string | null;
  lat: number | null;
  lon: number | null;
  state: AlertState;
  revision: number;
  since: string;
  raised: string;
  changed: string;
  returned: string | null;
  acknowledged: Acknowledgement | null;
  shelved: Shelving | null;
  comments: Comment[];
  rating: Rating;
  handling: Handling;
  incident: string | null;
  episodes: EpisodeSpan[];
  occurrences: number;
  retrospective: boolean;
  measure: string | null;
  value: number | null;
  unit: string | null;
  message: Text;
  guidance: Text;
  scale: Limit[];
  unofficial: boolean;
  evidence: Evidence;
}

export interface HistoryEntry {
  offset: number;
  time: string;
  change: Change;
  by: string | null;
  state: AlertState;
  severity: Severity;
}

export interface Area {
  code: string;
  kind: string;
  name: string;
  lat: number;
  lon: number;
  km2: number;
}

export interface Entity {
  id: string;
  name: Text;
  stream: Stream;
  profile: string;
  area: string | null;
  lat: number | null;
  lon: number | null;
  interval_seconds: number;
  expected: boolean;
}

export interface Measure {
  name: string;
  kind: 'number' | 'boolean' | 'code';
  unit: string;
  unit_text: Text;
  label: Text;
  decimals: number;
}

/** A line of the map (a river). A schematic one is drawn by hand, not surveyed; others have a source. */
export interface MapLine {
  name: Text;
  schematic: boolean;
  source: string | null;
  points: [lon: number, lat: number][];
}

export interface Site {
  site: string;
  name: Text;
  mode: Mode;
  areas: Area[];
  entities: Entity[];
  measures: Record<string, Measure>;
  limits: Record<string, Record<string, Limit[]>>;
  rules?: { id: string; title: Text }[];
  trends: { entity: string; measure: string }[];
  lines: MapLine[];
}

export interface Latest {
  entity: string;
  device: string;
  stream: Stream;
  observed: string;
  received: string;
  status: string;
  flags: string[];
  values: Record<string, { value: Value; unit: string; quality: string[] | number }>;
}

export interface Counters {
  received: number;
  events: number;
  duplicates: number;
  rejected: number;
  alerts_raised: number;
  alerts_active: number;
}

/** What every numbered frame of the feed carries. */
interface Frame {
  offset: number;
  now: string;
  last_event?: string | null;
  devices_heard?: number;
  counters?: Counters;
}

export interface Snapshot extends Frame, Partial<Registers> {
  mode: Mode;
  alerts: Alert[];
  latest: Latest[];
  sinks?: Sink[];
}

export interface ChangeFrame extends Frame, Partial<Registers> {
  /** Offset of the frame before this one. */
  from: number;
  alerts: Alert[];
  latest: Latest[];
  /** Only when there is news of the deliveries. */
  sinks?: Sink[];
}

/** News of the deliveries while nothing else is sent; has no number. */
export interface SinksFrame {
  now: string;
  sinks: Sink[];
}

export type SinkState = 'starting' | 'running' | 'retrying' | 'draining' | 'stopped' | 'failed';

/** An outlet, or the clients at an outside broker. Times are wall time, also in a scenario. */
export interface Sink {
  name: string;
  kind: 'outlet' | 'front_door';
  state: SinkState;
  since: string;
  position: number | null;
  lag_records: number;
  lag_seconds: number;
  /** The latest; kept after recovery. */
  trouble: { code: string; message: string; at: string; attempts: number } | null;
  /** Ranges of `outcomes` that it never got: first, one past the last. */
  gaps: [from: number, to: number][];
  held_ratio: number | null;
  counts: { received: number; written: number; rejected: number; retried: number; dropped: number; inflight_batches: number };
  connections: { clients: number; connected: number; reconnects: number; lost_sessions: number; refused: number } | null;
}

export type Heartbeat = Frame;

export interface Series {
  entity: string;
  measure: string;
  unit: string;
  points: [observedMs: number, value: number, quality: number][];
  limits: Limit[];
}

/** A message that was kept but could not be understood. */
export interface Reject {
  offset: number;
  input_offset: number;
  time: string;
  code: string;
  /** What the code means and what to do about it. */
  meaning: Text;
  /** The particulars, as the node writes them. */
  reason: string;
  client: string;
  topic: string;
  payload_bytes: number;
  payload?: string;
  payload_base64?: string;
}

export interface Verdict {
  command_id: string;
  accepted: boolean;
  refusal: string | null;
  detail: Text;
  alert: Alert | null;
  suppression?: Suppression | null;
  warning?: PublicWarning | null;
}

export interface Problem {
  title: string;
  status: number;
  detail: string;
  title_vi?: string;
  detail_vi?: string;
}

export interface Status {
  mode: Mode;
  version: string;
  counters: Counters;
  devices_heard: number;
  last_event: string | null;
  now: string;
  /** Whether questions about series are answered. */
  archive?: boolean;
}

/** Steps of one series from the archive; those without values are there, with a count of 0. */
export interface SeriesRange {
  interval_seconds?: number;
  points: { time: string; value: number | boolean | string | null; min?: number; max?: number }[];
}
