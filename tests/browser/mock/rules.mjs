// GET /api/v1/rules and /rules/diff in small: the rules of the real pack, and changes of them as an operator hands them in.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const PACK = new URL('../../../deploy/sites/lao-cai/rules/', import.meta.url);
const STREAM = 'disaster';

/** As the node cuts them: from one `[[rule]]` to the next. */
function blocks(file, text) {
  return text.split(/^(?=\[\[rule\]\]$)/m).filter((one) => one.startsWith('[[rule]]')).map((one) => ({ file, text: one.trimEnd() }));
}

const value = (text, key) => new RegExp(`^${key.replace('.', '\\.')} = (?:"(.*)"|(.*))$`, 'm').exec(text)?.slice(1).find((one) => one !== undefined) ?? null;

function rule({ file, text }) {
  const version = Number(value(text, 'version'));
  return {
    id: value(text, 'id'), version, shadow: file.startsWith('rules/shadow/'), severity: value(text, 'severity'), stream: value(text, 'stream') ?? STREAM,
    measure: value(text, 'measure'), title: { vi: value(text, 'title.vi'), en: value(text, 'title.en') }, condition: value(text, 'condition'),
    unofficial: value(text, 'unofficial') === 'true', cost: 17, text: { file, version, text },
  };
}

export class Rules {
  constructor() {
    const files = [...readdirSync(PACK).map((name) => name), ...readdirSync(new URL('shadow/', PACK)).map((name) => `shadow/${name}`)];
    this.rules = files.filter((name) => name.endsWith('.toml')).flatMap((name) => blocks(`rules/${name}`, readFileSync(new URL(name, PACK), 'utf8'))).map(rule);
    const entries = readFileSync(new URL('../thresholds.toml', PACK), 'utf8').split(/^(?=\[\[limit\]\]$)/m).filter((one) => one.startsWith('[[limit]]'));
    this.limits = entries.map((text) => ({
      ...Object.fromEntries(['name', 'measure', 'entity', 'profile', 'unit', 'source', 'effective_from', 'effective_to'].map((key) => [key, value(text, key)])),
      value: Number(value(text, 'value')), verified: value(text, 'verified') === 'true',
    }));
    this.diff = null;
  }

  inForce() {
    const pack = createHash('sha256').update(this.rules.map(({ text }) => text.text).join()).digest('hex');
    return { pack, rules: this.rules, limits: this.limits };
  }

  of(id, shadow = false) {
    return this.rules.find((one) => one.id === id && one.shadow === shadow);
  }

  /** Puts in force what `edit` makes of the text of each named rule (nothing: gone), and `added` new ones; screens are told. */
  apply(mock, operator, edits, added = [], other_files = []) {
    const changes = [];
    for (const [id, edit] of Object.entries(edits)) {
      const before = this.of(id);
      const text = edit(before.text.text);
      const after = text === null ? null : rule({ file: before.text.file, text });
      changes.push({ rule: id, shadow: false, change: after ? 'changed' : 'gone', old: before.text, new: after?.text ?? null });
      this.rules = this.rules.flatMap((one) => (one !== before ? [one] : after ? [after] : []));
    }
    for (const one of added.map(rule)) {
      this.rules = [...this.rules, one];
      changes.push({ rule: one.id, shadow: one.shadow, change: 'new', old: null, new: one.text });
    }
    changes.sort((a, b) => (a.rule < b.rule ? -1 : 1));
    this.diff = { offset: 709_412, at: mock.iso(), operator, changes, other_files };
    for (const client of mock.clients) client.write(`event: site\ndata: ${JSON.stringify({ now: mock.iso() })}\n\n`);
  }
}

/** What the pictures and the tests change. */
export const higher = {
  'river-bd3': (text) => text.replace(/^version = \d+$/m, (line) => `version = ${Number(line.slice(10)) + 1}`)
    .replace('condition = "level >= limit.bd3"', 'condition = "level >= limit.bd3 + 0.1"')
    .replace(/^dead_band = 0\.2$/m, 'dead_band = 0.25\nhold = "10m"')
    .replace(/^response = .*\n/m, ''),
};
