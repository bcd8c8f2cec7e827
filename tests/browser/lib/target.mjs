// What the tests run against: the node at IOC_URL, or a mock of their own.
import assert from 'node:assert/strict';
import { Mock } from '../mock/server.mjs';
import { DIST, open } from './page.mjs';
import { wire } from './wire.mjs';

export const NODE = process.env.IOC_URL?.replace(/\/$/, '') ?? null;
/** How long to wait for something the node must do by itself, such as raise a first alert. */
const PATIENCE_MS = Number(process.env.IOC_PATIENCE_MS ?? 60_000);

/** Runs `body` on a fresh page, without its map unless asked for; afterwards nothing must have gone wrong in it. */
export async function onPage(chromium, options, body) {
  const { search = '', wired = false, ...rest } = options;
  const mock = NODE ? null : new Mock({ dist: DIST, scene: rest.scene ?? 'flood', mode: rest.mode });
  const base = NODE ?? (await mock.listen());
  const line = wired ? await wire(base) : null;
  try {
    const opened = await open(chromium, `${line?.url ?? base}/${search}`, { map: false, ...rest });
    try {
      await body({ ...opened, base, mock, line });
      assert.deepEqual(await opened.violations(), [], 'violations of the content security policy');
      assert.deepEqual(opened.faults, [], 'console errors');
    } finally {
      await opened.done();
    }
  } finally {
    await line?.close();
    await mock?.close();
  }
}

export async function api(base, path) {
  const response = await fetch(`${base}/api/v1${path}`);
  assert.equal(response.status, 200, path);
  return response.json();
}

/** Waits until `check` gives something true; a deadline, no sleeping on a guess. */
export async function until(what, check, limit = PATIENCE_MS) {
  const deadline = Date.now() + limit;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The first row that nobody has acknowledged. */
export async function newRow(page) {
  const row = page.locator('[role=option][data-state=unacknowledged]').first();
  await row.waitFor({ timeout: PATIENCE_MS });
  return row;
}

export const rowOf = (page, id) => page.locator(`[role=option][data-id="${id}"]`);
