/** What a person can do with one alert: which state offers it, and what it asks for. The node decides in the end. */

import type { Alert } from './types';

export const ACTIONS = [
  'acknowledge',
  'shelve',
  'unshelve',
  'comment',
  'assign',
  'escalate',
  'close',
  'reset',
  'reopen',
  'mark-false',
  'unmark-false',
] as const;
export type ActionName = (typeof ACTIONS)[number];

/** Those that need words or a choice before they are sent. */
export type Form = Exclude<ActionName, 'acknowledge' | 'unshelve' | 'reset' | 'unmark-false'>;
const DIRECT: readonly ActionName[] = ['acknowledge', 'unshelve', 'reset', 'unmark-false'];
export const isForm = (action: ActionName): action is Form => !DIRECT.includes(action);

/** The name that the words of a form go by, and whether it needs any. */
export const WORDS: Record<Form, { field: 'reason' | 'text' | 'to'; needed: boolean }> = {
  shelve: { field: 'reason', needed: true },
  comment: { field: 'text', needed: true },
  assign: { field: 'to', needed: false },
  escalate: { field: 'reason', needed: true },
  close: { field: 'text', needed: false },
  reopen: { field: 'reason', needed: true },
  'mark-false': { field: 'reason', needed: true },
};

export function offers(alert: Alert, action: ActionName): boolean {
  const over = alert.state === 'normal';
  switch (action) {
    case 'acknowledge':
      return alert.state === 'unacknowledged' || alert.state === 'returned_unacknowledged';
    case 'shelve':
      return !over && alert.shelved === null;
    case 'unshelve':
      return !over && alert.shelved !== null;
    case 'comment':
    case 'assign':
    case 'escalate':
    case 'close':
      return !over;
    case 'reset':
      return alert.state === 'latched';
    case 'reopen':
      return over && alert.handling.merged_into === null;
    case 'mark-false':
      return alert.handling.false_alert === null;
    case 'unmark-false':
      return alert.handling.false_alert !== null;
  }
}

/** Causes that may end an alert whose condition still holds; for others it must be gone. */
const MAY_STAY = ['sensor_fault', 'false_alert', 'maintenance'];
export const mayClose = (alert: Alert, cause: string): boolean =>
  MAY_STAY.includes(cause) || !['unacknowledged', 'acknowledged'].includes(alert.state);
