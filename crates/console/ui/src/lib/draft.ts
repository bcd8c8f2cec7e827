/** A warning to the public as it is first written: from an alert, or from the one that it corrects. Pure. */

import type { Incident, PublicWarning, WarningText } from './life';
import type { Alert, Stream, Text } from './types';

export const CATEGORIES = [
  'Geo',
  'Met',
  'Safety',
  'Security',
  'Rescue',
  'Fire',
  'Health',
  'Env',
  'Transport',
  'Infra',
  'CBRNE',
  'Other',
] as const;
const CATEGORY: Record<Stream, (typeof CATEGORIES)[number]> = {
  disaster: 'Met',
  energy: 'Infra',
  environment: 'Env',
  tourism: 'Safety',
  city: 'Other',
};
const HOUR_MS = 3_600_000;
export const HEADLINE_MAX = 200;
export const BODY_MAX = 4_000;

const cut = ({ vi, en }: Text): Text => ({ vi: vi.slice(0, HEADLINE_MAX), en: en.slice(0, HEADLINE_MAX) });

export function fromAlert(alert: Alert, title: Text | null, incident: Incident | null, now: number): WarningText {
  const { rating } = alert;
  return {
    event: cut(incident?.title ?? title ?? alert.message),
    headline: cut(alert.message),
    description: { ...alert.message },
    instruction: { ...alert.guidance },
    categories: [CATEGORY[alert.stream]],
    urgency: rating.estimate ? 'expected' : 'immediate',
    severity: alert.severity,
    certainty: rating.certainty,
    response: rating.response.length > 0 ? [...rating.response] : ['monitor'],
    areas: incident && incident.areas.length > 0 ? [...incident.areas] : alert.area ? [alert.area] : [],
    onset: alert.since,
    expires: new Date(now + 6 * HOUR_MS).toISOString(),
  };
}

/** The same text again, to be mended; one that has expired meanwhile gets a new end. */
export function fromWarning({ text }: PublicWarning, now: number): WarningText {
  const copy = JSON.parse(JSON.stringify(text)) as WarningText;
  if (Date.parse(copy.expires) <= now) copy.expires = new Date(now + 6 * HOUR_MS).toISOString();
  return copy;
}

export type DraftFault = 'words' | 'areas' | 'expires';

/** What a proposal still lacks. */
export function faultOf(text: WarningText, now: number): DraftFault | null {
  const empty = (one: Text) => one.vi.trim() === '' || one.en.trim() === '';
  if ([text.event, text.headline, text.description].some(empty)) return 'words';
  if (text.areas.length === 0) return 'areas';
  return Date.parse(text.expires) > now ? null : 'expires';
}
