/** The rules in force and the last change of them, as the node tells it; the page only finds and shows. */

import { fold, matches } from './fold';
import type { Limit, Severity, Site, Stream, Text } from './types';

/** A rule as its author wrote it. */
export interface RuleText {
  file: string;
  version: number;
  text: string;
}

export interface RuleInForce {
  id: string;
  version: number;
  /** On trial: recorded, told to nobody. */
  shadow: boolean;
  /** These are null for a rule that the engine does not list. */
  severity: Severity | null;
  stream: Stream | null;
  measure: string | null;
  title: Text | null;
  condition: string | null;
  unofficial: boolean;
  /** Greatest cost of one evaluation, in steps. */
  cost: number | null;
  text: RuleText;
}

export interface RulesInForce {
  /** SHA-256 of the pack. */
  pack: string;
  rules: RuleInForce[];
}

export interface RuleChange {
  rule: string;
  shadow: boolean;
  change: 'new' | 'changed' | 'gone';
  old: RuleText | null;
  new: RuleText | null;
}

export interface RulesDiff {
  /** The record that put it in force. */
  offset: number;
  /** Its journal time; null where the node cannot say, absent from a node that does not tell it. */
  at?: string | null;
  operator: string;
  changes: RuleChange[];
  other_files: string[];
}

/** A rule in force and its next version on trial have one id. */
export const keyOf = ({ id, shadow }: Pick<RuleInForce, 'id' | 'shadow'>): string => (shadow ? `${id}?` : id);

export interface RuleFilter {
  query: string;
  severity: Severity | null;
  stream: Stream | null;
}

/** What the search looks through, folded once. */
const folded = new WeakMap<RuleInForce, string>();

function haystack(rule: RuleInForce): string {
  let text = folded.get(rule);
  if (text === undefined) {
    text = fold([rule.id, rule.title?.vi, rule.title?.en, rule.text.file, rule.text.text].join('\n'));
    folded.set(rule, text);
  }
  return text;
}

export function filterRules(rules: readonly RuleInForce[], { query, severity, stream }: RuleFilter): RuleInForce[] {
  return rules.filter(
    (rule) =>
      (severity === null || rule.severity === severity) &&
      (stream === null || rule.stream === stream) &&
      (query.trim() === '' || matches(haystack(rule), query.trim())),
  );
}

/** Thresholds of one name and source. */
export interface NamedLimit {
  name: string;
  unit: string;
  source: string;
  verified: boolean;
  least: number;
  most: number;
  /** How many have it. */
  entities: number;
}

/** The names of the thresholds that the text of a rule asks for. Remarks ask for nothing. */
export function limitNames(text: string): string[] {
  const asked = text.replace(/^\s*#.*$/gm, '');
  return [...new Set([...asked.matchAll(/\blimit\.([A-Za-z_]\w*)/g)].map(([, name]) => name!))];
}

/** The thresholds of the site that a rule names, for its measure, with their sources. */
export function limitsOf(rule: RuleInForce, site: Pick<Site, 'limits' | 'entities'>): NamedLimit[] {
  const { measure } = rule;
  const names = limitNames(rule.text.text);
  if (measure === null || names.length === 0) return [];
  const streams = new Map(site.entities.map(({ id, stream }) => [id, stream]));
  const found = new Map<string, NamedLimit>();
  for (const [entity, measures] of Object.entries(site.limits)) {
    if (rule.stream !== null && streams.get(entity) !== rule.stream) continue;
    for (const limit of measures[measure] ?? []) if (names.includes(limit.name)) add(found, limit);
  }
  return [...found.values()].sort(
    (a, b) => names.indexOf(a.name) - names.indexOf(b.name) || a.source.localeCompare(b.source),
  );
}

function add(found: Map<string, NamedLimit>, { name, unit, source, verified, value }: Limit): void {
  const key = JSON.stringify([name, unit, source, verified]);
  const known = found.get(key);
  found.set(key, {
    name,
    unit,
    source,
    verified,
    least: Math.min(known?.least ?? value, value),
    most: Math.max(known?.most ?? value, value),
    entities: (known?.entities ?? 0) + 1,
  });
}

/** Whether every threshold that a rule names was checked against its source; null where it names none that is known. */
export const verified = (limits: readonly NamedLimit[]): boolean | null =>
  limits.length === 0 ? null : limits.every((limit) => limit.verified);
