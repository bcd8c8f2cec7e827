// The page in a real browser. Runs against the scripted mock, or with IOC_URL against a node that has, or
// soon gets, alerts (`ioc demo`). Every test also fails on a console error or a violation of the policy.
import AxeBuilder from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser } from './lib/page.mjs';
import { api, newRow, onPage, rowOf, until } from './lib/target.mjs';

let chromium;
before(async () => (chromium = await browser()));
after(() => chromium?.close());
const limit = { timeout: 120_000 };

const CUT = [/Failed to load resource/, /ERR_/, /net::/];

test('served under the strict policy', limit, () =>
  onPage(chromium, { map: true }, async ({ page, base }) => {
    await page.locator('.symbol-button').first().waitFor(); // with everything that the map loads
    const policy = (await fetch(`${base}/`)).headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
  }));

test('Vietnamese first, English by a switch that the address and the computer remember', limit, () =>
  onPage(chromium, {}, async ({ page }) => {
    const search = page.locator('#search');
    assert.equal(await page.locator('html').getAttribute('lang'), 'vi');
    assert.match(await search.getAttribute('placeholder'), /không cần dấu/);
    await page.getByRole('button', { name: 'en', exact: true }).click();
    assert.equal(await page.locator('html').getAttribute('lang'), 'en');
    assert.match(await search.getAttribute('placeholder'), /marks optional/);
    assert.match(page.url(), /lang=en/);
    await page.goto(page.url().split('?')[0]);
    assert.equal(await page.locator('html').getAttribute('lang'), 'en');
    await page.getByRole('button', { name: 'vi', exact: true }).click();
    assert.equal(await page.locator('html').getAttribute('lang'), 'vi');
  }));

test('the header counts all active alerts, whatever is filtered; the tab says the same', limit, () =>
  onPage(chromium, {}, async ({ page, base }) => {
    await newRow(page);
    const shown = async () => {
      const counts = {};
      for (const item of await page.locator('[data-test=counts] [data-severity]').all()) {
        counts[await item.getAttribute('data-severity')] = Number(await item.locator('.number').textContent());
      }
      return counts;
    };
    const truth = async () => {
      const counts = { critical: 0, major: 0, minor: 0, warning: 0, info: 0 };
      for (const alert of (await api(base, '/alerts?state=active')).alerts) {
        // Drills and what is kept back have counts of their own.
        if (alert.status === 'actual' && alert.handling.suppressed.length === 0) counts[alert.severity] += 1;
      }
      return counts;
    };
    const same = async () => JSON.stringify(await shown()) === JSON.stringify(await truth());
    await until('counts equal the interface', same);
    await page.locator('.chip[data-filter=tourism]').click();
    await until('still the whole truth under a filter', same);
    const { critical } = await shown();
    if (critical > 0) assert.match(await page.title(), new RegExp(`${critical}◆`));
  }));

test('acknowledge: pending, then the verdict; the alert changes only by the feed', limit, () =>
  onPage(chromium, {}, async ({ page, base }) => {
    const row = await newRow(page);
    const id = await row.getAttribute('data-id');
    await row.click();
    const detail = page.locator('[data-test=detail]');
    await detail.waitFor();
    assert.match(page.url(), /alert=/);
    const button = detail.locator('[data-test=acknowledge]');
    // Without a name nothing is sent.
    await button.click();
    assert.equal(await detail.locator('[data-test=operator]').getAttribute('aria-invalid'), 'true');
    await detail.locator('[data-test=operator]').fill('Bàn trực 7');
    await button.click();
    await page.locator(`[data-test=detail][data-state=acknowledged]`).waitFor({ timeout: 10_000 });
    await detail.locator('[data-test=acknowledged-by]', { hasText: 'Bàn trực 7 (chưa xác minh)' }).waitFor();
    const { alert } = await api(base, `/alerts/${encodeURIComponent(id)}`);
    assert.equal(alert.acknowledged.operator, 'Bàn trực 7');
    assert.equal(alert.acknowledged.verified, false);
    // A link to it shows it, and the name is remembered.
    await page.reload();
    await detail.waitFor();
    assert.equal(await detail.getAttribute('data-id'), id);
    assert.equal(await detail.locator('[data-test=operator]').inputValue(), 'Bàn trực 7');
  }));

for (const how of ['freeze', 'cut']) {
  test(`feed lost (${how}) and resumed`, limit, () =>
    onPage(chromium, { wired: true, expected: CUT }, async ({ page, line }) => {
      await (await newRow(page)).click();
      await page.locator('[data-test=detail]').waitFor();
      line[how]();
      const began = Date.now();
      const bar = page.locator('[data-test=lost]');
      await bar.waitFor({ timeout: 12_000 });
      assert.ok(Date.now() - began < 9_000, 'the page says so within seconds');
      assert.match(await bar.textContent(), /MẤT KẾT NỐI - số liệu dừng lúc \d\d:\d\d:\d\d/);
      const filter = () => page.locator('.alive').evaluate((node) => getComputedStyle(node).filter);
      assert.equal(await filter(), 'grayscale(1)');
      assert.equal(await page.locator('[data-test=acknowledge]').isEnabled(), false);
      assert.match(await page.title(), /^✕/);
      line.mend();
      await bar.waitFor({ state: 'detached', timeout: 20_000 });
      assert.equal(await filter(), 'none');
      await page.locator('[data-test=feed].live').waitFor();
    }));
}

test('phone: list, detail as a page with the action at the thumb, tabs; never sideways', limit, () =>
  onPage(chromium, { phone: true, map: true }, async ({ page }) => {
    const fits = async (where) => {
      const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(inner <= outer && outer === 390, `${where}: ${inner} > ${outer}`);
      const wide = await page.evaluate(() =>
        [...document.querySelectorAll('header *, main > * > *')]
          .filter((node) => node.getBoundingClientRect().right > innerWidth + 1 && !node.closest('.chips, .map, .visually-hidden'))
          .map((node) => node.className),
      );
      assert.deepEqual(wide, [], where);
    };
    const row = await newRow(page);
    await fits('list');
    await row.tap();
    const button = page.locator('[data-test=acknowledge]');
    await button.waitFor();
    await fits('detail');
    const box = await button.boundingBox();
    assert.ok(box.y > 844 * 0.75 && box.height >= 44, `acknowledge at the thumb: ${JSON.stringify(box)}`);
    await page.goBack();
    await page.locator('[role=listbox]').waitFor();
    for (const tab of ['map', 'trends']) {
      await page.locator(`[data-test=tab-${tab}]`).tap();
      await page.locator(`[data-test=${tab}]`).waitFor();
      await fits(tab);
    }
  }));

test('keyboard alone: move, open, search, map, theme, help, back', limit, () =>
  onPage(chromium, { map: true }, async ({ page }) => {
    await newRow(page);
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-id'));
    const ids = () => page.locator('[role=option]').evaluateAll((rows) => rows.map((row) => row.dataset.id));
    await page.keyboard.press('j');
    const [first, second] = await ids();
    assert.equal(await focused(), first);
    if (second) {
      await page.keyboard.press('j');
      assert.equal(await focused(), second);
      await page.keyboard.press('k');
      assert.equal(await focused(), first);
    }
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('[data-test=detail]').getAttribute('data-id'), first);
    await page.keyboard.press('c');
    await page.locator('[data-test=words]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('[data-test=words]').waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await page.locator('[data-test=detail]').waitFor({ state: 'detached' });
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'search');
    await page.keyboard.type('jjj');
    assert.equal(await page.locator('#search').inputValue(), 'jjj');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#search').inputValue(), '');
    await page.keyboard.press('Escape');
    const theme = () => page.locator('html').getAttribute('data-theme');
    assert.equal(await theme(), 'night');
    await page.keyboard.press('t');
    assert.equal(await theme(), 'day');
    await page.keyboard.press('?');
    await page.locator('[data-test=help]').waitFor();
    await page.locator('[data-test=rejects] :is(details, p:not(:empty))').first().waitFor();
    await page.keyboard.press('Escape');
    await page.locator('[data-test=help]').waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('m');
    assert.equal(await page.evaluate(() => document.activeElement?.closest('[data-test=map]') !== null), true);
  }));

test('search without diacritics and filters, in the address', limit, () =>
  onPage(chromium, {}, async ({ page }) => {
    const row = await newRow(page);
    const text = await row.locator('.message').textContent();
    const bare = text.normalize('NFD').replace(/\p{M}/gu, '').replace(/đ/gi, 'd').toLowerCase();
    const words = bare.match(/[a-z]{3,}/g).slice(0, 4).join(' ');
    const id = await row.getAttribute('data-id');
    await page.locator('#search').fill(words);
    await rowOf(page, id).waitFor();
    assert.match(page.url(), /q=/);
    await page.locator('#search').fill('khongcogihet');
    await page.locator('[data-test=empty]').waitFor();
    await page.reload();
    await page.locator('[data-test=empty]').waitFor();
  }));

for (const theme of ['night', 'day']) {
  test(`no accessibility fault that a machine can find (${theme})`, limit, () =>
    onPage(chromium, { theme, map: true }, async ({ page }) => {
      await (await newRow(page)).click();
      await page.locator('[data-test=detail]').waitFor();
      await page.locator('[data-test=history] li').first().waitFor();
      const { violations } = await new AxeBuilder({ page }).disableRules(['region']).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map(({ target, any }) => `${target} ${any[0]?.message ?? ''}`).join(' | ')}`);
      assert.deepEqual(found, []);
    }));
}
