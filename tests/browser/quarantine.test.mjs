// The quarantine on the page, over the real binary: a broken mapping, what was refused by reason and by device with a sample,
// the way back with its count first, and the proposal for a device that nobody knows.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { node as startNode } from './lib/node.mjs';
import { browser, open } from './lib/page.mjs';
import { publish } from './lib/publish.mjs';
import { api, until } from './lib/target.mjs';

const SITE = fileURLToPath(new URL('../../deploy/sites/lao-cai', import.meta.url));
const STEP_MS = 20_000;
const limit = { timeout: 90_000 };
const COUNT = 5;

let chromium;
let node;
let folder;
before(
  async () => {
    folder = mkdtempSync(join(tmpdir(), 'ioc-quarantine-'));
    const site = join(folder, 'site');
    cpSync(SITE, site, { recursive: true });
    const profile = join(site, 'profiles/disaster.toml');
    const whole = readFileSync(profile, 'utf8');
    writeFileSync(profile, whole.replace(/^fields\.level = .*$/m, ''));
    chromium = await browser();
    node = await startNode({ IOC__NODE__SITE: site });
    for (let seq = 0; seq < COUNT; seq += 1) {
      await publish(node.addresses.ingest[0], 'ioc/lao-cai/disaster/wl-bao-ha/up', { seq, level: 58.2 });
    }
    await publish(node.addresses.ingest[0], 'ioc/lao-cai/disaster/new-1/up', { rain_1h: 2.5, rain_24h: 10 });
    await until('it is in quarantine', async () => (await api(node.url, '/quarantine')).total === COUNT + 1, STEP_MS);
    // Mended, and the node started again.
    await node.kill('SIGTERM');
    writeFileSync(profile, whole);
    await node.start();
  },
  { timeout: 90_000 },
);
after(async () => {
  await chromium?.close();
  await node?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

async function onPage(options, body) {
  const opened = await open(chromium, `${node.url}/${options.search ?? ''}`, { map: false, ...options });
  opened.page.setDefaultTimeout(STEP_MS);
  try {
    await body(opened.page);
    assert.deepEqual(await opened.violations(), [], 'violations of the content security policy');
    assert.deepEqual(opened.faults, [], 'console errors');
  } finally {
    await opened.done();
  }
}

const group = (page, key) => page.locator(`[data-test=quarantine-group][data-key="${key}"]`);

test('by reason, with a sample; reprocessing says how many first and never rings', limit, () =>
  onPage({}, async (page) => {
    await page.locator('[data-test=feed].live').waitFor();
    await page.locator('[data-test=menu] summary').click();
    await page.locator('[data-test=quarantine-open]').click();
    await page.getByRole('dialog', { name: 'Cách ly' }).waitFor();
    assert.match(page.url(), /panel=quarantine/);
    const reason = group(page, 'no_values');
    await reason.locator('summary').click();
    assert.match(await reason.locator('[data-test=quarantine-sample]').textContent(), /"level":58.2/);
    assert.match(await reason.locator('summary').textContent(), /Không có giá trị nào dùng được.*5 bản tin, còn 5/s);
    if (process.env.IOC_SHOTS) await page.screenshot({ path: join(process.env.IOC_SHOTS, 'quarantine.png') });
    const axe = await new AxeBuilder({ page }).include('[data-test=quarantine]').analyze();
    assert.deepEqual(axe.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);

    await reason.locator('[data-test=quarantine-count]').click();
    await reason.getByText('Hãy ghi tên người trực').waitFor();
    await reason.locator('[data-test=quarantine-operator]').fill('Lan');
    await reason.locator('[data-test=quarantine-count]').click();
    const go = reason.locator('[data-test=quarantine-go]');
    assert.match(await go.textContent(), /Xử lý lại 5 bản tin/);
    assert.equal((await api(node.url, '/quarantine')).to_do, COUNT + 1, 'a count does nothing');
    await go.click();
    await reason.getByText('5 bản tin đã được ghi để xử lý lại').waitFor();
    await page.locator(`[data-test=quarantine-totals][data-done="${COUNT}"]`).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('[data-test=quarantine]').waitFor({ state: 'detached' });
    await page.locator('[data-test=empty]').waitFor();
    assert.deepEqual((await api(node.url, '/alerts')).alerts, [], 'nothing rang');
  }));

test('by device, and what may be added for one that is not in the catalogue', limit, () =>
  onPage({ search: '?quarantine=1&lang=en' }, async (page) => {
    const device = group(page, 'new-1');
    await device.locator('summary').click();
    assert.match(await device.locator('summary').textContent(), /not in the catalogue/);
    const adopt = device.locator('[data-test=quarantine-adopt]');
    assert.match(await adopt.textContent(), /rain-gauge: knows 2 of 2 keys/);
    await adopt.locator('[data-test=adopt-name]').fill('Trạm mưa mới');
    await adopt.locator('[data-test=adopt-operator]').fill('Lan');
    await adopt.locator('[data-test=adopt-go]').click();
    await adopt.getByText('Written to devices/adopted.toml; start the node again.').waitFor();
    const written = readFileSync(join(folder, 'site/devices/adopted.toml'), 'utf8');
    assert.match(written, /\[devices\."new-1"\]\nprofile = "rain-gauge"\nname = \{ vi = "Trạm mưa mới"/);
    if (process.env.IOC_SHOTS) await page.screenshot({ path: join(process.env.IOC_SHOTS, 'quarantine-adopt.png') });
  }));

test('on a phone it opens from the help and nothing sticks out', limit, () =>
  onPage({ phone: true, search: '?quarantine=1', theme: 'day' }, async (page) => {
    await group(page, 'no_values').waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wide, 0);
    if (process.env.IOC_SHOTS) await page.screenshot({ path: join(process.env.IOC_SHOTS, 'quarantine-phone.png') });
  }));
