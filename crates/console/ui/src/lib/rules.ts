/** The rules in force and the last change of them, as the node tells it; the page only finds and shows. */

import { fold, matches } from './fold';
import type { Severity, Stream, Text } from './types';

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
  /** All thresholds of the pack. */
  limits: PackLimit[];
}

/** A threshold as its author wrote it: for one entity, for a profile, or with neither for every entity. */
export interface PackLimit {
  name: string;
  measure: string;
  entity: string | null;
  profile: string | null;
  value: number;
  unit: string;
  source: string;
  verified: boolean;
  /** Dates, the second excluded. */
  effective_from: string | null;
  effective_to: string | null;
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

/** The names of the thresholds that the text of a rule asks for. Remarks ask for nothing. */
export function limitNames(text: string): string[] {
  const asked = text.replace(/^\s*#.*$/gm, '');
  return [...new Set([...asked.matchAll(/\blimit\.([A-Za-z_]\w*)/g)].map(([, name]) => name!))];
}

/** The thresholds of the pack that a rule names, for its measure, in the order in which it names them. */
export function limitsOf(rule: RuleInForce, limits: readonly PackLimit[]): PackLimit[] {
  const names = limitNames(rule.text.text);
  return limits
    .filter(({ name, measure }) => measure === rule.measure && names.includes(name))
    .sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
}

/** Whether every threshold that a rule names was checked against its source; null where it names none. */
export const verified = (limits: readonly PackLimit[]): boolean | null =>
  limits.length === 0 ? null : limits.every((limit) => limit.verified);
