/** Names of limits as people say them. */

import vi from '../words/vi.json';
import { t, type Key } from './words.svelte';

/** From the catalogue; a name that only the site's pack knows is shown as the pack writes it. */
export function limitName(name: string): string {
  const key = `limit.${name}`;
  return key in vi ? t(key as Key) : name.replaceAll('_', ' ');
}
