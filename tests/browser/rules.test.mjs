// The rules on the page: those in force, the last change old beside new, the line that tells of a change, the way from an
// alert to its rule. Against the mock, which has the rules of the real pack; the last test is about a real node.
import AxeBuilder from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { node as startNode } from './lib/node.mjs';
import { browser, open } from './lib/page.mjs';
import { NODE, onPage, rowOf, until } from './lib/target.mjs';
import { higher } from './mock/rules.mjs';
import { riverAlert } from './mock/scene.mjs';

let chromium;
before(async () => (chromium = await browser()));
after(() => chromium?.close());
const limit = { timeout: 60_000, skip: NODE ? 'needs the mock' : false };
/** A node of which no rule was changed says so with 404, and one that is busy with 503; the browser writes both down. */
const quiet = { scene: 'quiet', expected: [/status of (404|503)/] };
const panel = (page) => page.locator('dialog[data-test=rules]');
const rule = (page, id) => panel(page).locator(`[data-test=rule][data-rule="${id}"]`);
const count = async (page) => Number((await panel(page).locator('[data-test=rules-count]').textContent()).trim().split(/\D/)[0]);

const faultless = async (page, where) => {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], where);
};

test('in force: by keyboard, filtered by text, severity and stream; thresholds with source and mark', limit, () =>
  onPage(chromium, quiet, async ({ page, mock }) => {
    const lost = mock.rules.of('air-pm25-bad').text.text.match(/limit\.(\w+)/)[1];
    mock.rules.limits = mock.rules.limits.filter(({ name }) => name !== lost);
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await panel(page).locator('[data-test=rules-unchanged]').waitFor();
    const all = mock.rules.rules.length;
    assert.equal(await count(page), all);
    assert.equal(await panel(page).locator('[data-test=rule]').count(), all);
    const search = panel(page).locator('[data-test=rules-search]');
    await search.fill('bao dong 3');
    await rule(page, 'river-bd3').waitFor();
    assert.equal(await rule(page, 'air-pm25-poor').count(), 0);
    await search.fill('');
    await panel(page).locator('[data-test=rules-stream]').selectOption('energy');
    assert.equal(await count(page), mock.rules.rules.filter(({ stream }) => stream === 'energy').length);
    await panel(page).locator('[data-test=rules-severity]').selectOption('critical');
    assert.equal(await count(page), mock.rules.rules.filter(({ stream, severity }) => stream === 'energy' && severity === 'critical').length);
    await search.fill('không có quy tắc này');
    assert.equal(await count(page), 0);
    await search.fill('');
    for (const name of ['stream', 'severity']) await panel(page).locator(`[data-test=rules-${name}]`).selectOption('');

    const bd3 = rule(page, 'river-bd3');
    assert.match(await bd3.locator('summary').textContent(), /Mực nước trên báo động 3.*Water level above flood alarm level 3.*Nghiêm trọng.*river-bd3.*phiên bản 2.*\? ngưỡng chưa xác minh/s);
    await bd3.locator('summary').focus();
    await page.keyboard.press('Enter');
    const limits = bd3.locator('[data-test=rule-limits]');
    assert.match(await limits.textContent(), /BĐ3 83,50\sm\s+· Trạm thủy văn Lào Cai.*86\.91 m = BĐ3.*✓ đã xác minh.*BĐ3 75,00\sm\s+· Trạm thủy văn Bảo Yên.*05\/2020\/QĐ-TTg.*\? chưa xác minh/s);
    assert.equal(await limits.locator('p').count(), mock.rules.limits.filter(({ name, measure }) => name === 'bd3' && measure === 'level').length);
    assert.match(await bd3.locator('[data-test=rule-text]').textContent(), /^\[\[rule\]\]\nid = "river-bd3"/);
    // What the node does not say is not made up.
    const unknown = rule(page, 'air-pm25-bad');
    assert.equal(await unknown.locator('[data-test=rule-verified]').count(), 0);
    await unknown.locator('summary').click();
    assert.match(await unknown.locator('[data-test=rule-limits]').textContent(), /: không có trong danh sách ngưỡng/);
    const shadow = mock.rules.rules.find((one) => one.shadow);
    await rule(page, shadow.id).locator('[data-test=rule-shadow]').waitFor();
    await faultless(page, 'rules in force');
    await page.keyboard.press('Escape');
    await panel(page).waitFor({ state: 'detached' });
  }));

test('a change is told by a line; old and new stand side by side with what differs marked', limit, () =>
  onPage(chromium, quiet, async ({ page, mock }) => {
    const line = page.locator('[data-test=pack-changed]');
    assert.equal((await line.textContent()).trim(), '');
    const added = [{ file: 'rules/river.toml', text: '[[rule]]\nid = "river-new"\nversion = 1\nseverity = "info"' }];
    mock.rules.apply(mock, 'Lan', { ...higher, 'river-bd1': () => null }, added, ['thresholds.toml']);
    assert.match(await line.locator('.what').textContent(), /đã đổi lúc 14:05/);
    await line.locator('[data-test=pack-see]').click();
    assert.match(await panel(page).locator('[data-test=rules-who]').textContent(), /Người áp dụng: Lan \(chưa xác minh\).*14:05:\d\d 23\/11\/2026.*bản ghi 709\.412/s);
    const changes = panel(page).locator('[data-test=rule-change]');
    assert.deepEqual(await changes.evaluateAll((all) => all.map((one) => `${one.dataset.rule} ${one.dataset.change}`)), ['river-bd1 gone', 'river-bd3 changed', 'river-new new']);
    assert.match(await panel(page).locator('[data-test=rules-files]').textContent(), /thresholds\.toml/);

    const changed = changes.nth(1);
    assert.match(await changed.locator('summary').textContent(), /phiên bản 2 → 3.*4 dòng bỏ, 4 dòng thêm/s);
    const rows = changed.locator('[data-kind=changed]');
    const texts = (side) => rows.evaluateAll((all, which) => all.map((row) => row.querySelector(`[data-line=${which}] code`).textContent), side);
    const marks = (side) => rows.evaluateAll((all, which) => all.map((row) => [...row.querySelectorAll(`[data-line=${which}] mark`)].map((one) => one.textContent).join('|')), side);
    assert.deepEqual(await texts('old'), ['version = 2', 'condition = "level >= limit.bd3"', 'dead_band = 0.2']);
    assert.deepEqual(await texts('new'), ['version = 3', 'condition = "level >= limit.bd3 + 0.1"', 'dead_band = 0.25']);
    assert.deepEqual([await marks('old'), await marks('new')], [['2', '', '0.2'], ['3', ' + 0.1', '0.25']]);
    assert.equal(await changed.locator('[data-kind=new] code').textContent(), 'hold = "10m"');
    assert.match(await changed.locator('[data-kind=gone] code').textContent(), /^response/);
    // Beside each other, on one height.
    const [old, now] = await Promise.all(['old', 'new'].map((side) => rows.nth(1).locator(`[data-line=${side}]`).boundingBox()));
    assert.ok(Math.abs(old.y - now.y) < 1 && now.x >= old.x + old.width - 1, JSON.stringify([old, now]));
    await faultless(page, 'last change');
    await page.keyboard.press('Escape');
    await panel(page).waitFor({ state: 'detached' });
    assert.equal((await line.textContent()).trim(), '', 'it has been looked at');
  }));

test('what changes while the panel is open is there without asking, also past a busy node', limit, () =>
  onPage(chromium, { ...quiet, search: '?panel=rules&lang=en' }, async ({ page, mock }) => {
    await panel(page).locator('[data-test=rules-unchanged]').waitFor();
    assert.equal((await panel(page).locator('[data-test=rules-changed]').textContent()).trim(), '');
    mock.rulesBusy = 1;
    mock.rules.apply(mock, 'Lan', higher);
    await panel(page).locator('[data-test=rules-changed]', { hasText: /^\s*The rules in force changed at 14:05:\d\d/ }).waitFor();
    await panel(page).locator('[data-test=rule-change]').waitFor();
    await rule(page, 'river-bd3').getByText('version 3').waitFor();
    await panel(page).locator('[data-test=rules-failed]').waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
  }));

test('dismissed, a change is told again only by the next one', limit, () =>
  onPage(chromium, quiet, async ({ page, mock }) => {
    const line = page.locator('[data-test=pack-changed]');
    mock.rules.apply(mock, 'Lan', higher);
    await line.locator('[data-test=pack-seen]').click();
    await until('the line is gone', async () => (await line.textContent()).trim() === '');
    mock.change([]);
    assert.equal((await line.textContent()).trim(), '');
    mock.rules.apply(mock, 'Lan', { 'river-bd2': () => null });
    await line.locator('[data-test=pack-see]').waitFor();
  }));

test('from an alert to its rule, also out of the explanation; a rule that is not in force is said not to be', limit, () =>
  onPage(chromium, quiet, async ({ page, mock }) => {
    const other = mock.raise(riverAlert(mock.now(), 'wl-lao-cai', 2, 'minor', 1));
    const one = mock.raise(riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 1));
    await rowOf(page, other.id).waitFor();
    await rowOf(page, one.id).click();
    await page.locator('[data-test=detail] [data-test=rule-link]').click();
    const open = panel(page).locator('[data-test=rule][open]');
    await open.waitFor();
    assert.equal(await open.getAttribute('data-rule'), 'river-bd3');
    assert.match(page.url(), /panel=rules&rule=river-bd3/);
    await until('the focus is on it', () => open.locator('summary').evaluate((node) => document.activeElement === node));
    const box = await open.locator('summary').boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= 1080, `in sight: ${box.y}`);
    await page.keyboard.press('Escape');
    await panel(page).waitFor({ state: 'detached' });
    assert.doesNotMatch(page.url(), /rule=/);

    await page.keyboard.press('x');
    await page.locator('[data-test=explain-panel] [data-test=rule-link]').click();
    await open.waitFor();
    assert.equal(await page.locator('[data-test=explain-panel]').count(), 0);
    await page.keyboard.press('Escape');

    mock.rules.apply(mock, 'Lan', { 'river-bd2': () => null });
    await rowOf(page, other.id).click();
    await page.locator('[data-test=detail] [data-test=rule-link]').click();
    assert.match(await panel(page).locator('[data-test=rules-unknown]').textContent(), /không có quy tắc river-bd2/);
    assert.equal(await open.count(), 0);
  }));

for (const lang of ['vi', 'en']) {
  for (const theme of ['night', 'day']) {
    test(`phone (${lang}, ${theme}): nothing sideways, the new line under the old one`, limit, () =>
      onPage(chromium, { ...quiet, phone: true, theme, search: `?lang=${lang}` }, async ({ page, mock }) => {
        mock.rules.apply(mock, 'Lan', higher);
        await page.locator('[data-test=pack-see]').tap();
        await panel(page).locator('[data-test=rule-change]').waitFor();
        await rule(page, 'river-bd3').locator('summary').tap();
        await rule(page, 'river-bd3').locator('[data-test=rule-text]').waitFor();
        const wide = await panel(page).evaluate((node) => [node.scrollWidth, node.clientWidth, document.documentElement.scrollWidth]);
        assert.ok(wide[0] <= wide[1] && wide[2] <= 390, `${wide}`);
        const row = panel(page).locator('[data-kind=changed]').first();
        const [old, now] = await Promise.all(['old', 'new'].map((side) => row.locator(`[data-line=${side}]`).boundingBox()));
        assert.ok(now.y >= old.y + old.height - 1 && Math.abs(now.x - old.x) < 1, JSON.stringify([old, now]));
        // What stayed is said once.
        assert.equal(await panel(page).locator('[data-kind=same] [data-line=new]').first().isVisible(), false);
        await faultless(page, 'rules on a phone');
      }));
  }
}

test('a real node: a pack handed in by the command line is on the page, old beside new', { timeout: 120_000, skip: NODE ? 'has a node of its own' : false }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ioc-rules-'));
  const site = join(folder, 'site');
  cpSync(new URL('../../deploy/sites/lao-cai', import.meta.url), site, { recursive: true });
  const node = await startNode({ IOC__NODE__SITE: site });
  try {
    const { page, done, faults } = await open(chromium, node.url, { map: false, expected: quiet.expected });
    try {
      const path = join(site, 'rules/river.toml');
      const river = readFileSync(path, 'utf8');
      const from = river.indexOf('id = "river-bd3"');
      const version = Number(/^version = (\d+)$/m.exec(river.slice(from))[1]);
      writeFileSync(path, river.slice(0, from) + river.slice(from).replace(/^version = \d+$/m, `version = ${version + 1}`).replace('condition = "level >= limit.bd3"', 'condition = "level >= limit.bd3 + 0.1"'));
      const applied = spawnSync(node.path, ['rules', 'apply', '--operator', 'Lan', '--url', node.url, '--site', site], { encoding: 'utf8' });
      assert.equal(applied.status, 0, applied.stdout + applied.stderr);
      await page.locator('[data-test=pack-see]').click();
      const change = panel(page).locator('[data-test=rule-change]');
      await change.waitFor();
      assert.equal(await change.count(), 1);
      assert.match(await panel(page).locator('[data-test=rules-who]').textContent(), /Lan \(chưa xác minh\).*áp dụng lúc \d\d:\d\d:\d\d \d\d\/\d\d\/\d{4}/s);
      assert.deepEqual(await change.locator('[data-kind=changed] [data-line=new] mark').allTextContents(), [String(version + 1), ' + 0.1']);
      await rule(page, 'river-bd3').locator('summary').click();
      assert.match(await rule(page, 'river-bd3').locator('[data-test=rule-limits]').textContent(), /BĐ3 57,00\sm.*post389867.*✓ đã xác minh.*\? chưa xác minh/s);
      assert.deepEqual(faults, []);
    } finally {
      await done();
    }
  } finally {
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
