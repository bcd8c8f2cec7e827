// A stand-in for the node: the console's HTTP interface over a scripted scene, with the same security
// policy. Time runs; every command gets a verdict as the monitor would give it. No dependencies.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { well } from './deliveries.mjs';
import { act, explanation, health, Registers } from './life.mjs';
import { rejects } from './rejects.mjs';
import { Rules } from './rules.mjs';
import { floodAlerts, name, SCENE_TIME, state, valueAt } from './scene.mjs';
import { entities, limits, measures, site } from './site.mjs';

const POLICY = "default-src 'self'; worker-src 'self'; img-src 'self' data: blob:; connect-src 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const HOUR = 3_600_000;

export class Mock {
  constructor({ dist, scene = 'flood', mode = scene === 'flood' ? 'simulated' : 'live' }) {
    Object.assign(this, { dist, scene, mode, offset: 5000, clients: new Set(), histories: new Map(), frames: 0 });
    this.begun = Date.now();
    this.alerts = new Map((scene === 'flood' ? floodAlerts(this.now()) : []).map((one) => [one.id, one]));
    for (const one of this.alerts.values()) this.note(one, 'raised', null, Date.parse(one.raised));
    for (const one of this.alerts.values()) {
      if (one.acknowledged) this.note(one, 'acknowledged', one.acknowledged.operator, Date.parse(one.acknowledged.at));
      if (one.shelved) this.note(one, 'shelved', one.shelved.operator, Date.parse(one.shelved.at));
    }
    this.silent = new Set(scene === 'flood' ? ['wl-van-ban'] : []);
    this.delay = 150;
    this.sinks = well(this.now());
    this.archive = true;
    this.registers = new Registers();
    this.rules = new Rules();
    this.rulesBusy = 0;
    this.inFlood = false;
  }

  now() {
    return SCENE_TIME[this.scene] + (Date.now() - this.begun);
  }

  async listen(port = 0) {
    this.server = createServer((request, response) => void this.answer(request, response));
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.timer = setInterval(() => this.beat(), 2000);
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this.url;
  }

  async close() {
    clearInterval(this.timer);
    for (const client of this.clients) client.end('event: bye\ndata: {}\n\n');
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Everyday life: each turn some stations report. */
  beat() {
    this.frames += 1;
    const latest = entities
      .filter((one, index) => index % 3 === this.frames % 3 && !this.silent.has(one.id))
      .map((one) => this.latestOf(one));
    if (this.frames % 2) this.change([], latest);
    else this.send('heartbeat', { offset: this.offset, now: this.iso(), last_event: this.iso() });
  }

  iso(ms = this.now()) {
    return new Date(ms).toISOString();
  }

  latestOf(one) {
    const [measure] = state(this.scene)[one.id];
    const back = this.silent.has(one.id) ? 35 / 60 : 0;
    const value = Number(valueAt(this.scene, one.id, back - (Date.now() - this.begun) / HOUR).toFixed(measures[measure].decimals));
    const at = this.iso(this.now() - back * HOUR);
    return {
      entity: one.id, device: one.id, stream: one.stream, observed: at, received: at, status: 'actual', flags: [],
      values: { [measure]: { value, unit: measures[measure].unit, quality: [] } },
    };
  }

  counters() {
    return { received: this.offset + 1204, events: this.offset + 1190, duplicates: 12, rejected: 2, alerts_raised: 41, alerts_active: this.alerts.size };
  }

  send(event, data, to = this.clients) {
    for (const client of to) client.write(`id: ${data.offset}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** News of suppressions, incidents, public warnings: a list is sent whole. */
  register(lists) {
    Object.assign(this.registers.lists, lists);
    this.change([], [], lists);
  }

  change(alerts, latest = [], lists = {}) {
    const from = this.offset;
    this.offset += 1;
    for (const one of alerts) {
      if (one.state === 'normal') this.alerts.delete(one.id);
      else this.alerts.set(one.id, one);
    }
    this.send('change', { from, offset: this.offset, now: this.iso(), alerts, latest, counters: this.counters(), devices_heard: 214, ...lists });
    return this.offset;
  }

  /** News of the deliveries, which has no number. */
  deliver(sinks) {
    this.sinks = sinks;
    for (const client of this.clients) client.write(`event: sinks\ndata: ${JSON.stringify({ now: this.iso(), sinks })}\n\n`);
  }

  raise(one) {
    this.note(one, 'raised', null);
    this.change([one]);
    return one;
  }

  note(one, change, by, at = this.now()) {
    const list = this.histories.get(one.id) ?? [];
    list.push({ offset: (this.noted = (this.noted ?? 100) + 1), time: this.iso(at), change, by, state: one.state, severity: one.severity });
    this.histories.set(one.id, list);
    (this.known ??= new Map()).set(one.id, one);
  }

  snapshot() {
    const counts = { critical: 0, major: 0, minor: 0, warning: 0, info: 0 };
    for (const one of this.alerts.values()) counts[one.severity] += 1;
    return { offset: this.offset, now: this.iso(), mode: this.mode, alerts: [...this.alerts.values()], latest: entities.map((one) => this.latestOf(one)), counts, counters: this.counters(), sinks: this.sinks, ...this.registers.lists };
  }

  async answer(request, response) {
    const url = new URL(request.url, 'http://mock');
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('x-content-type-options', 'nosniff');
    const json = (status, body) => {
      response.writeHead(status, { 'content-type': status >= 400 && !body.verdict ? 'application/problem+json' : 'application/json' });
      response.end(JSON.stringify(body));
    };
    const path = decodeURIComponent(url.pathname);
    if (!path.startsWith('/api/')) return this.file(path, response);
    if (path === '/api/v1/feed') return this.feed(request, response);
    if (path === '/api/v1/site') return json(200, site(this.mode));
    if (path === '/api/v1/status') return json(200, { mode: this.mode, version: '0.1.0', journal: {}, counters: this.counters(), devices_heard: 214, last_event: this.iso(), now: this.iso(), archive: this.archive });
    if (path === '/api/v1/rejects') return json(200, { offset: this.offset, rejects: rejects(this.iso()) });
    if (path === '/api/v1/recent') return json(200, this.series(url.searchParams));
    const [, of, what] = /^\/api\/v1\/series\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (of && this.tooBig) return json(422, { type: 'about:blank', title: 'The question is too big', status: 422, detail: 'Take a shorter span.', title_vi: 'Câu hỏi quá lớn', detail_vi: 'Hãy chọn khoảng thời gian ngắn hơn.' });
    if (of) return json(200, this.steps(of, what, url.searchParams));
    if (path === '/api/v1/sinks') return json(200, { now: this.iso(), sinks: this.sinks });
    if (path === '/api/v1/health') return json(200, health(this));
    if (path === '/api/v1/rules') return (this.rulesBusy -= 1) >= 0 ? json(503, { type: 'about:blank', title: 'Busy', status: 503, detail: 'busy' }) : json(200, this.rules.inForce());
    if (path === '/api/v1/rules/diff') return this.rules.diff ? json(200, this.rules.diff) : json(404, { type: 'about:blank', title: 'Not found', status: 404, detail: 'No change of the rules since the start.' });
    if (path === '/api/v1/suppressions') return json(200, { offset: this.offset, suppressions: [...this.registers.lists.suppressions, ...this.registers.over.suppressions] });
    if (path === '/api/v1/warnings') return json(200, { offset: this.offset, public_warnings: [...this.registers.lists.public_warnings, ...this.registers.over.public_warnings] });
    if (path === '/api/v1/alerts') return json(200, { offset: this.offset, alerts: [...this.alerts.values()] });
    const [, id, action] = /^\/api\/v1\/alerts\/([^/]+)(?:\/([\w-]+))?$/.exec(path) ?? [];
    if (id && action === 'explain') return json(200, explanation(this.alerts.get(id) ?? this.known.get(id)));
    if (id && request.method === 'GET') {
      const one = this.alerts.get(id) ?? this.known?.get(id);
      return one ? json(200, { offset: this.offset, alert: one, history: this.histories.get(id) ?? [] }) : json(404, { type: 'about:blank', title: 'Not found', status: 404, detail: 'No such alert.', title_vi: 'Không có', detail_vi: 'Không có cảnh báo này.' });
    }
    if (request.method === 'POST') {
      let body = '';
      for await (const part of request) body += part;
      await new Promise((resolve) => setTimeout(resolve, this.delay));
      const verdict = id ? this.command(id, action, JSON.parse(body)) : this.registers.order(this, path.slice('/api/v1/'.length).split('/'), JSON.parse(body));
      return json(verdict.accepted ? 200 : 409, { offset: this.offset, verdict });
    }
    return json(404, { type: 'about:blank', title: 'Not found', status: 404, detail: path });
  }

  feed(request, response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    this.clients.add(response);
    request.on('close', () => this.clients.delete(response));
    this.send('snapshot', this.snapshot(), [response]);
  }

  series(query) {
    const [entity, measure, hours] = [query.get('entity'), query.get('measure'), Number(query.get('hours') ?? 6)];
    const points = [];
    const known = state(this.scene)[entity]?.[0] === measure;
    for (let minutes = hours * 60; known && minutes > 0; minutes -= 10) {
      if (this.silent.has(entity) && minutes < 35) break;
      points.push([this.now() - minutes * 60_000, Number(valueAt(this.scene, entity, minutes / 60).toFixed(2)), 0]);
    }
    return { entity, measure, unit: measures[measure]?.unit ?? '1', from: this.iso(this.now() - hours * HOUR), to: this.iso(), points, limits: limits[entity]?.[measure] ?? [] };
  }

  /** Steps of the archive, with an hour of silence half-way. */
  steps(entity, measure, query) {
    const hours = Number(/^-(\d+)h$/.exec(query.get('from'))[1]);
    const width = Number(/^PT(\d+)S$/.exec(query.get('interval'))[1]);
    const points = [];
    for (let back = hours * 3600; back > 0; back -= width) {
      const silent = Math.abs(back - hours * 1800) < 1800;
      const value = silent ? null : Number(valueAt(this.scene, entity, back / 3600).toFixed(2));
      points.push({ time: this.iso(this.now() - back * 1000), value, quality: [], count: silent ? 0 : 2, ...(silent ? {} : { min: value - 0.05, max: value + 0.05 }) });
    }
    return { series: { site: 'lao-cai', entity, measure, unit: measures[measure].unit, stream: 'disaster' }, from: points[0].time, to: this.iso(), zone: 'Asia/Ho_Chi_Minh', interval_seconds: width, aggregate: 'mean', quality: 'good', points, truncated: false };
  }

  command(id, action, body) {
    const one = this.alerts.get(id);
    const refused = (refusal, vi, en) => ({ command_id: body.command_id, accepted: false, refusal, detail: { vi, en }, alert: one ?? null });
    const over = !one && action === 'reopen' ? this.known?.get(id) : null;
    if (over) return act(this, over, action, body);
    if (!one) return refused('alert_unknown', 'không còn cảnh báo này', 'the alert no longer exists');
    if (action === 'acknowledge' && one.acknowledged) {
      const at = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Ho_Chi_Minh', hour: '2-digit', minute: '2-digit' }).format(Date.parse(one.acknowledged.at));
      return refused('already_acknowledged', `đã được ${one.acknowledged.operator} tiếp nhận lúc ${at}`, `acknowledged by ${one.acknowledged.operator} at ${at}`);
    }
    if (body.seen_revision !== undefined && body.seen_revision !== one.revision) return refused('state_changed', 'cảnh báo vừa thay đổi', 'the alert has just changed');
    if (!['acknowledge', 'shelve', 'unshelve', 'comment'].includes(action)) return act(this, one, action, body);
    const who = name(body.operator, this.now());
    const next = { ...one, revision: one.revision + 1, changed: this.iso() };
    let change = 'commented';
    if (action === 'acknowledge') {
      next.acknowledged = { ...who, command_id: body.command_id };
      next.state = one.state === 'returned_unacknowledged' ? 'normal' : 'acknowledged';
      change = next.state === 'normal' ? 'resolved' : 'acknowledged';
    } else if (action === 'shelve') {
      next.shelved = { ...who, until: this.iso(this.now() + body.duration_seconds * 1000), reason: body.reason, one_shot: body.one_shot ?? false };
      change = 'shelved';
    } else if (action === 'unshelve') {
      next.shelved = null;
      change = 'unshelved';
    } else next.comments = [...one.comments, { ...who, text: body.text }];
    this.note(next, change, body.operator);
    this.change([next]);
    return { command_id: body.command_id, accepted: true, refusal: null, detail: { vi: '', en: '' }, alert: next };
  }

  file(path, response) {
    const wanted = join(this.dist, normalize(path === '/' ? '/index.html' : path));
    if (!wanted.startsWith(this.dist) || !existsSync(wanted) || !statSync(wanted).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[extname(wanted)] ?? 'application/octet-stream' });
    createReadStream(wanted).pipe(response);
  }
}
