/** Messages that were refused: what the node says of them, and asking it to try them again. */

import { HttpError, getJson, postJson } from './api';
import { language } from './words.svelte';
import type { Text } from './types';

export interface Group {
  total: number;
  /** What trying again may still deliver. */
  to_do: number;
  queued: number;
  failed: number;
  reprocessed: number;
  last: string | null;
  /** Offsets of the newest, newest first. */
  samples: number[];
}

export interface Reason extends Group {
  code: string;
  meaning: Text;
  reprocessable: boolean;
}

export interface Device extends Group {
  device: string;
  unknown: boolean;
  others: boolean;
}

export interface Overview extends Omit<Group, 'last' | 'samples'> {
  forgotten: number;
  reasons: Reason[];
  devices: Device[];
  devices_left_out: number;
}

export interface Adopt {
  profiles: { profile: string; known: number; keys: number }[];
  snippet: string;
  command: string;
  /** The node may write it into its site pack. */
  writable: boolean;
}

export interface Item {
  offset: number;
  time: string;
  code: string;
  meaning: Text;
  reason: string;
  device: string;
  client: string;
  topic: string;
  payload_bytes: number;
  payload?: string;
  payload_base64?: string;
  payload_cut: boolean;
  adopt?: Adopt;
}

export interface Answer {
  dry_run: boolean;
  to_do: number;
  queued: number;
  left: number;
  not_reprocessable: number;
  done_before: number;
  gone: number;
}

export type Pick = { code: string } | { device: string };

export const overview = (): Promise<Overview> => getJson('/quarantine');

export const item = (offset: number): Promise<Item> => getJson(`/quarantine/${offset}`);

/** Only counts: nothing is done. */
export const count = (pick: Pick, operator: string): Promise<Answer> =>
  postJson('/quarantine/reprocess', { ...pick, operator, dry_run: true });

export const reprocess = (pick: Pick, operator: string, reason: string): Promise<Answer> =>
  postJson('/quarantine/reprocess', { ...pick, operator, reason });

export const adopt = (
  operator: string,
  device: string,
  profile: string,
  name: Text,
): Promise<{ snippet: string; file: string }> => postJson('/quarantine/adopt', { operator, device, profile, name });

const SAMPLE_CHARS = 600;

/** The beginning of a payload; bytes that are no text stay in base64. */
export function sample(item: Item): string {
  const text = item.payload ?? item.payload_base64 ?? '';
  return text.length > SAMPLE_CHARS || item.payload_cut ? `${text.slice(0, SAMPLE_CHARS)}…` : text;
}

/** What went wrong, in the language of the page where the node says it. */
export function why(error: unknown): string {
  if (!(error instanceof HttpError)) return '';
  const { problem } = error;
  return (language.current === 'vi' ? problem?.detail_vi : problem?.detail) ?? error.message;
}
