/**
 * What the operator looks at: selection, filters, language, theme. The address bar holds it, so a link
 * shows the same view to somebody else; language and theme are also remembered on this computer.
 */

import type { Filter } from './order';
import { SETS, type AlertSet } from './sets';
import { SEVERITIES } from './severity';
import type { Lang, Severity, Stream } from './types';
import { language } from './words.svelte';

export const STREAMS: readonly Stream[] = ['disaster', 'energy', 'environment', 'tourism', 'city'];
export type Tab = 'list' | 'map' | 'trends';
export type Theme = 'night' | 'day';
/** What opens over the page. */
export const PANELS = ['quarantine', 'suppressions', 'warnings', 'health', 'rules'] as const;
export type Panel = (typeof PANELS)[number];

export interface Address {
  alert: string | null;
  entity: string | null;
  streams: readonly Stream[];
  severities: readonly Severity[];
  area: string | null;
  query: string;
  set: AlertSet;
  flat: boolean;
  tab: Tab;
  lang: Lang | null;
  panel: Panel | null;
  /** A rule to be looked at among those in force. */
  rule: string | null;
}

const listed = <T extends string>(text: string | null, known: readonly T[]): T[] =>
  known.filter((one) => (text ?? '').split(',').includes(one));

/** Reads the address; what it does not know it ignores. */
export function readAddress(search: string): Address {
  const given = new URLSearchParams(search);
  const [tab] = listed(given.get('tab'), ['list', 'map', 'trends'] as const);
  const [lang] = listed(given.get('lang'), ['vi', 'en'] as const);
  const panel = listed(given.get('panel'), PANELS)[0] ?? (given.get('quarantine') === '1' ? 'quarantine' : null);
  return {
    alert: given.get('alert') || null,
    entity: given.get('entity') || null,
    streams: listed(given.get('stream'), STREAMS),
    severities: listed(given.get('severity'), SEVERITIES),
    area: given.get('area') || null,
    query: given.get('q') ?? '',
    // `shelved=1` is how earlier links said it.
    set: listed(given.get('set'), SETS)[0] ?? (given.get('shelved') === '1' ? 'shelved' : 'active'),
    flat: given.get('flat') === '1',
    tab: tab ?? 'list',
    lang: lang ?? null,
    panel,
    rule: panel === 'rules' ? given.get('rule') || null : null,
  };
}

export function writeAddress(address: Address): string {
  const out = new URLSearchParams();
  if (address.alert) out.set('alert', address.alert);
  if (address.entity) out.set('entity', address.entity);
  if (address.streams.length > 0) out.set('stream', address.streams.join(','));
  if (address.severities.length > 0) out.set('severity', address.severities.join(','));
  if (address.area) out.set('area', address.area);
  if (address.query.trim()) out.set('q', address.query);
  if (address.set !== 'active') out.set('set', address.set);
  if (address.flat) out.set('flat', '1');
  if (address.tab !== 'list') out.set('tab', address.tab);
  if (address.lang) out.set('lang', address.lang);
  if (address.panel) out.set('panel', address.panel);
  if (address.rule) out.set('rule', address.rule);
  const text = out.toString().replaceAll('%3A', ':').replaceAll('%2C', ',');
  return text === '' ? '' : `?${text}`;
}

/** Private windows and full disks may refuse storage; the page works without. */
export const memory = {
  get(name: string): string | null {
    try {
      return localStorage.getItem(`ioc.${name}`);
    } catch {
      return null;
    }
  },
  set(name: string, value: string): void {
    try {
      localStorage.setItem(`ioc.${name}`, value);
    } catch {
      // Remembered for this visit only.
    }
  },
};

class View {
  alert = $state<string | null>(null);
  /** Entity chosen on the map or in a trend, when no alert of it is chosen. */
  entity = $state<string | null>(null);
  filter = $state<Filter>({ streams: [], severities: [], area: null, query: '', set: 'active' });
  tab = $state<Tab>('list');
  theme = $state<Theme>('night');
  help = $state(false);
  panel = $state<Panel | null>(null);
  /** Of the rules in force, the one that was asked for. */
  rule = $state<string | null>(null);
  /** An alert that a warning to the public is to be written from. */
  draft = $state<string | null>(null);
  /** The explanation of the chosen alert is open. */
  explaining = $state(false);
  /** Alerts one by one, without groups. */
  flat = $state(false);

  start(): void {
    this.#read(true);
    const theme = memory.get('theme');
    this.theme = theme === 'day' || theme === 'night' ? theme : 'night';
    addEventListener('popstate', () => this.#read(false));
  }

  /** Selecting from the list of a phone is a step that "back" undoes; on a desk it is not. */
  select(alert: string | null, step = false): void {
    const opening = alert !== null && this.alert === null;
    this.alert = alert;
    if (alert !== null) this.entity = null;
    this.#write(step && opening);
  }

  selectEntity(entity: string | null): void {
    this.alert = null;
    this.entity = entity;
    this.#write(false);
  }

  setTab(tab: Tab): void {
    this.tab = tab;
    this.#write(false);
  }

  open(panel: Panel | null): void {
    this.panel = panel;
    this.rule = null;
    if (panel !== 'warnings') this.draft = null;
    this.#write(false);
  }

  openRule(rule: string): void {
    this.explaining = false;
    this.open('rules');
    this.rule = rule;
    this.#write(false);
  }

  setFlat(flat: boolean): void {
    this.flat = flat;
    this.#write(false);
  }

  setLang(lang: Lang): void {
    language.current = lang;
    memory.set('lang', lang);
    this.#write(false);
  }

  toggleTheme(): void {
    this.theme = this.theme === 'night' ? 'day' : 'night';
    memory.set('theme', this.theme);
  }

  refine(change: Partial<Filter>): void {
    this.filter = { ...this.filter, ...change };
    this.#write(false);
  }

  get filtered(): boolean {
    const { streams, severities, area, query } = this.filter;
    return streams.length > 0 || severities.length > 0 || area !== null || query.trim() !== '';
  }

  #read(first: boolean): void {
    const { alert, entity, streams, severities, area, query, set, flat, tab, lang, panel, rule } = readAddress(
      location.search,
    );
    this.alert = alert;
    this.entity = alert ? null : entity;
    this.tab = tab;
    this.panel = panel;
    this.rule = rule;
    this.flat = flat;
    this.filter = { streams, severities, area, query, set };
    const remembered = memory.get('lang') === 'en' ? 'en' : 'vi';
    if (lang || first) language.current = lang ?? remembered;
  }

  #write(step: boolean): void {
    const { alert, entity, tab, filter, panel, rule, flat } = this;
    const lang = language.current === 'en' ? 'en' : null;
    const search = writeAddress({ alert, entity, tab, lang, panel, rule, flat, ...filter });
    if (search === location.search) return;
    const target = location.pathname + search;
    if (step) history.pushState(null, '', target);
    else history.replaceState(null, '', target);
  }
}

export const view = new View();
