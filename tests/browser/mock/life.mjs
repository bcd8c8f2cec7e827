// The life cycle as the node keeps it, in small: commands about alerts, suppressions, public warnings, alert health.
import { name } from './scene.mjs';

const MINUTE = 60_000;
const accepted = (body, rest = {}) => ({ command_id: body.command_id, accepted: true, refusal: null, detail: { vi: '', en: '' }, alert: null, suppression: null, warning: null, ...rest });
const refused = (body, refusal, vi, en) => ({ ...accepted(body), accepted: false, refusal, detail: { vi, en } });

const CHANGES = {
  assign: 'assigned', escalate: 'escalated', close: 'closed', reset: 'reset', reopen: 'reopened', 'mark-false': 'marked_false', 'unmark-false': 'unmarked_false',
};

/** A command about one alert, carried out. */
export function act(mock, one, action, body) {
  const who = name(body.operator, mock.now());
  const handling = { ...one.handling };
  const next = { ...one, handling, revision: one.revision + 1, changed: mock.iso() };
  if (action === 'assign') handling.assigned = body.to ? { ...who, to: body.to } : null;
  else if (action === 'escalate') handling.escalated = { level: body.level ?? 'commune', step: (handling.escalated?.step ?? 0) + 1, at: mock.iso(), by: body.operator };
  else if (action === 'close') {
    handling.closed = { ...who, cause: body.cause, text: body.text ?? '' };
    next.state = 'normal';
  } else if (action === 'reset') next.state = 'normal';
  else if (action === 'reopen') Object.assign(next, { state: 'unacknowledged' }), (handling.closed = null);
  else if (action === 'mark-false') handling.false_alert = { ...who, reason: body.reason };
  else if (action === 'unmark-false') handling.false_alert = null;
  else return refused(body, 'command_unreadable', 'lệnh không đọc được', 'the command cannot be read');
  mock.note(next, CHANGES[action], body.operator);
  mock.change([next]);
  return accepted(body, { alert: next });
}

export class Registers {
  lists = { suppressions: [], incidents: [], public_warnings: [] };
  over = { suppressions: [], public_warnings: [] };

  /** A command about no single alert. */
  order(mock, [what, id, verb], body) {
    if (what === 'suppress') return this.#suppress(mock, body);
    if (what === 'suppressions') return this.#end(mock, id, body);
    if (id === 'propose') return this.#propose(mock, body);
    return this.#sign(mock, id, verb, body);
  }

  #suppress(mock, body) {
    const { kind, scope, reason, from = mock.iso(), until = null } = body;
    const suppression = { id: body.command_id, kind, scope, from, until, reason, ...name(body.operator, mock.now()), ended: null, ended_by: null, kept_back: 0 };
    const covered = [...mock.alerts.values()].filter((one) => scope.entities.includes(one.entity) || scope.areas.includes(one.area));
    suppression.kept_back = covered.length;
    mock.register({ suppressions: [...this.lists.suppressions, suppression] });
    const back = { kind, suppression: suppression.id, because_of: null, since: mock.iso() };
    mock.change(covered.map((one) => ({ ...one, revision: one.revision + 1, handling: { ...one.handling, suppressed: [...one.handling.suppressed, back] } })));
    return accepted(body, { suppression });
  }

  #end(mock, id, body) {
    const one = this.lists.suppressions.find((other) => other.id === id);
    if (!one) return refused(body, 'suppression_unknown', 'không còn lệnh này', 'it no longer exists');
    this.over.suppressions.push({ ...one, ended: mock.iso(), ended_by: body.operator });
    mock.register({ suppressions: this.lists.suppressions.filter((other) => other !== one) });
    const covered = [...mock.alerts.values()].filter((alert) => alert.handling.suppressed.some((back) => back.suppression === id));
    mock.change(covered.map((alert) => ({ ...alert, revision: alert.revision + 1, handling: { ...alert.handling, suppressed: alert.handling.suppressed.filter((back) => back.suppression !== id) } })));
    return accepted(body);
  }

  #propose(mock, body) {
    const { kind, alerts, references, text } = body;
    const proposed = { ...name(body.operator, mock.now()), command_id: body.command_id };
    const warning = { id: body.command_id, kind, state: 'proposed', status: 'actual', alerts, references, text, proposed, released: null, rejected: null, reason: null, changed: mock.iso() };
    mock.register({ public_warnings: [...this.lists.public_warnings, warning] });
    return accepted(body, { warning });
  }

  #sign(mock, id, verb, body) {
    const one = this.lists.public_warnings.find((other) => other.id === id);
    if (!one) return refused(body, 'warning_unknown', 'không còn tin này', 'it no longer exists');
    const who = { ...name(body.operator, mock.now()), command_id: body.command_id };
    let rest = this.lists.public_warnings.filter((other) => other !== one);
    if (verb === 'reject') {
      this.over.public_warnings.push({ ...one, state: 'rejected', rejected: who, reason: body.reason, changed: mock.iso() });
    } else {
      if (body.operator === one.proposed.operator) return refused(body, 'same_person', 'người đề xuất không được tự phát', 'who proposed it may not release it');
      for (const old of rest.filter((other) => one.references.includes(other.id))) {
        this.over.public_warnings.push({ ...old, state: one.kind === 'cancel' ? 'cancelled' : 'superseded', changed: mock.iso() });
      }
      rest = rest.filter((other) => !one.references.includes(other.id));
      rest.push({ ...one, state: 'released', released: who, changed: mock.iso() });
    }
    mock.register({ public_warnings: rest });
    return accepted(body);
  }
}

export function incident(mock, id, rest = {}) {
  return {
    id, cause: 'flood', title: { vi: 'Lũ trên sông Thao', en: 'Flood on the Thao' }, status: 'actual', severity: 'critical', areas: [], alerts: [],
    total: 0, active: 0, opened: mock.iso(mock.now() - 60 * MINUTE), changed: mock.iso(), closed: null, ...rest,
  };
}

/** GET /api/v1/health in small: one position, figures with and without targets. */
export function health(mock) {
  const target = (source, relation, value, confidence, met) => ({ source, relation, value, confidence, recalled: confidence === 'L', met });
  const both = 'EEMUA 191, ISA-18.2 / IEC 62682';
  return {
    version: 1, asked_from: '', asked_to: '', from: mock.iso(mock.now() - 1440 * MINUTE), to: mock.iso(), now: mock.iso(), complete: true, seconds: 86_400,
    positions: [{
      id: 'desk-1', name: { vi: 'Bàn trực 1', en: 'Desk 1' }, staffed_seconds: 86_400,
      figures: [
        { key: 'alerts_per_10_minutes', label: { vi: 'Cảnh báo trung bình trong 10 phút', en: 'Average alerts per 10 minutes' }, unit: 'alerts/10min', value: 1.42, targets: [target(both, 'at_most', 1, 'H', false), target('ISA-18.2 / IEC 62682', 'at_most', 2, 'L', true)] },
        { key: 'priority_high', label: { vi: 'Ưu tiên cao', en: 'High priority' }, unit: '%', value: 6.2, targets: [target(both, 'about', 5, 'M', null)] },
        { key: 'acknowledge_median', label: { vi: 'Thời gian tiếp nhận (trung vị)', en: 'Time to acknowledge (median)' }, unit: 's', value: 95, targets: [] },
        { key: 'stale', label: { vi: 'Tồn trên 24 giờ', en: 'Standing over 24 h' }, unit: 'alerts', value: null, targets: [] },
      ],
      calls: { total: 214, counted: 205, left_out: { shadow: 0, exercise: 4, test: 0, retrospective: 1, suppressed: 4, shelved: 0 } },
      floods: [{ began: mock.iso(mock.now() - 300 * MINUTE), ended: mock.iso(mock.now() - 240 * MINUTE), alerts: 41, peak: 17, seconds: 3600 }],
      top: [{ rule: 'river-rise', entity: 'wl-bao-ha', alerts: 31, percent: 15.1 }],
      chattering_alerts: [], stale_alerts: [], false_alerts: [{ rule: 'river-rise', marks: 2, alerts: 31, percent: 6.5 }],
    }],
    outside: 0, untracked: 0,
    live: [{ position: 'desk-1', in_flood: mock.inFlood, since: mock.inFlood ? mock.iso() : null, alerts: 0, last_10_minutes: 7 }],
  };
}

/** GET /api/v1/alerts/{id}/explain in small. */
export function explanation(one) {
  const { evidence } = one;
  return {
    alert: one.id, entity: one.entity, severity: one.severity, state: one.state, since: one.since, raised: one.raised, damaged: [], life: [],
    rule: { id: evidence.rule, version: evidence.rule_version, condition: evidence.condition, file: 'rules/river.toml', text: `[[rule]]\nid = "${evidence.rule}"\ncondition = "${evidence.condition}"`, pack: 'd5abe9a6' },
    transitions: [{
      change: 'raised', revision: 1, at: one.raised, since: one.since, outcome: 811, cause: 709, limits: evidence.limits,
      values: evidence.values.map((value) => ({ ...value, entity: one.entity, quality: [], device_time: value.observed, clock_offset_seconds: -1.25 })),
      windows: [{ entity: one.entity, measure: one.measure ?? 'level', from: one.since, to: one.raised, samples: [[one.since, 60.1, 700], [one.raised, 61.09, 709]], count: 2 }],
      considered: [{ what: 'gateway:gw-thao', applied: false }],
      records: [{ offset: 709, state: 'kept', topic: `ioc/lao-cai/disaster/${one.entity}/up`, payload: '{"level":61.09}' }],
    }],
  };
}
