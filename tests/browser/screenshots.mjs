// Pictures of the page for people to judge: both languages, desk and phone, night and day, quiet, flood,
// feed lost. Written to target/screenshots.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { browser, DIST, mockPage } from './lib/page.mjs';
import * as deliveries from './mock/deliveries.mjs';
import { tell } from './mock/notices.mjs';
import { higher } from './mock/rules.mjs';
import { riverAlert } from './mock/scene.mjs';

const out = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
mkdirSync(out, { recursive: true });
const only = process.argv.slice(2);

const SHOTS = [
  { name: 'desk-flood-vi-night', scene: 'flood', pick: 'wl-lao-cai' },
  { name: 'desk-flood-en-night', scene: 'flood', pick: 'wl-bao-ha', search: '?lang=en' },
  { name: 'desk-flood-vi-day', scene: 'flood', pick: 'wl-lao-cai', theme: 'day' },
  { name: 'desk-quiet-vi-night', scene: 'quiet' },
  { name: 'desk-quiet-en-day', scene: 'quiet', search: '?lang=en', theme: 'day' },
  { name: 'desk-unselected-vi-night', scene: 'flood' },
  { name: 'desk-lost-vi-night', scene: 'flood', pick: 'wl-lao-cai', lost: true },
  { name: 'desk-help-vi', scene: 'flood', key: '?' },
  { name: 'desk-shelve-vi', scene: 'flood', pick: 'wl-lao-cai', key: 's' },
  { name: 'desk-hover-vi', scene: 'flood', hover: true },
  { name: 'desk-station-vi', scene: 'quiet', search: '?entity=wl-lao-cai' },
  { name: 'desk-1366-vi', scene: 'flood', pick: 'wl-lao-cai', size: [1366, 768] },
  { name: 'phone-flood-vi-night', scene: 'flood', phone: true },
  { name: 'phone-flood-en-day', scene: 'flood', phone: true, search: '?lang=en', theme: 'day' },
  { name: 'phone-detail-vi', scene: 'flood', phone: true, pick: 'wl-lao-cai' },
  { name: 'phone-map-vi', scene: 'flood', phone: true, search: '?tab=map' },
  { name: 'phone-trends-vi', scene: 'flood', phone: true, search: '?tab=trends' },
  { name: 'phone-detail-en-day', scene: 'flood', phone: true, pick: 'wl-lao-cai', search: '?lang=en', theme: 'day' },
  { name: 'desk-kafka-down-vi-night', scene: 'flood', deliver: 'kafkaDown' },
  { name: 'desk-deliveries-en-day', scene: 'flood', search: '?lang=en', theme: 'day', deliver: 'all', details: true },
  { name: 'phone-kafka-down-vi', scene: 'flood', phone: true, deliver: 'kafkaDown' },
  { name: 'phone-deliveries-vi', scene: 'flood', phone: true, deliver: 'all', details: true },
  { name: 'phone-quiet-vi', scene: 'quiet', phone: true },
  { name: 'desk-rules-vi-night', scene: 'quiet', search: '?panel=rules', rules: higher },
  { name: 'desk-rules-en-day', scene: 'quiet', search: '?panel=rules&lang=en', theme: 'day', rules: higher },
  { name: 'desk-rule-vi-day', scene: 'quiet', search: '?panel=rules&rule=river-bd3', theme: 'day' },
  { name: 'desk-rule-en-night', scene: 'quiet', search: '?panel=rules&rule=river-bd3&lang=en' },
  { name: 'desk-pack-changed-vi', scene: 'quiet', rules: higher },
  { name: 'phone-rules-vi-night', scene: 'quiet', phone: true, search: '?panel=rules', rules: higher },
  { name: 'phone-rules-en-day', scene: 'quiet', phone: true, search: '?panel=rules&lang=en', theme: 'day', rules: higher },
  { name: 'phone-rule-vi', scene: 'quiet', phone: true, search: '?panel=rules&rule=river-bd3' },
  { name: 'phone-pack-changed-en', scene: 'quiet', phone: true, search: '?lang=en', rules: higher },
  { name: 'desk-notices-vi-night', scene: 'quiet', notices: true },
  { name: 'desk-notices-en-day', scene: 'quiet', notices: true, search: '?lang=en', theme: 'day' },
  { name: 'phone-notices-vi-night', scene: 'quiet', phone: true, notices: true },
  { name: 'phone-notices-en-day', scene: 'quiet', phone: true, notices: true, search: '?lang=en', theme: 'day' },
  { name: 'phone-unsent-vi', scene: 'quiet', phone: true, notices: true, list: true },
  { name: 'phone-lost-vi', scene: 'flood', phone: true, lost: true },
];

const chromium = await browser();
for (const shot of SHOTS) {
  if (only.length > 0 && !only.some((word) => shot.name.includes(word))) continue;
  const { page, mock, faults, done } = await mockPage(chromium, { ...shot, dist: DIST });
  if (shot.pick) await page.locator(`[role=option][data-id*=":${shot.pick}:"]`).first().click();
  await page.waitForTimeout(shot.phone && shot.pick ? 1200 : 1800);
  if (shot.rules) mock.rules.apply(mock, 'Nguyễn Thị Lan', shot.rules);
  if (shot.notices) {
    const one = tell(mock, riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 12));
    const row = page.locator(`[role=option][data-id="${one.id}"]`);
    await row.waitFor();
    if (!shot.list) {
      await row.click();
      await page.locator('[data-test=notices]').scrollIntoViewIfNeeded();
    }
  }
  if (shot.deliver) mock.deliver(deliveries[shot.deliver](mock.now()));
  if (shot.details) await page.locator('[data-test=deliveries-details]').click();
  if (shot.key) await page.keyboard.press(shot.key);
  if (shot.hover) await page.locator('.symbol-button').last().hover();
  if (shot.lost) {
    clearInterval(mock.timer);
    await page.locator('[data-test=lost]').waitFor({ timeout: 9000 });
  }
  await page.waitForTimeout(300);
  await page.emulateMedia({ reducedMotion: 'reduce' }); // not in the dark half of a blink
  await page.waitForTimeout(350);
  await page.screenshot({ path: `${out}${shot.name}.png` });
  console.log(shot.name, faults.length === 0 ? '' : faults);
  await done();
}
await chromium.close();
