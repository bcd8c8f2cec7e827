/**
 * The catalogue: every string of the page, Vietnamese first. Plain JSON and a typed lookup instead of
 * a compiler plug-in: two languages, flat keys and named slots need no more, keys are checked by the
 * type checker and both files against each other before every build (`scripts/check-words.mjs`).
 */

import en from '../words/en.json';
import vi from '../words/vi.json';
import type { Lang, Text } from './types';

export type Key = keyof typeof vi & keyof typeof en;
type Slots = Record<string, string | number>;

const CATALOGUE: Record<Lang, Record<Key, string>> = { vi, en };
const plurals = { vi: new Intl.PluralRules('vi'), en: new Intl.PluralRules('en') };

class Language {
  current = $state<Lang>('vi');
}

export const language = new Language();

export function fill(template: string, slots: Slots): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = slots[name];
    return value === undefined ? whole : String(value);
  });
}

/** The words of a key in the language of the page. */
export function t(key: Key, slots?: Slots): string {
  const template = CATALOGUE[language.current][key];
  return slots ? fill(template, slots) : template;
}

/** Like `t`, for a key that has `.one` and `.other`. */
export function counted(key: 'list.heard', n: number, slots: Slots): string {
  const form = plurals[language.current].select(n) === 'one' ? 'one' : 'other';
  return t(`${key}.${form}`, slots);
}

/** A level of the ladder in words; one of the site's own goes by its name. */
export function levelName(level: string): string {
  return lookup(`level.${level}`) ?? level;
}

/** The words of a key that is only known when it is asked for; null where there are none. */
export function lookup(key: string): string | null {
  return key in vi ? t(key as Key) : null;
}

/** A text that came from the server in both languages. */
export function say(text: Text): string {
  return text[language.current] || text.vi;
}
