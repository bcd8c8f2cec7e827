/** What the browser's tab shows: the same truth as the header, in title and icon. */

import { SHAPES } from '../components/Mark.svelte';
import { SEVERITIES, type Counts } from './severity';
import type { Alert } from './types';
import type { Theme } from './view.svelte';

const GLYPH = { critical: '◆', major: '▲', minor: '⬟', warning: '●', info: '○' } as const;

export function title(counts: Counts, lost: boolean): string {
  const shown = SEVERITIES.filter((severity) => counts[severity] > 0 && severity !== 'info')
    .map((severity) => `${counts[severity]}${GLYPH[severity]}`)
    .join(' ');
  return `${lost ? '✕ ' : ''}${shown ? `${shown} · ` : ''}IOC Lào Cai`;
}

export function announce(counts: Counts, worst: Alert | null, lost: boolean, theme: Theme): void {
  document.title = title(counts, lost);
  const icon = document.getElementById('icon');
  if (!(icon instanceof HTMLLinkElement)) return;
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const colour = lost || !worst ? of('muted') : of(worst.severity);
  const mark = lost
    ? '<path d="M4 4 20 20M20 4 4 20" stroke-width="4"/>'
    : worst
      ? `<path d="${SHAPES[worst.severity]}" fill="${colour}"/>`
      : '<circle cx="12" cy="12" r="7" fill="none" stroke-width="3"/>';
  const ground = theme === 'night' ? of('raised') : of('bg');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 32 32"><rect x="-4" y="-4" width="32" height="32" rx="6" fill="${ground}"/><g stroke="${colour}">${mark}</g></svg>`;
  icon.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
