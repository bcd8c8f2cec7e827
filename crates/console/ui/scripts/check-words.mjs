// The catalogue must say the same things in both languages: same keys, same order, same slots, nothing
// empty. Runs before every build; the unit tests use the same function.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const slots = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort().join(',');

export function faults(vi, en) {
  const found = [];
  for (const key of Object.keys(vi)) {
    if (!(key in en)) found.push(`en.json lacks "${key}"`);
    else if (slots(vi[key]) !== slots(en[key])) found.push(`"${key}" has different slots`);
    if (vi[key].trim() === '') found.push(`vi.json: "${key}" is empty`);
  }
  for (const key of Object.keys(en)) {
    if (!(key in vi)) found.push(`vi.json lacks "${key}"`);
    if (en[key].trim() === '') found.push(`en.json: "${key}" is empty`);
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const read = (lang) =>
    JSON.parse(readFileSync(new URL(`../src/words/${lang}.json`, import.meta.url), 'utf8'));
  const found = faults(read('vi'), read('en'));
  for (const fault of found) console.error(`words: ${fault}`);
  process.exit(found.length === 0 ? 0 : 1);
}
