/** Calls to the node other than the feed. */

import type { Explanation, HealthReport } from './health';
import type { PublicWarning, Suppression } from './life';
import type { RulesDiff, RulesInForce } from './rules';
import type { Alert, HistoryEntry, Problem, Reject, Series, SeriesRange, Site, Status, Verdict } from './types';

const BASE = '/api/v1';
const TIMEOUT_MS = 10_000;
/** What puts many records into the journal may take longer. */
const POST_TIMEOUT_MS = 60_000;

export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | null,
  ) {
    super(problem?.detail ?? `HTTP ${status}`);
  }
}

/** One GET of the API. */
export async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(BASE + path, {
    headers: { accept: 'application/json' },
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new HttpError(response.status, await problem(response));
  return (await response.json()) as T;
}

/** One POST of the API whose answer is the thing itself; a refusal throws. */
export async function postJson<T>(path: string, body: object): Promise<T> {
  const response = await fetch(BASE + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(POST_TIMEOUT_MS),
  });
  if (!response.ok) throw new HttpError(response.status, await problem(response));
  return (await response.json()) as T;
}

async function problem(response: Response): Promise<Problem | null> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return null;
  }
}

export const site = (): Promise<Site> => getJson('/site');
export const status = (): Promise<Status> => getJson('/status');

/** The last rejected messages, newest first. */
export const rejects = (): Promise<{ rejects: Reject[] }> => getJson('/rejects');

export const alert = (id: string): Promise<{ alert: Alert; history: HistoryEntry[] }> =>
  getJson(`/alerts/${encodeURIComponent(id)}`);

export const series = (entity: string, measure: string, hours: number): Promise<Series> =>
  getJson(`/recent?${new URLSearchParams({ entity, measure, hours: String(hours) })}`);

/** From the archive, in steps. */
export const history = (entity: string, measure: string, hours: number, stepSeconds: number): Promise<SeriesRange> =>
  getJson(
    `/series/${encodeURIComponent(entity)}/${encodeURIComponent(measure)}?${new URLSearchParams({
      from: `-${hours}h`,
      interval: `PT${stepSeconds}S`,
    })}`,
  );

/** Why it rang, from the evidence kept of it. */
export const explain = (id: string): Promise<Explanation> => getJson(`/alerts/${encodeURIComponent(id)}/explain`);

const healthPath = (from: string): string => `/health?${new URLSearchParams({ from })}`;
export const health = (from: string): Promise<HealthReport> => getJson(healthPath(from));
export const healthCsv = (from: string): string => `${BASE}${healthPath(from)}&format=csv`;
/** Who is in a flood now. */
export const flood = (): Promise<Pick<HealthReport, 'live'>> => getJson(healthPath('-10m'));

export const rules = (): Promise<RulesInForce> => getJson('/rules');
/** The last change since the node's start; null when there was none. */
export async function rulesDiff(): Promise<RulesDiff | null> {
  try {
    return await getJson<RulesDiff>('/rules/diff');
  } catch (error) {
    if (error instanceof HttpError && error.status === 404) return null;
    throw error;
  }
}

export const suppressions = (): Promise<{ suppressions: Suppression[] }> => getJson('/suppressions?state=all');
export const publicWarnings = (): Promise<{ public_warnings: PublicWarning[] }> => getJson('/warnings?state=all');

export type Answer =
  | { kind: 'verdict'; verdict: Verdict }
  | { kind: 'problem'; status: number; problem: Problem | null };

/** Sends a command; throws only when no answer came (then nobody knows whether it was carried out). */
export async function order(path: string, body: object): Promise<Answer> {
  const response = await fetch(BASE + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  let answer: unknown = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // Not ours (a proxy's page): the status says what can be said.
  }
  if (typeof answer === 'object' && answer !== null && 'verdict' in answer) {
    return { kind: 'verdict', verdict: (answer as { verdict: Verdict }).verdict };
  }
  return { kind: 'problem', status: response.status, problem: answer as Problem | null };
}
