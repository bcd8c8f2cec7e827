// What only a scripted scene can show: order while reading, refusals, the empty list, bars, speech.
// Skipped when a node is given: it cannot be told what to do.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser } from './lib/page.mjs';
import { NODE, onPage, rowOf, until } from './lib/target.mjs';
import { name, riverAlert } from './mock/scene.mjs';

let chromium;
before(async () => (chromium = await browser()));
after(() => chromium?.close());
const limit = { timeout: 60_000, skip: NODE ? 'needs the mock' : false };
const operator = { storage: { 'ioc.operator': 'Bàn trực 1' } };

const ids = (page) => page.locator('[role=option]').evaluateAll((rows) => rows.map((row) => row.dataset.id));
const choose = (page, rule, entity) => page.locator(`[role=option][data-id^="${rule}:${entity}:"]`).click();

test('quiet: says so, with the last check and the devices heard; nothing is coloured', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page }) => {
    const text = await page.locator('[data-test=empty]').textContent();
    assert.match(text, /Không có cảnh báo/);
    assert.match(text, /Kiểm tra lần cuối lúc \d\d:\d\d:\d\d \d\d\/\d\d\/\d{4}/);
    await page.getByText('Đang nhận tín hiệu từ 214 thiết bị').waitFor();
    assert.equal(await page.locator('[data-test=simulated]').count(), 0);
    assert.equal(await page.title(), 'IOC Lào Cai');
    const colours = await page.locator('.symbol').evaluateAll((all) => [...new Set(all.map((one) => getComputedStyle(one).color))]);
    assert.deepEqual(colours, ['rgb(155, 165, 175)']);
  }));

test('simulated is said plainly and cannot be closed', limit, () =>
  onPage(chromium, {}, async ({ page }) => {
    const bar = page.locator('[data-test=simulated]');
    assert.equal((await bar.textContent()).trim(), 'MÔ PHỎNG — không phải số liệu thật');
    assert.equal(await bar.locator('button').count(), 0);
  }));

test('a new alert is on the page within a second, spoken and counted', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page, mock }) => {
    const one = riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 1, { value: 58.13 });
    const began = Date.now();
    mock.raise(one);
    await rowOf(page, one.id).waitFor({ timeout: 2000 });
    assert.ok(Date.now() - began < 1000, `${Date.now() - began} ms`);
    assert.match(await page.locator('[data-test=urgent]').textContent(), /Cảnh báo khẩn cấp mới: Mực nước sông Thao tại Bảo Hà 58,13/);
    assert.match(await page.title(), /^1◆/);
    assert.match(await page.locator('#icon').getAttribute('href'), /^data:image\/svg/);
  }));

test('rows stand still under the pointer; new ones wait at a counted edge', limit, () =>
  onPage(chromium, {}, async ({ page, mock }) => {
    const before = await ids(page);
    await page.locator('[role=option]').nth(3).hover();
    await page.mouse.move(300, 420);
    const one = mock.raise(riverAlert(mock.now(), 'wl-bao-yen', 2, 'critical', 1));
    const gone = mock.alerts.get(before[1]);
    mock.change([{ ...gone, state: 'normal', revision: gone.revision + 1 }]);
    const place = () => rowOf(page, before[3]).boundingBox();
    const { y } = await place();
    const edge = page.locator('[data-test=waiting]');
    await edge.waitFor();
    assert.match(await edge.textContent(), /1 mới/);
    await page.locator(`[data-id="${before[1]}"][data-state=normal]`).waitFor();
    assert.deepEqual(await ids(page), before);
    assert.equal((await place()).y, y, 'not a pixel');
    await edge.click();
    await rowOf(page, one.id).waitFor();
    assert.equal((await ids(page)).includes(before[1]), false);
  }));

test('a refusal says why and changes nothing', limit, () =>
  onPage(chromium, { ...operator, expected: [/409/] }, async ({ page, mock }) => {
    await choose(page, 'river-bd3', 'wl-lao-cai');
    const id = await page.locator('[data-test=detail]').getAttribute('data-id');
    // Somebody else was faster, and our page has not heard of it yet.
    const taken = { ...mock.alerts.get(id), state: 'acknowledged', acknowledged: { ...name('Bàn trực 2', mock.now()), command_id: 'x' } };
    mock.alerts.set(id, taken);
    await page.keyboard.press('a');
    const outcome = page.locator('[data-test=outcome]');
    await page.getByText('Đang gửi…').first().waitFor();
    await outcome.getByText(/Không thực hiện: đã được Bàn trực 2 tiếp nhận lúc \d\d:\d\d/).waitFor();
    assert.equal(await page.locator('[data-test=detail]').getAttribute('data-state'), 'unacknowledged');
  }));

test('nothing is optimistic: while the verdict is out the alert stays as it is', limit, () =>
  onPage(chromium, operator, async ({ page, mock }) => {
    mock.delay = 1500;
    await choose(page, 'river-bd3', 'wl-yen-bai');
    await page.locator('[data-test=acknowledge]').click();
    await page.locator('[data-test=acknowledge][aria-busy=true]').waitFor();
    assert.equal(await page.locator('[data-test=detail]').getAttribute('data-state'), 'unacknowledged');
    await page.locator('[data-test=detail][data-state=acknowledged]').waitFor();
    await page.locator('[data-test=outcome]').getByText('Đã tiếp nhận').waitFor();
  }));

test('shelve needs a reason, has a view of its own and can be undone; comments', limit, () =>
  onPage(chromium, operator, async ({ page }) => {
    await choose(page, 'rain-band-2', 'rg-sa-pa');
    const id = await page.locator('[data-test=detail]').getAttribute('data-id');
    await page.keyboard.press('s');
    await page.locator('[data-test=confirm]').click();
    await page.getByText('Phải có lý do').waitFor();
    await page.locator('[data-test=words]').fill('Đã kiểm tra tại chỗ');
    await page.keyboard.press('Enter');
    await page.locator('[data-test=unshelve]').waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-test'));
    await until('the focus is back at the button', async () => (await focused()) === 'unshelve', 5000);
    await page.locator('[data-test=shelved-view]').click();
    await rowOf(page, id).waitFor();
    await page.locator('[data-test=unshelve]').click();
    await page.locator('[data-test=shelve]').waitFor();
    await page.locator('[data-test=comment]').click();
    await page.locator('[data-test=words]').fill('Gọi trạm <b>lúc</b> 20:10');
    await page.keyboard.press('Enter');
    await page.locator('[data-test=comments]').getByText('Gọi trạm <b>lúc</b> 20:10').waitFor();
    await page.locator('[data-test=history]').getByText('bỏ tạm ẩn').waitFor();
  }));

test('why it rang: condition, version, values with both times, limits with source and mark', limit, () =>
  onPage(chromium, {}, async ({ page }) => {
    await choose(page, 'river-bd3', 'wl-lao-cai');
    const text = await page.locator('[data-test=detail]').textContent();
    for (const part of ['level >= limit.bd3', 'river-bd3, phiên bản 2', 'đã xác minh', 'chưa xác minh', 'Nhận lúc', 'Chỉ hỗ trợ ra quyết định']) {
      assert.ok(text.includes(part), part);
    }
    await page.locator('[data-test=chart] canvas').waitFor();
    await page.getByText('Bảng số liệu').click();
    await page.locator('figure table tbody tr').nth(20).waitFor();
  }));

test('a longer span comes from the archive; what it refuses is said in words', limit, () =>
  onPage(chromium, { expected: [/422/] }, async ({ page, mock }) => {
    await choose(page, 'river-bd3', 'wl-lao-cai');
    const detail = page.locator('[data-test=detail]');
    await detail.getByText('Mực nước, 6 giờ qua').waitFor();
    const asked = page.waitForRequest(/\/api\/v1\/series\/wl-lao-cai\/level\?/);
    await detail.locator('[data-hours="72"]').click();
    const query = new URL((await asked).url()).searchParams;
    assert.deepEqual([query.get('from'), query.get('interval')], ['-72h', 'PT900S']);
    await detail.getByText('Mực nước, 72 giờ qua').waitFor();
    await detail.locator('[data-test=chart][aria-label*="72 giờ qua"] canvas').waitFor();
    mock.tooBig = true;
    await detail.locator('[data-hours="24"]').click();
    await detail.getByText('Chưa tải được: Hãy chọn khoảng thời gian ngắn hơn.').waitFor();
    await detail.locator('[data-hours="6"]').click();
    await detail.locator('[data-test=chart] canvas').waitFor();
  }));

test('without an archive no longer span is offered', limit, () =>
  onPage(chromium, {}, async ({ page, mock }) => {
    mock.archive = false;
    await page.reload();
    await choose(page, 'river-bd3', 'wl-lao-cai');
    await page.locator('[data-test=chart] canvas').waitFor();
    assert.equal(await page.locator('[data-test=spans]').count(), 0);
  }));

test('one selection everywhere: list, map, trend', limit, () =>
  onPage(chromium, { map: true }, async ({ page }) => {
    await page.locator('[data-test=trend][data-entity=wl-yen-bai]').click();
    const detail = page.locator('[data-test=detail]');
    const id = await detail.getAttribute('data-id');
    assert.match(id, /^river-bd3:wl-yen-bai/);
    assert.equal(await rowOf(page, id).getAttribute('aria-selected'), 'true');
    await page.locator('.symbol-button.chosen').waitFor();
    await page.locator('.symbol-button', { hasText: 'Sa Pa' }).click();
    await until('the detail follows the map', async () => /rg-sa-pa/.test(await detail.getAttribute('data-id')), 3000);
  }));

test('a hole in the numbers brings a new snapshot, never a gap', limit, () =>
  onPage(chromium, {}, async ({ page, mock }) => {
    const one = riverAlert(mock.now(), 'wl-bao-yen', 2, 'minor', 1);
    mock.alerts.set(one.id, one); // happened in a frame that never arrived
    mock.offset += 5;
    mock.change([]);
    await rowOf(page, one.id).waitFor({ timeout: 5000 });
  }));

test('without an answer nobody knows; a repeat carries the same id', limit, () =>
  onPage(chromium, { ...operator, expected: [/Failed to load|ERR_/] }, async ({ page }) => {
    const seen = [];
    await page.route('**/acknowledge', async (route) => {
      seen.push(route.request().postDataJSON().command_id);
      await (seen.length === 1 ? route.abort() : route.continue());
    });
    await choose(page, 'river-bd3', 'wl-lao-cai');
    await page.locator('[data-test=acknowledge]').click();
    await page.getByText('Chưa rõ kết quả').waitFor();
    await page.locator('[data-test=acknowledge]').click();
    await page.locator('[data-test=detail][data-state=acknowledged]').waitFor();
    assert.equal(seen[0], seen[1]);
  }));

test('no blinking for who asked for no motion', limit, () =>
  onPage(chromium, {}, async ({ page }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    const dim = () => page.locator('.row .blink').first().evaluate((node) => getComputedStyle(node).opacity);
    for (let turn = 0; turn < 12; turn += 1) {
      assert.equal(await dim(), '1');
      await page.waitForTimeout(100);
    }
  }));

test('a phone in a flood of hundreds: the header holds three digits, the list stays quick', limit, () =>
  onPage(chromium, { phone: true }, async ({ page, mock }) => {
    const severities = ['critical', 'major', 'minor', 'warning', 'info'];
    const many = Array.from({ length: 600 }, (_, index) =>
      riverAlert(mock.now(), 'wl-bao-yen', 1, severities[index % 5], index));
    mock.change(many);
    await until('the header counts them', async () => (await page.locator('[data-severity=info] .number').textContent()) === '121', 5000);
    const beyond = await page.locator('header *').evaluateAll((all) =>
      all.filter((node) => !node.closest('h1, .visually-hidden') && node.getBoundingClientRect().right > innerWidth + 1).map((node) => node.className));
    assert.deepEqual(beyond, []);
    const began = Date.now();
    mock.raise(riverAlert(mock.now(), 'wl-lao-cai', 3, 'critical', 0));
    await until('one more among hundreds', async () => (await page.locator('[data-severity=critical] .number').first().textContent()) === '126', 3000);
    assert.ok(Date.now() - began < 2000);
  }));
