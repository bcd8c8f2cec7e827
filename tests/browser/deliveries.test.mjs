// Deliveries on the page: quiet while all is well, noticed without being louder than an alert when not. Against the mock,
// which can be told what to say; the last test is about a real node.
import AxeBuilder from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, open } from './lib/page.mjs';
import { node as startNode } from './lib/node.mjs';
import { NODE, onPage, rowOf, until } from './lib/target.mjs';
import { all, broker, kafkaDown, outlet, well } from './mock/deliveries.mjs';
import { riverAlert } from './mock/scene.mjs';

let chromium;
before(async () => (chromium = await browser()));
after(() => chromium?.close());
const limit = { timeout: 60_000, skip: NODE ? 'needs the mock' : false };

const strip = (page) => page.locator('[data-test=deliveries]');
const chip = (page, name) => page.locator(`[data-test=delivery-chip][data-name=${name}]`);
const colour = (locator) => locator.evaluate((node) => getComputedStyle(node).color);
const faults = async (page) => {
  const { violations } = await new AxeBuilder({ page }).disableRules(['region']).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map(({ target, any }) => `${target} ${any[0]?.message ?? ''}`).join(' | ')}`);
};

test('all well: one grey line, no notice', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page }) => {
    for (const name of ['kafka', 'influxdb', 'archive']) {
      assert.match(await chip(page, name).textContent(), /: bình thường\s*$/);
      assert.equal(await colour(chip(page, name)), 'rgb(155, 165, 175)');
    }
    assert.equal(await strip(page).getAttribute('data-notice'), 'none');
    assert.equal(await page.locator('[data-test=deliveries-notice]').textContent(), '');
  }));

test('nothing is configured: nothing is shown', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page, mock }) => {
    mock.deliver([]);
    await strip(page).waitFor({ state: 'detached' });
  }));

for (const [lang, words] of [
  ['vi', { chip: /Kafka: chưa gửi được\s*từ 14:05/, lag: /chậm 12\.345 bản ghi, 7.phút/, notice: 'Cảnh báo vẫn chạy; dữ liệu được giữ trong nhật ký và sẽ gửi sau.', error: 'không kết nối được', position: 'bản ghi 5.012', back: 'Kafka: bình thường' }],
  ['en', { chip: /Kafka: not delivering\s*since 14:05/, lag: /behind by 12,345 records, 7.min/, notice: 'Alerts go on; the data is kept in the journal and will be sent later.', error: 'no connection', position: 'record 5,012', back: 'Kafka: normal' }],
]) {
  test(`a sink that is down is noticed, explained and forgotten again (${lang})`, limit, () =>
    onPage(chromium, { scene: 'quiet', search: `?lang=${lang}` }, async ({ page, mock }) => {
      const down = kafkaDown(mock.now());
      down[0].since = '2026-11-23T07:05:00Z';
      const began = Date.now();
      mock.deliver(down);
      await page.locator('[data-test=deliveries][data-notice=outlet]').waitFor({ timeout: 3000 });
      assert.ok(Date.now() - began < 1000, `${Date.now() - began} ms`);
      assert.match(await chip(page, 'kafka').textContent(), words.chip);
      assert.match(await chip(page, 'kafka').textContent(), words.lag);
      const said = page.locator('[role=status][data-test=deliveries-notice]');
      assert.equal(await said.textContent(), words.notice);
      assert.equal(await colour(chip(page, 'influxdb')), 'rgb(155, 165, 175)', 'what is well stays grey');

      await page.locator('[data-test=deliveries-details]').click();
      const detail = page.locator('[data-test=delivery][data-name=kafka]');
      const text = await detail.textContent();
      for (const part of [words.error, words.position, '127.0.0.1:9092: Connect failed: Connection refused', '23']) {
        assert.ok(text.includes(part), `${part} in ${text}`);
      }
      await page.keyboard.press('Escape');
      await detail.waitFor({ state: 'detached' });

      // Alerts go on, on the page too.
      const one = mock.raise(riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 1, { value: 58.13 }));
      await rowOf(page, one.id).waitFor({ timeout: 2000 });

      mock.deliver(well(mock.now()));
      await chip(page, 'kafka').getByText(words.back).waitFor();
      assert.equal(await strip(page).getAttribute('data-notice'), 'none');
    }));
}

test('the notice has a colour that no severity has', limit, () =>
  onPage(chromium, {}, async ({ page, mock }) => {
    mock.deliver(all(mock.now()));
    await page.locator('[data-test=deliveries][data-notice=gap]').waitFor();
    const severities = await page.evaluate(() => {
      const style = getComputedStyle(document.documentElement);
      return ['critical', 'major', 'minor', 'warning', 'info'].map((name) => {
        const probe = document.body.appendChild(document.createElement('i'));
        probe.style.color = style.getPropertyValue(`--${name}`);
        const found = getComputedStyle(probe).color;
        probe.remove();
        return found;
      });
    });
    const notice = await colour(chip(page, 'kafka'));
    assert.ok(![...severities, 'rgb(155, 165, 175)'].includes(notice), notice);
  }));

test('gaps as exact ranges, and then no promise that nothing is lost', limit, () =>
  onPage(chromium, {}, async ({ page, mock }) => {
    mock.deliver([outlet(mock.now(), 'influxdb', { gaps: [[1200, 1460], [2000, 2001]] })]);
    await chip(page, 'influxdb').getByText('InfluxDB: thiếu một đoạn dữ liệu').waitFor();
    assert.doesNotMatch(await page.locator('[data-test=deliveries-notice]').textContent(), /sẽ gửi sau/);
    await page.locator('[data-test=deliveries-details]').click();
    const text = await page.locator('[data-test=delivery][data-name=influxdb]').textContent();
    assert.match(text, /bản ghi 1\.200 đến 1\.459 \(260 bản ghi\)/);
    assert.match(text, /bản ghi 2\.000/);
  }));

test('an outside broker: what is held up, reconnections, lost sessions', limit, () =>
  onPage(chromium, {}, async ({ page, mock }) => {
    mock.deliver([broker(mock.now())]);
    await chip(page, 'broker').getByText('Broker ngoài: bình thường').waitFor();
    mock.deliver([all(mock.now())[3]]);
    await chip(page, 'broker').getByText('Broker ngoài: mất kết nối').waitFor();
    assert.match(await page.locator('[data-test=deliveries-notice]').textContent(), /broker giữ tin đến khi kết nối lại/);
    await page.locator('[data-test=deliveries-details]').click();
    const rows = await page.locator('[data-test=delivery] dl').evaluate((list) => {
      const texts = [...list.children].map((part) => part.textContent.trim().replace(/\s+/g, ' '));
      return Object.fromEntries(texts.flatMap((text, index) => (index % 2 === 0 ? [[text, texts[index + 1]]] : [])));
    });
    assert.equal(rows['Kết nối'], '0 / 2');
    assert.equal(rows['Số lần kết nối lại'], '5');
    assert.equal(rows['Số phiên bị mất'], '1');
    assert.match(rows['Lỗi'], /không trả lời kịp/);
  }));

test('who opens the page later is told by the snapshot', limit, () =>
  onPage(chromium, {}, async ({ page, mock }) => {
    mock.sinks = kafkaDown(mock.now());
    await page.reload();
    await page.locator('[data-test=deliveries][data-notice=outlet]').waitFor();
  }));

test('phone: nothing while all is well, a notice above the tabs when not, never sideways', limit, () =>
  onPage(chromium, { phone: true }, async ({ page, mock }) => {
    await page.locator('[role=listbox]').waitFor();
    assert.equal(await strip(page).count(), 0);
    await page.locator('[data-test=tab-trends]').tap();
    await strip(page).getByText('bình thường').waitFor();
    await page.locator('[data-test=tab-list]').tap();
    mock.deliver(all(mock.now()));
    await strip(page).waitFor();
    await page.locator('[data-test=deliveries-details]').tap();
    await page.locator('[data-test=deliveries-panel]').waitFor();
    const wide = await page.evaluate(() =>
      [document.documentElement, ...document.querySelectorAll('[data-test=deliveries] *')]
        .filter((part) => !part.closest('.visually-hidden') && (part.scrollWidth > part.clientWidth + 1 || part.getBoundingClientRect().right > innerWidth + 1) && part.clientWidth > 1)
        .map((part) => `${part.tagName}.${part.getAttribute('class')}`),
    );
    assert.deepEqual(wide, []);
    const button = await page.locator('[data-test=deliveries-details]').boundingBox();
    assert.ok(button.height >= 40, `a target for a thumb: ${button.height}`);
    assert.deepEqual(await faults(page), []);
  }));

for (const theme of ['night', 'day']) {
  test(`no accessibility fault that a machine can find, with everything open (${theme})`, limit, () =>
    onPage(chromium, { theme }, async ({ page, mock }) => {
      mock.deliver(all(mock.now()));
      await page.locator('[data-test=deliveries][data-notice=gap]').waitFor();
      assert.deepEqual(await faults(page), []);
      await page.locator('[data-test=deliveries-details]').click();
      await page.locator('[data-test=deliveries-panel]').waitFor();
      assert.deepEqual(await faults(page), []);
    }));
}

test('a node whose Kafka cannot be reached says so on the page and goes on', { timeout: 120_000, skip: NODE ? 'has a node of its own' : false }, async () => {
  // A port that nobody listens on: the wire of a broker that is switched off.
  const node = await startNode({ IOC__KAFKA__BROKERS: '127.0.0.1:9' });
  try {
    const { page, done, faults: wrong } = await open(chromium, node.url, { map: false });
    try {
      await until('the page says that Kafka is not reached', async () => (await strip(page).getAttribute('data-notice')) === 'outlet', 60_000);
      assert.match(await chip(page, 'kafka').textContent(), /Kafka: chưa gửi được/);
      assert.equal(await page.locator('[data-test=deliveries-notice]').textContent(), 'Cảnh báo vẫn chạy; dữ liệu được giữ trong nhật ký và sẽ gửi sau.');
      assert.deepEqual(wrong, []);
    } finally {
      await done();
    }
  } finally {
    await node.stop();
  }
});
