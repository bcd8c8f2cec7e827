/** Keyboard: single keys, `g` as a prefix. Pure resolution; who carries it out is the page's matter. */

export type Command =
  | 'next'
  | 'previous'
  | 'open'
  | 'acknowledge'
  | 'shelve'
  | 'comment'
  | 'assign'
  | 'escalate'
  | 'explain'
  | 'search'
  | 'map'
  | 'list'
  | 'quarantine'
  | 'suppressions'
  | 'warnings'
  | 'health'
  | 'rules'
  | 'theme'
  | 'help'
  | 'back';

const PLAIN: Record<string, Command> = {
  j: 'next',
  k: 'previous',
  Enter: 'open',
  a: 'acknowledge',
  s: 'shelve',
  c: 'comment',
  p: 'assign',
  e: 'escalate',
  x: 'explain',
  '/': 'search',
  t: 'theme',
  '?': 'help',
  Escape: 'back',
};
const AFTER_G: Record<string, Command> = {
  m: 'map',
  l: 'list',
  q: 'quarantine',
  s: 'suppressions',
  w: 'warnings',
  h: 'health',
  r: 'rules',
};
const PREFIX_MS = 1_500;

export class Keys {
  #prefixed = -Infinity;

  /** `typing`: the focus is in a field, where only Escape is a command. */
  resolve(key: string, typing: boolean, at: number): Command | null {
    if (typing) return key === 'Escape' ? 'back' : null;
    const prefixed = at - this.#prefixed < PREFIX_MS;
    this.#prefixed = -Infinity;
    if (prefixed && AFTER_G[key]) return AFTER_G[key];
    if (key === 'g') {
      this.#prefixed = at;
      return null;
    }
    return PLAIN[key] ?? null;
  }
}
