/**
 * Numbers and times as people of the province read them. Shown text is never parsed back:
 * `vi-VN` has a decimal comma and a thousands dot.
 */

import type { Lang } from './types';

const ZONE = 'Asia/Ho_Chi_Minh';
const LOCALE: Record<Lang, string> = { vi: 'vi-VN', en: 'en-GB' };
/** Keeps a number and its unit on one line. */
export const NBSP = '\u00a0';
const MINUS = '\u2212';

const numbers = new Map<string, Intl.NumberFormat>();

export function number(value: number, decimals: number, lang: Lang): string {
  const key = `${lang}${decimals}`;
  let format = numbers.get(key);
  if (!format) {
    format = new Intl.NumberFormat(LOCALE[lang], {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    numbers.set(key, format);
  }
  // A value that rounds to zero carries no sign.
  const text = format.format(Math.abs(value));
  const zero = !/[1-9]/.test(text);
  return value < 0 && !zero ? MINUS + text : text;
}

export function quantity(value: number, decimals: number, unit: string, lang: Lang): string {
  const text = number(value, decimals, lang);
  return unit === '' || unit === '1' ? text : text + NBSP + unit;
}

export function signed(value: number, decimals: number, unit: string, lang: Lang): string {
  const text = quantity(value, decimals, unit, lang);
  return value > 0 ? `+${text}` : text;
}

interface Parts {
  day: string;
  month: string;
  year: string;
  hour: string;
  minute: string;
  second: string;
}

const clock = new Intl.DateTimeFormat('en-GB', {
  timeZone: ZONE,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

function parts(ms: number): Parts {
  const found: Record<string, string> = {};
  for (const { type, value } of clock.formatToParts(ms)) found[type] = value;
  return found as unknown as Parts;
}

/** `14:05:12` */
export function time(ms: number): string {
  const { hour, minute, second } = parts(ms);
  return `${hour}:${minute}:${second}`;
}

/** `14:05` */
export function shortTime(ms: number): string {
  const { hour, minute } = parts(ms);
  return `${hour}:${minute}`;
}

/** `23/11/2026` */
export function date(ms: number): string {
  const { day, month, year } = parts(ms);
  return `${day}/${month}/${year}`;
}

/** `14:05:12 23/11/2026` */
export function dateTime(ms: number): string {
  return `${time(ms)} ${date(ms)}`;
}

/** Only the time when it is today's, else with day and month. */
export function near(ms: number, now: number): string {
  const { day, month, hour, minute } = parts(ms);
  const same = date(ms) === date(now);
  return same ? `${hour}:${minute}` : `${hour}:${minute} ${day}/${month}`;
}

/** For a field of date and time: the province's, wherever the computer stands. */
export function inputTime(ms: number): string {
  const { day, month, year, hour, minute } = parts(ms);
  return `${year}-${month}-${day}T${hour}:${minute}`;
}

/** What such a field says, in milliseconds; null where it says nothing. The province has no summer time. */
export function fromInput(text: string): number | null {
  const at = Date.parse(`${text}:00+07:00`);
  return Number.isFinite(at) ? at : null;
}

const weekdays: Record<Lang, Intl.DateTimeFormat> = {
  vi: new Intl.DateTimeFormat('vi-VN', { timeZone: ZONE, weekday: 'long' }),
  en: new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, weekday: 'short' }),
};

/** `Thứ Hai 23/11`, `Mon 23/11` */
export function weekday(ms: number, lang: Lang): string {
  const { day, month, year } = parts(ms);
  return `${weekdays[lang].format(ms)} ${day}/${month}/${year}`;
}

const UNITS: Record<Lang, { d: string; h: string; m: string; s: string }> = {
  vi: { d: 'ngày', h: 'giờ', m: 'phút', s: 'giây' },
  en: { d: 'd', h: 'h', m: 'min', s: 's' },
};

/** A span in its two largest units: `45 giây`, `12 phút`, `3 giờ 05 phút`, `2 ngày 4 giờ`. */
export function span(ms: number, lang: Lang): string {
  const unit = UNITS[lang];
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (seconds < 60) return `${seconds}${NBSP}${unit.s}`;
  if (minutes < 60) return `${minutes}${NBSP}${unit.m}`;
  if (hours < 24) {
    const rest = String(minutes % 60).padStart(2, '0');
    return `${hours}${NBSP}${unit.h} ${rest}${NBSP}${unit.m}`;
  }
  return `${days}${NBSP}${unit.d} ${hours % 24}${NBSP}${unit.h}`;
}

/** A chosen span without its empty half: `1 giờ`, `1 ngày`. */
export function wholeSpan(ms: number, lang: Lang): string {
  return span(ms, lang).replace(/ 0+\D+$/, '');
}
