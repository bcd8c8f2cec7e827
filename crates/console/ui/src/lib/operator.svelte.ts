/**
 * What an operator asks of the monitor. The page changes nothing by itself: a request is pending until
 * the verdict is there, and the alert changes only when the node says so.
 */

import { offers, type ActionName, type Form } from './actions';
import * as api from './api';
import { store } from './store.svelte';
import type { Alert, Verdict } from './types';
import { memory } from './view.svelte';
import { language, say, t, type Key } from './words.svelte';

export type Outcome =
  | { kind: 'pending'; action: string }
  | { kind: 'done'; action: string; verdict: Verdict }
  | { kind: 'refused'; why: string }
  /** No answer: it may have been carried out or not. */
  | { kind: 'unknown' };

function newId(): string {
  // `randomUUID` exists only on secure origins; a control room often has plain http.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

class Operator {
  name = $state('');
  form = $state<Form | null>(null);
  /** Rises with every verdict: what was fetched of an alert may be old. */
  settled = $state(0);
  /** Set when an action was tried without a name: the field asks for it. */
  nameMissing = $state(false);
  #outcomes = $state<Record<string, Outcome>>({});
  /** Ids of requests that got no answer: a repeat carries the same id, so it cannot count twice. */
  #unanswered = new Map<string, string>();

  start(): void {
    this.name = memory.get('operator') ?? '';
  }

  rename(name: string): void {
    this.name = name;
    this.nameMissing = false;
    memory.set('operator', name.trim());
  }

  outcome(alert: string): Outcome | null {
    return this.#outcomes[alert] ?? null;
  }

  pending(alert: string): boolean {
    return this.#outcomes[alert]?.kind === 'pending';
  }

  forget(alert: string): void {
    if (!this.pending(alert)) delete this.#outcomes[alert];
  }

  /** True when the verdict came and was yes. */
  async act(alert: Alert, action: ActionName, extra: object = {}): Promise<boolean> {
    if (!offers(alert, action)) return false;
    const seen = { seen_state: alert.state, seen_revision: alert.revision };
    return this.ask(alert.id, action, `/alerts/${encodeURIComponent(alert.id)}/${action}`, extra, seen);
  }

  /** A command under a name of its own; what the operator was looking at does not make it another one. */
  async ask(about: string, action: string, path: string, extra: object, seen: object = {}): Promise<boolean> {
    if (store.feed !== 'live' || this.pending(about)) return false;
    const operator = this.name.trim();
    if (operator === '') {
      this.nameMissing = true;
      return false;
    }
    this.#outcomes[about] = { kind: 'pending', action };
    const outcome = await this.#send(path, action, { operator, ...extra }, seen);
    this.#outcomes[about] = outcome;
    this.settled += 1;
    return outcome.kind === 'done';
  }

  async #send(path: string, action: string, extra: object, seen: object): Promise<Outcome> {
    const attempt = JSON.stringify([path, extra]);
    const command_id = this.#unanswered.get(attempt) ?? newId();
    let answer: api.Answer;
    try {
      answer = await api.order(path, { command_id, ...seen, ...extra });
    } catch {
      this.#unanswered.set(attempt, command_id);
      return { kind: 'unknown' };
    }
    this.#unanswered.delete(attempt);
    if (answer.kind === 'problem') {
      const { problem, status } = answer;
      const vi = problem?.detail_vi ?? problem?.detail;
      const why = language.current === 'vi' ? vi : problem?.detail;
      return { kind: 'refused', why: why || t('refusal.other', { status }) };
    }
    const { verdict } = answer;
    if (verdict.alert) store.learn(verdict.alert);
    if (verdict.accepted) return { kind: 'done', action, verdict };
    const known = `refusal.${verdict.refusal}` as Key;
    return { kind: 'refused', why: say(verdict.detail) || t(known) };
  }
}

export const operator = new Operator();
