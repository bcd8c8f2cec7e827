// A thousand alerts in a row over the real binary, handled while they come: nothing on the page is lost, doubled or out of date.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { node as startNode } from './lib/node.mjs';
import { browser, open } from './lib/page.mjs';
import { publish } from './lib/publish.mjs';
import { api, until } from './lib/target.mjs';

const ALERTS = 1000;
/** Every so many is handled as soon as it rings, in one of three ways. */
const HANDLED = 5;

async function command(node, id, action, body) {
  const response = await fetch(`${node.url}/api/v1/alerts/${encodeURIComponent(id)}/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ operator: 'Bàn trực 2', ...body }),
  });
  assert.equal(response.status, 200, `${action}: ${await response.text()}`);
}

const WAYS = [
  (node, id) => command(node, id, 'acknowledge', {}),
  (node, id) => command(node, id, 'shelve', { reason: 'đã kiểm tra', duration_seconds: 3600 }),
  (node, id) => command(node, id, 'close', { cause: 'false_alert', text: 'thử' }),
];

/** Ids and states, and where each is: what the page says and what the node says. */
const shown = (page) =>
  page.locator('[role=option][data-id]:not([data-group])').evaluateAll((all) => all.map((one) => `${one.dataset.id} ${one.dataset.state}`).sort());
const wanted = async (node, shelved) => {
  const { alerts } = await api(node.url, '/alerts?state=active');
  return alerts.filter((one) => (one.shelved !== null) === shelved).map((one) => `${one.id} ${one.state}`).sort();
};
const same = (a, b) => a.length === b.length && a.every((one, index) => one === b[index]);

test('a thousand alerts in a row, handled as they come: the page says what the node says', { timeout: 300_000 }, async (t) => {
  const chromium = await browser();
  const node = await startNode();
  try {
    const { page, faults, done } = await open(chromium, `${node.url}/?flat=1`, { map: false, expected: [] });
    try {
      await page.locator('[data-test=empty]').waitFor();
      const began = Date.now();
      for (let number = 0; number < ALERTS; number += 1) {
        const id = `rg-storm-${String(number).padStart(4, '0')}`;
        await publish(node.addresses.ingest[0], `ioc/lao-cai/disaster/${id}/up`, { id, seq: 1, ts: new Date().toISOString(), rain_1h: 55, lat: 22.48 + (number % 40) / 400, lon: 103.97 });
        if (number % HANDLED > 0) continue;
        const alert = await until(`${id} rings`, async () => (await api(node.url, '/alerts?state=active')).alerts.find((one) => one.entity === id));
        await WAYS[(number / HANDLED) % WAYS.length](node, alert.id);
      }
      t.diagnostic(`${ALERTS} alerts, ${ALERTS / HANDLED} of them handled, in ${Date.now() - began} ms`);

      const closed = Math.floor((ALERTS / HANDLED - 1 - 2) / WAYS.length) + 1;
      await until('the node has them all', async () => (await api(node.url, '/alerts?state=active')).alerts.length === ALERTS - closed);
      const list = await wanted(node, false);
      await until('the list is the node’s', async () => same(await shown(page), list), 20_000);
      const counted = await page.locator('[data-test=counts] [data-severity=warning] .number').textContent();
      assert.equal(counted, String(ALERTS - closed), 'the header counts what is shelved too');
      await page.locator('[data-test=flood]').waitFor();

      await page.locator('[data-test=shelved-view]').click();
      const hidden = await wanted(node, true);
      assert.ok(hidden.length > 0);
      await until('the shelved ones are the node’s', async () => same(await shown(page), hidden), 20_000);

      // Grouped: the lines hold every alert once.
      await page.locator('[data-test=active-view]').click();
      await page.locator('[data-test=grouped]').click();
      const sum = () =>
        page.locator('[role=option]').evaluateAll((all) =>
          all.reduce((total, one) => total + (one.dataset.group ? Number(one.dataset.count) : 1), 0));
      await until('the lines add up', async () => (await sum()) === list.length, 20_000);
      assert.ok((await page.locator('[role=option]').count()) < ALERTS / 10, 'a flood is a few lines');
      assert.deepEqual(faults, [], 'console errors');
    } finally {
      await done();
    }
  } finally {
    await chromium.close();
    await node.stop();
  }
});
