// The pictures in docs/images: the real demo at the height of the flood, in both languages, desk and phone.
//     node pictures.mjs            starts `ioc demo` (IOC_BINARY, else target/release/ioc, else target/debug/ioc)
//     IOC_URL=http://127.0.0.1:8080 node pictures.mjs [folder]      a demo that is already running
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { demo } from './lib/node.mjs';
import { browser, open } from './lib/page.mjs';
import { small } from './lib/palette.mjs';
import { api, NODE, until } from './lib/target.mjs';

const out = process.argv[2] ?? fileURLToPath(new URL('../../docs/images/', import.meta.url));
/** So many critical alerts at once is the flood well under way: three stations above BĐ3 + 1 m. */
const CRITICAL = 3;
const STATION = 'wl-yen-bai';

const SHOTS = [
  { name: 'desk-vi-night' },
  { name: 'desk-en-day', search: '?lang=en', theme: 'day' },
  { name: 'phone-vi', phone: true },
  { name: 'phone-en', phone: true, search: '?lang=en', theme: 'day', detail: true },
];

mkdirSync(out, { recursive: true });
const chromium = await browser();
const node = NODE ? null : await demo({ speed: 3000 });
const base = NODE ?? node.url;
try {
  // Opened before the water comes, so that the four show about the same hour.
  const opened = [];
  for (const shot of SHOTS) opened.push({ ...shot, ...(await open(chromium, `${base}/${shot.search ?? ''}`, shot)) });
  const worst = async () => {
    const { alerts } = await api(base, '/alerts?state=active');
    const critical = alerts.filter((one) => one.rule === 'river-above-bd3' && one.state === 'unacknowledged');
    return critical.length >= CRITICAL;
  };
  await until('the flood is well under way', worst, 180_000);
  for (const { name, phone, detail = !phone, page, faults, done } of opened) {
    await page.bringToFront();
    if (detail) {
      // The trend tile chooses without scrolling the list; a phone has only the list.
      await page.locator(phone ? `[role=option][data-id^="river-above-bd3:${STATION}:"]` : `[data-test=trend][data-entity=${STATION}]`).click();
      await page.locator('[data-test=detail] [data-test=chart] canvas').waitFor();
      await page.mouse.move(0, 0);
    }
    if (!phone) await page.locator('.symbol-button.chosen').waitFor();
    await page.emulateMedia({ reducedMotion: 'reduce' }); // not in the dark half of a blink
    await page.evaluate(() => document.fonts.ready.then(() => new Promise((next) => requestAnimationFrame(next))));
    writeFileSync(`${out}/${name}.png`, small(await page.screenshot()));
    console.log(name, faults.length === 0 ? '' : faults);
    await done();
  }
} finally {
  await chromium.close();
  await node?.stop();
}
