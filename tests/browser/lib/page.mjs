// A page in Debian's Chromium, with everything that must not happen collected: console errors, uncaught
// errors, violations of the security policy.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Mock } from '../mock/server.mjs';

export const DIST = fileURLToPath(new URL('../../../crates/console/ui/dist', import.meta.url));

export async function browser() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) throw new Error(`no Chromium at ${executablePath}: apt-get install chromium (or set CHROMIUM to its path)`);
  return chromium.launch({
    executablePath,
    // Root in a container has no sandbox; the map needs WebGL, which is done in software here.
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  });
}

/** Opens `url`; `faults` fills with whatever went wrong that `expected` does not excuse. Without `map` the page
 *  finds no WebGL and does without its map: drawn in software it is most of what a page costs here. */
export async function open(chromium, url, { phone = false, theme, size, storage = {}, expected = [], map = true } = {}) {
  const [width, height] = size ?? (phone ? [390, 844] : [1920, 1080]);
  const context = await chromium.newContext({
    viewport: { width, height },
    deviceScaleFactor: phone ? 2 : 1,
    hasTouch: phone,
    isMobile: phone,
    locale: 'vi-VN',
    timezoneId: 'Europe/Berlin', // not the province's: times must be the province's all the same
  });
  const remembered = { ...(theme ? { 'ioc.theme': theme } : {}), ...storage };
  await context.addInitScript((given) => {
    for (const [key, value] of Object.entries(given)) localStorage.setItem(key, value);
    globalThis.violations = [];
    document.addEventListener('securitypolicyviolation', (event) =>
      globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ''}`),
    );
  }, remembered);
  if (!map) {
    await context.addInitScript(() => {
      const get = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind.startsWith('webgl') ? null : get.call(this, kind, ...rest);
      };
    });
  }
  const page = await context.newPage();
  const faults = [];
  const note = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) faults.push(text);
  };
  page.on('pageerror', (error) => note(`uncaught: ${error.stack ?? error}`));
  page.on('console', (message) => {
    if (message.type() === 'error') note(`console: ${message.text()}`);
  });
  await page.goto(url);
  await page.locator('[data-test=feed].live').waitFor({ timeout: 30_000 });
  const violations = () => page.evaluate(() => globalThis.violations);
  return { page, context, faults, violations, done: () => context.close() };
}

/** The page over a mock of its own. */
export async function mockPage(chromium, { scene = 'flood', mode, search = '', dist = DIST, ...rest } = {}) {
  const mock = new Mock({ dist, scene, mode });
  const url = await mock.listen();
  const opened = await open(chromium, `${url}/${search}`, rest);
  return {
    ...opened,
    mock,
    done: async () => {
      await opened.done();
      await mock.close();
    },
  };
}
