// What became of an alert's notices, on the page: only what the node recorded, in both languages; a mark in the row when one
// failed for good. Against the mock; the last test is about a real node.
import AxeBuilder from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { node as startNode } from './lib/node.mjs';
import { browser, open } from './lib/page.mjs';
import { level } from './lib/publish.mjs';
import { NODE, onPage, rowOf, until } from './lib/target.mjs';
import { results, tell } from './mock/notices.mjs';
import { riverAlert } from './mock/scene.mjs';

let chromium;
before(async () => (chromium = await browser()));
after(() => chromium?.close());
const limit = { timeout: 60_000, skip: NODE ? 'needs the mock' : false };
const detail = (page) => page.locator('[data-test=detail]');
const mark = (page, id) => rowOf(page, id).locator('[data-test=unsent]');
const bare = (text) => text.replace(/\s+/g, ' ').trim();

const faultless = async (page, where) => {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], where);
};

for (const [lang, words] of [
  ['vi', { mark: 'thông báo không gửi được: 1', groups: ['Chuyển cấp, 14:00', 'Báo cảnh báo, 13:53'], lines: ['doi-xung-kich sms đã gửi 1 14:02', 'chu-tich-xa-bao-ha zalo bị từ chối, không gửi lại 1 13:57', 'truc-ban hook không gửi được, chuyển kênh kế tiếp 5 13:56', 'truc-ban mail đã gửi 2 13:57'] }],
  ['en', { mark: 'notices not delivered: 1', groups: ['Escalated, 14:00', 'Raised, 13:53'], lines: ['doi-xung-kich sms delivered 1 14:02', 'chu-tich-xa-bao-ha zalo refused, not sent again 1 13:57', 'truc-ban hook failed, moved to the next channel 5 13:56', 'truc-ban mail delivered 2 13:57'] }],
]) {
  test(`by what was told, to whom, how, how often and when; a mark where one was lost (${lang})`, limit, () =>
    onPage(chromium, { scene: 'quiet', search: `?lang=${lang}` }, async ({ page, mock }) => {
      const one = tell(mock, riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 12));
      await rowOf(page, one.id).waitFor();
      assert.equal(bare(await mark(page, one.id).textContent()), words.mark);
      await rowOf(page, one.id).click();
      const table = detail(page).locator('[data-test=notices]');
      await detail(page).locator('[data-test=notices-of][data-change=raised]').waitFor();
      const heads = await table.locator('th[scope=rowgroup]').allTextContents();
      assert.deepEqual(heads.map((text) => bare(text).toLowerCase()), words.groups.map((text) => text.toLowerCase()));
      assert.deepEqual((await table.locator('[data-test=notice]').allInnerTexts()).map(bare), words.lines);
      await faultless(page, 'notices');
    }));
}

test('nothing recorded: said so, no mark, no table', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page, mock }) => {
    const one = mock.raise(riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 1));
    await rowOf(page, one.id).click();
    await detail(page).locator('[data-test=notices-none]').waitFor();
    assert.equal(await detail(page).locator('[data-test=notices]').count(), 0);
    assert.equal(await mark(page, one.id).count(), 0);
    // The results come while somebody looks.
    tell(mock, one);
    await detail(page).locator('[data-test=notice][data-result=refused]').waitFor();
    assert.equal(await detail(page).locator('[data-test=notices-none]').count(), 0);
  }));

test('a channel that was left for the next is no loss; a loss is forgotten when the person was told of something later', limit, () =>
  onPage(chromium, { scene: 'quiet' }, async ({ page, mock }) => {
    const of = (list) => list.filter(({ person }) => person === 'truc-ban');
    const one = tell(mock, riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 12), of(results(mock)));
    await rowOf(page, one.id).waitFor();
    assert.equal(await mark(page, one.id).count(), 0);
    const [hook, mail] = of(results(mock));
    const next = (notices) => {
      const changed = { ...mock.alerts.get(one.id), revision: mock.alerts.get(one.id).revision + 1 };
      mock.change([{ ...changed, handling: { ...changed.handling, notices } }]);
    };
    next([hook, { ...mail, result: 'expired' }]);
    await mark(page, one.id).waitFor();
    next([{ ...hook, result: 'delivered', revision: 8, at: mock.iso() }, { ...mail, result: 'expired' }]);
    await mark(page, one.id).waitFor({ state: 'detached' });
  }));

test('what the history does not reach is called by its revision, and a result of a later release by its name', limit, () =>
  onPage(chromium, { scene: 'quiet', search: '?lang=en' }, async ({ page, mock }) => {
    const [hook] = results(mock);
    const one = riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 12, { revision: 40, handling: { notices: [{ ...hook, revision: 31, result: 'queued' }] } });
    mock.raise(one);
    await rowOf(page, one.id).click();
    const group = detail(page).locator('[data-test=notices-of]');
    await until('the history has come', async () => (await detail(page).locator('[data-test=history] .time').count()) > 0);
    assert.equal(bare(await group.locator('th').textContent()), 'revision 31');
    assert.match(bare(await group.locator('[data-test=notice]').innerText()), /^truc-ban hook queued 5 13:56$/);
    assert.equal(await mark(page, one.id).count(), 0);
  }));

for (const [lang, theme] of [['vi', 'night'], ['en', 'day']]) {
  test(`phone (${lang}, ${theme}): the mark in the row and the whole table, nothing sideways`, limit, () =>
    onPage(chromium, { scene: 'quiet', phone: true, theme, search: `?lang=${lang}` }, async ({ page, mock }) => {
      const one = tell(mock, riverAlert(mock.now(), 'wl-bao-ha', 3, 'critical', 12));
      await mark(page, one.id).waitFor();
      await rowOf(page, one.id).tap();
      const table = detail(page).locator('[data-test=notices]');
      await table.scrollIntoViewIfNeeded();
      const box = await table.boundingBox();
      const page390 = await page.evaluate(() => [document.documentElement.scrollWidth, ...[...document.querySelectorAll('.detail .body')].map((node) => node.scrollWidth - node.clientWidth)]);
      assert.ok(box.x >= 0 && box.x + box.width <= 390 && page390[0] <= 390 && page390[1] <= 0, JSON.stringify([box, page390]));
      // A time is one word.
      const heights = await table.locator('td.at').evaluateAll((all) => all.map((node) => node.getClientRects()[0].height > 0 && getComputedStyle(node).whiteSpace));
      assert.ok(heights.every((one) => one === 'nowrap'), `${heights}`);
      await faultless(page, 'notices on a phone');
    }));
}

test('a real node: who was reached and who was refused is at the alert', { timeout: 120_000, skip: NODE ? 'has a node of its own' : false }, async () => {
  const receiver = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(request.url === '/an' ? 204 : 410).end());
  });
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'ioc-notices-'));
  const file = join(folder, 'notify.toml');
  const person = (name) => `[people.${name}]\nchain = ["hook"]\nwebhook = "http://127.0.0.1:${receiver.address().port}/${name}"\n`;
  writeFileSync(file, `[cap]\nsender = "ioc.test"\ncontact = "1022"\n[channels.hook]\nkind = "webhook"\nsecret = "hook"\nallow_private = true\n${person('an')}${person('binh')}[[routes]]\nto = ["an", "binh"]\n`);
  const secret = Buffer.from('a key of twenty-four 8it').toString('base64');
  const node = await startNode({ IOC__NOTIFY__ENABLED: 'true', IOC__NOTIFY__FILE: file, IOC__NOTIFY__SECRETS: `hook=whsec_${secret}` });
  try {
    const { page, done, faults } = await open(chromium, `${node.url}/?flat=1`, { map: false });
    try {
      await level(node, 'wl-bao-ha', 57.3);
      const row = page.locator('[role=option][data-id^="river-bd3:wl-bao-ha:"]');
      await row.locator('[data-test=unsent]').waitFor();
      await row.click();
      const raised = detail(page).locator('[data-test=notices-of][data-change=raised]');
      await raised.waitFor();
      const told = () => raised.locator('[data-test=notice]').evaluateAll((all) => all.map((one) => [one.dataset.person, one.dataset.channel, one.dataset.result, one.querySelector('.amount').textContent].join(' ')));
      await until('both results', async () => (await told()).length === 2);
      assert.deepEqual(await told(), ['an hook delivered 1', 'binh hook refused 1']);
      assert.deepEqual(faults, []);
    } finally {
      await done();
    }
  } finally {
    await node.stop();
    receiver.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
