// The life cycle on the page: actions with their forms, incidents, a flood, drills, suppressions, public warnings, alert
// health, explanations. Against the mock; skipped when a node is given.
import AxeBuilder from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser } from './lib/page.mjs';
import { NODE, onPage, rowOf, until } from './lib/target.mjs';
import { incident } from './mock/life.mjs';
import { riverAlert } from './mock/scene.mjs';

let chromium;
before(async () => (chromium = await browser()));
after(() => chromium?.close());
const limit = { timeout: 60_000, skip: NODE ? 'needs the mock' : false };
const operator = { storage: { 'ioc.operator': 'Bàn trực 1' } };
const detail = (page) => page.locator('[data-test=detail]');
const asideCount = async (page, set) => Number(await page.locator(`[data-test=aside] [data-set=${set}]`).getAttribute('data-count'));

async function headerSum(page) {
  const numbers = await page.locator('[data-test=counts] .number').allTextContents();
  return numbers.map(Number).reduce((a, b) => a + b, 0);
}

const faultless = async (page, where) => {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], where);
};

test('assign, escalate, mark false, close with a cause, reopen: each by its form, each shown', limit, () =>
  onPage(chromium, { scene: 'quiet', ...operator }, async ({ page, mock }) => {
    const one = mock.raise(riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 1));
    await rowOf(page, one.id).click();
    const form = async (action, words, more = async () => {}) => {
      await detail(page).locator(`[data-test=${action}]`).click();
      if (words) await detail(page).locator('[data-test=words]').fill(words);
      await more();
      await detail(page).locator('[data-test=confirm]').click();
      await detail(page).locator('[data-test=words]').waitFor({ state: 'detached' });
    };
    await form('assign', 'Đội xung kích Bảo Hà');
    await detail(page).locator('[data-test=assigned]', { hasText: 'Đội xung kích Bảo Hà' }).waitFor();
    await detail(page).locator('[data-test=escalate]').click();
    await detail(page).locator('[data-test=confirm]').click();
    await detail(page).getByText('Phải có lý do').waitFor(); // no reason, nothing sent
    await page.keyboard.press('Escape');
    await form('escalate', 'quá hạn', () => detail(page).locator('[data-test=level]').selectOption('province'));
    await detail(page).locator('[data-test=escalated]', { hasText: 'cấp tỉnh' }).waitFor();
    await form('mark-false', 'thử cảm biến');
    await detail(page).locator('[data-test=false-alert]', { hasText: 'thử cảm biến' }).waitFor();
    await detail(page).locator('[data-test=close]').click();
    const causes = await detail(page).locator('[data-test=cause] option').evaluateAll((all) => all.map((one) => one.value));
    assert.deepEqual(causes, ['false_alert', 'sensor_fault', 'maintenance'], 'the condition holds: only these may end it');
    await detail(page).locator('[data-test=cause]').selectOption('sensor_fault');
    await detail(page).locator('[data-test=confirm]').click();
    await detail(page).locator('[data-test=closed]', { hasText: 'lỗi cảm biến' }).waitFor();
    await form('reopen', 'nhầm');
    await page.locator('[data-test=detail][data-state=unacknowledged]').waitFor();
  }));

test('an incident is one line that opens to its alerts; the critical one stays in sight', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page, mock }) => {
    const of = (id, level, severity, minutes) => riverAlert(mock.now(), id, level, severity, minutes, { incident: 'i1' });
    const [critical, ...rest] = [of('wl-bao-ha', 3, 'critical', 4), of('wl-lao-cai', 2, 'minor', 3), of('wl-yen-bai', 1, 'warning', 2)];
    mock.registers.lists.incidents = [incident(mock, 'i1', { total: 5, active: 3, areas: [critical.area, rest[0].area] })];
    mock.change([critical, ...rest], [], { incidents: mock.registers.lists.incidents });
    const line = page.locator('[data-group=incident]');
    await line.waitFor();
    assert.match(await line.textContent(), /Lũ trên sông Thao.*3 đang hoạt động \/ 5/s);
    await rowOf(page, critical.id).waitFor();
    assert.equal(await rowOf(page, rest[0].id).count(), 0);
    await line.click();
    for (const one of rest) await rowOf(page, one.id).waitFor();
    await page.keyboard.press('j');
    await line.focus();
    await page.locator('[data-test=grouped]').click();
    await line.waitFor({ state: 'detached' });
    assert.equal(await page.locator('[role=option]').count(), 3);
    await faultless(page, 'flat list');
    await page.locator('[data-test=grouped]').click();
    await faultless(page, 'grouped list');
  }));

test('a flood: grouped by place, critical one by one, one sound for each new worst, counts reconcile', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page, mock }) => {
    const sounds = async () => Number(await page.locator('[data-test=urgent]').getAttribute('data-sounds'));
    const ring = (n, severity) => {
      const one = riverAlert(mock.now(), 'wl-bao-ha', 3, severity, 0);
      return { ...one, id: `${one.id}-${n}`, area: '02647', area_name: 'Lào Cai' };
    };
    mock.change(Array.from({ length: 9 }, (_, n) => ring(n, 'minor')));
    await until('nine rows', async () => (await page.locator('[role=option]').count()) === 9);
    assert.equal(await page.locator('[data-test=flood]').count(), 0);
    mock.change([ring(9, 'minor'), ring(10, 'minor'), ring(11, 'critical')]);
    await page.locator('[data-test=flood]').waitFor();
    await page.locator('[data-group=area][data-count="11"]').waitFor();
    await until('one line and the critical one', async () => (await page.locator('[role=option]').count()) === 2);
    const before = await sounds();
    for (let n = 12; n < 20; n += 1) mock.change([ring(n, n % 2 ? 'major' : 'critical')]);
    await until('all counted', async () => (await headerSum(page)) === 20);
    assert.equal(await sounds(), before, 'nothing worse than before: no further sound');
    const shown = Number(await page.locator('[data-group=area]').getAttribute('data-count')) + (await page.locator('[role=option]:not([data-group])').count());
    assert.equal(shown, 20, 'the lines hold what the header counts');
  }));

test('a drill: own list, hatched, bar that stays, not counted, not heard', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page, mock }) => {
    const urgent = page.locator('[data-test=urgent]');
    for (const status of ['exercise', 'test']) mock.raise(riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 1, { status }));
    const bar = page.locator('[data-test=drill]');
    await bar.waitFor();
    assert.equal(await bar.locator('button').count(), 0);
    await until('two drills', async () => (await asideCount(page, 'drill')) === 2);
    assert.equal(await headerSum(page), 0);
    assert.equal(await page.title(), 'IOC Lào Cai');
    assert.equal(await page.locator('[role=option]').count(), 0);
    assert.equal(await urgent.textContent(), '');
    assert.equal(await urgent.getAttribute('data-sounds'), '0');
    await page.locator('[data-test=drill-view]').click();
    await until('both in their list', async () => (await page.locator('[role=option]').count()) === 2);
    assert.match(await page.locator('[role=option] .symbol path').first().getAttribute('fill'), /hatch-critical/);
    // Beside a live one nothing crosses.
    mock.raise(riverAlert(mock.now(), 'wl-lao-cai', 2, 'minor', 1));
    await until('the live one is counted alone', async () => (await headerSum(page)) === 1);
    assert.equal(await asideCount(page, 'drill'), 2);
  }));

test('suppress and end: kept back alerts have a list and a count, and come back', limit, () =>
  onPage(chromium, { scene: 'quiet', ...operator }, async ({ page, mock }) => {
    const one = mock.raise(riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 1));
    await rowOf(page, one.id).waitFor();
    await page.locator('[data-test=menu] summary').click();
    await page.locator('[data-test=suppressions-open]').click();
    await page.locator('[data-test=suppress-new]').click();
    await page.locator('[data-test=suppress-reason]').fill('thay cảm biến');
    await page.locator('[data-test=suppress-confirm]').click();
    await page.getByText('Chọn ít nhất một thiết bị').waitFor();
    await page.locator('[data-test=suppress-entities]').fill('wl-bao-ha');
    await page.locator('[data-test=suppress-entities]').press('Enter');
    await page.locator('[data-test=suppress-confirm]').click();
    await page.locator('[data-test=suppression]', { hasText: 'thay cảm biến' }).waitFor();
    await until('counted apart', async () => (await asideCount(page, 'suppressed')) === 1);
    assert.equal(await headerSum(page), 0);
    await faultless(page, 'suppressions');
    await page.locator('[data-test=suppression-end]').click();
    await until('back in the list', async () => (await headerSum(page)) === 1);
    assert.equal(await asideCount(page, 'suppressed'), 0);
    await page.keyboard.press('Escape');
    await rowOf(page, one.id).waitFor();
  }));

test('a public warning: prefilled from the alert, released by somebody else, updated', limit, () =>
  onPage(chromium, { scene: 'quiet', ...operator }, async ({ page, mock }) => {
    const one = mock.raise(riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 1));
    await rowOf(page, one.id).click();
    await detail(page).locator('[data-test=propose]').click();
    const headline = page.locator('[data-test=headline-vi]');
    assert.equal(await headline.inputValue(), one.message.vi);
    assert.equal(await page.locator('[data-test=headline-en]').inputValue(), one.message.en);
    await faultless(page, 'warning form');
    await page.locator('[data-test=warning-confirm]').click();
    const card = page.locator('[data-test=warning]');
    await page.locator('[data-test=warning][data-state=proposed]').waitFor();
    assert.equal(await card.locator('[data-test=release]').isDisabled(), true, 'who proposes does not release');
    await card.locator('[data-test=same-person]').waitFor();
    await page.locator('[data-test=warnings-operator]').fill('Trưởng ca Hà');
    await card.locator('[data-test=release]').click();
    await page.locator('[data-test=warning][data-state=released]').waitFor();
    await card.locator('[data-test=update]').click();
    await headline.fill('Lũ đang xuống');
    await page.locator('[data-test=warning-confirm]').click();
    const proposed = page.locator('[data-test=warning][data-state=proposed]');
    await proposed.waitFor();
    await proposed.locator('[data-test=reject]').click();
    await proposed.locator('[data-test=reject-reason]').fill('chưa chắc');
    await proposed.locator('[data-test=reject-confirm]').click();
    await proposed.waitFor({ state: 'detached' });
  }));

test('alert health: figures with targets and marks, the export', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page }) => {
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    const row = page.locator('[data-key=alerts_per_10_minutes]');
    await row.waitFor();
    assert.match(await row.textContent(), /1,42.*tối đa 1: EEMUA 191.*không đạt.*độ tin cậy H.*đạt.*cần đối chiếu/s);
    assert.match(await page.locator('[data-key=acknowledge_median]').textContent(), /1\u00a0phút/);
    assert.match(await page.locator('[data-test=health-csv]').getAttribute('href'), /^\/api\/v1\/health\?from=-24h&format=csv$/);
    await faultless(page, 'health');
    await page.keyboard.press('Escape');
    await row.waitFor({ state: 'detached' });
  }));

test('explain: rule, values with all their times, window, sources, what was considered, the raw record', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page, mock }) => {
    const one = mock.raise(riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 1));
    await rowOf(page, one.id).click();
    await page.keyboard.press('x');
    const panel = page.locator('[data-test=explain-panel]');
    await panel.locator('[data-test=explain-transition]').waitFor();
    const text = await panel.textContent();
    for (const part of [/condition = "level >= limit.bd3"/, /−1,250/, /Cửa sổ: Mực nước/, /cổng kết nối gw-thao/, /không áp dụng/, /\{"level":61.09\}/]) assert.match(text, part);
    await faultless(page, 'explain');
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    await detail(page).waitFor();
  }));

test('phone: every panel fits, the menu is at hand', limit, () =>
  onPage(chromium, { phone: true, ...operator }, async ({ page }) => {
    for (const panel of ['suppressions', 'warnings', 'health']) {
      await page.locator('[data-test=menu] summary').tap();
      await page.locator(`[data-test=${panel}-open]`).tap();
      const dialog = page.locator(`dialog[data-test=${panel}]`);
      await dialog.waitFor();
      if (panel === 'suppressions') await page.locator('[data-test=suppress-new]').tap();
      if (panel === 'health') await page.locator('[data-test=figures]').waitFor();
      const wide = await dialog.evaluate((node) => [node.scrollWidth, node.clientWidth, document.documentElement.scrollWidth]);
      assert.ok(wide[0] <= wide[1] && wide[2] <= 390, `${panel}: ${wide}`);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
    }
  }));
