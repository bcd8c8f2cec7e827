// Scripted scenes: what the stations read and which alerts are active. Built from the flood of
// 9 September 2024; the curves are invented between the printed points.
import { areas, entities, limits, measures } from './site.mjs';

const MINUTE = 60_000;
export const SCENE_TIME = { flood: Date.parse('2024-09-09T13:04:00Z'), quiet: Date.parse('2026-11-23T07:05:12Z') };

const QUIET = {
  'wl-lao-cai': ['level', 77.42, 0.04], 'wl-bao-ha': ['level', 52.1, 0.03], 'wl-yen-bai': ['level', 26.18, 0.03],
  'wl-bao-yen': ['level', 68.9, 0.02], 'wl-van-ban': ['level', 86.2, 0.02], 'wl-vinh-yen': ['level', 128.6, 0.02],
  'rg-sa-pa': ['rain_1h', 0.4, 0.4], 'rg-bac-ha': ['rain_1h', 0, 0], 'rg-luc-yen': ['rain_1h', 0, 0],
  'rg-mu-cang-chai': ['rain_1h', 1.2, 0.8], 'rs-thac-ba': ['reservoir', 56.3, 0.01], 'tx-cam-duong': ['load', 62, 4],
  'tx-yen-bai': ['load', 55, 4], 'aqm-lao-cai': ['pm25', 21, 4], 'vc-sa-pa': ['visitors', 1180, 90],
};
/** measure, value now, rise per hour over the last hours */
const FLOOD = {
  'wl-lao-cai': ['level', 86.91, 0.42], 'wl-bao-ha': ['level', 61.09, 0.55], 'wl-yen-bai': ['level', 34.62, 0.31],
  'wl-bao-yen': ['level', 72.2, 0.2], 'wl-van-ban': ['level', 90.7, 0.18], 'wl-vinh-yen': ['level', 134.02, 0.6],
  'rg-sa-pa': ['rain_1h', 31.4, 4], 'rg-bac-ha': ['rain_1h', 62.8, 7], 'rg-luc-yen': ['rain_1h', 18.2, 2],
  'rg-mu-cang-chai': ['rain_1h', 9.6, 1], 'rs-thac-ba': ['reservoir', 59.21, 0.09], 'tx-cam-duong': ['load', 112, 5],
  'tx-yen-bai': ['load', 74, 2], 'aqm-lao-cai': ['pm25', 18, 1], 'vc-sa-pa': ['visitors', 640, -60],
};

export const state = (scene) => (scene === 'flood' ? FLOOD : QUIET);

/** Value of an entity `hoursAgo` before the time of the scene. */
export function valueAt(scene, id, hoursAgo) {
  const [, now, rate] = state(scene)[id];
  const index = entities.findIndex((one) => one.id === id);
  const wave = Math.sin(hoursAgo * 2.1 + index) * 0.35 + Math.sin(hoursAgo * 5.7 + index * 2) * 0.15;
  if (scene === 'quiet') return Math.max(0, now + wave * rate);
  const eased = Math.min(hoursAgo, 4) + Math.max(0, hoursAgo - 4) * 0.5;
  return Math.max(0, now - rate * eased + wave * Math.abs(rate) * 0.3);
}

const byId = new Map(entities.map((one) => [one.id, one]));
const areaName = new Map(areas.map((one) => [one.code, one.name]));
const text = (vi, en) => ({ vi, en });
const comma = (value, decimals) => value.toFixed(decimals).replace('.', ',');
let serial = 1000;

const RATING = { source: 'rule', priority: 'low', certainty: 'observed', estimate: false, suspect: false, cause: null, response: [], audience: [], warning: null };
const HANDLING = { assigned: null, escalated: null, reminders: 0, suppressed: [], chattering: null, latches: false, closed: null, false_alert: null, merged_into: null, notices: [] };

export const name = (operator, at) => ({ operator, verified: false, at: new Date(at).toISOString() });

export function alert(now, given) {
  const { rule, severity, entity: id, minutes, state: word = 'unacknowledged', limit = null, hold = 0 } = given;
  const entity = byId.get(id);
  const at = (back) => new Date(now - back * MINUTE).toISOString();
  const measure = given.measure === undefined ? state('flood')[id][0] : given.measure;
  const value = given.value ?? (measure ? state('flood')[id][1] : null);
  const unit = measure ? measures[measure].unit : null;
  const scale = measure ? (limits[id]?.[measure] ?? []) : [];
  const offset = (serial += 7);
  return {
    id: `${rule}:${id}:5f0e6c1a-7d7e-4f8c-9a6e-0d6b1c2f3a4b-${offset}`,
    rule, severity, status: given.status ?? 'actual', stream: entity.stream, site: 'lao-cai', entity: id,
    entity_name: entity.name, area: entity.area, area_name: areaName.get(entity.area), lat: entity.lat, lon: entity.lon,
    state: word, revision: given.revision ?? 3, since: at(minutes), raised: at(minutes - hold / 60), changed: at(Math.min(minutes, 4)),
    returned: word === 'returned_unacknowledged' ? at(6) : null,
    acknowledged: word === 'acknowledged' ? { ...name('Bàn trực 2', now - (minutes - 2) * MINUTE), command_id: 'c' } : null,
    shelved: given.shelved ?? null, comments: given.comments ?? [], occurrences: given.occurrences ?? 1,
    rating: { ...RATING, ...given.rating }, handling: { ...HANDLING, ...given.handling }, incident: given.incident ?? null, episodes: given.episodes ?? [], retrospective: false,
    measure, value, unit, message: given.message, guidance: given.guidance, scale, unofficial: given.unofficial ?? true,
    evidence: {
      rule, rule_version: 2, condition: given.condition, hold_seconds: hold,
      values: measure
        ? [2, 1, 0].map((step) => ({
            measure, value: { number: Number((value - step * 0.06).toFixed(2)) }, unit, quality: 0,
            observed: at(minutes + step * 10), received: at(minutes + step * 10 - 0.05), processed: at(minutes + step * 10), offset: offset - step,
          }))
        : [],
      limits: scale.filter((one) => one.name === limit), last_heard: given.last_heard ?? null,
    },
  };
}

const RIVER = { 'wl-lao-cai': 'sông Thao tại Lào Cai', 'wl-bao-ha': 'sông Thao tại Bảo Hà', 'wl-yen-bai': 'sông Thao tại Yên Bái', 'wl-bao-yen': 'sông Chảy tại Bảo Yên', 'wl-van-ban': 'suối Nhù tại Văn Bàn', 'wl-vinh-yen': 'suối Nghĩa Đô tại Vĩnh Yên' };
const RIVER_EN = { 'wl-lao-cai': 'the Thao at Lào Cai', 'wl-bao-ha': 'the Thao at Bảo Hà', 'wl-yen-bai': 'the Thao at Yên Bái', 'wl-bao-yen': 'the Chảy at Bảo Yên', 'wl-van-ban': 'the Nhù at Văn Bàn', 'wl-vinh-yen': 'the Nghĩa Đô at Vĩnh Yên' };
const EVACUATE = text(
  'Báo ngay trưởng ca và Ban Chỉ huy phòng thủ dân sự tỉnh. Đối chiếu bản tin của Đài Khí tượng Thủy văn, kiểm tra phương án sơ tán khu vực ven sông.',
  'Tell the shift lead and the provincial civil defence command at once. Compare with the hydrometeorological bulletin; check the evacuation plan along the river.',
);
const WATCH = text('Theo dõi mực nước 15 phút một lần, báo cấp xã ven sông.', 'Watch the level every 15 minutes; tell the communes along the river.');

export function riverAlert(now, id, level, severity, minutes, rest = {}) {
  const limit = limits[id].level.find((one) => one.name === `bd${level}`);
  const value = rest.value ?? state('flood')[id][1];
  const over = value - limit.value;
  return alert(now, {
    rule: `river-bd${level}`, severity, entity: id, minutes, limit: `bd${level}`, hold: 600,
    condition: `level >= limit.bd${level}`, guidance: level === 3 ? EVACUATE : WATCH,
    message: text(
      `Mực nước ${RIVER[id]} ${comma(value, 2)}\u00a0m, trên báo động ${level} là ${comma(over, 2)}\u00a0m`,
      `Level of ${RIVER_EN[id]} ${value.toFixed(2)}\u00a0m, above flood alarm ${level} by ${over.toFixed(2)}\u00a0m`,
    ),
    ...rest,
  });
}

export function floodAlerts(now) {
  const river = (...given) => riverAlert(now, ...given);
  const rise = (id, rate, minutes, rest) => alert(now, {
    rule: 'river-rise', severity: 'major', entity: id, minutes, condition: 'rate(level, 1h) >= 0.4', hold: 0, guidance: WATCH,
    message: text(`Nước ${RIVER[id]} lên nhanh, ${comma(rate, 2)}\u00a0m/giờ`, `${RIVER_EN[id][0].toUpperCase()}${RIVER_EN[id].slice(1)} is rising fast, ${rate.toFixed(2)}\u00a0m/h`),
    ...rest,
  });
  const rain = (id, band, severity, minutes, rest) => alert(now, {
    rule: `rain-band-${band}`, severity, entity: id, minutes, limit: ['heavy', 'very_heavy', 'extreme'][band - 1], condition: `rain_1h >= limit.band${band}`,
    guidance: text('Chú ý sạt lở đất, ngập lụt ở khu vực trũng; nhắc các thôn bản ven suối.', 'Mind landslides and flooding of low ground; warn hamlets along streams.'),
    message: text(`Mưa rất to tại ${byId.get(id).name.vi.replace('Trạm mưa ', '')}, ${comma(state('flood')[id][1], 1)}\u00a0mm trong 1 giờ`, `Very heavy rain at ${byId.get(id).name.en.replace(' rain gauge', '')}, ${state('flood')[id][1].toFixed(1)}\u00a0mm in 1 hour`),
    ...rest,
  });
  return [
    river('wl-lao-cai', 3, 'critical', 12),
    river('wl-bao-ha', 3, 'critical', 1505, { state: 'acknowledged', comments: [{ ...name('Bàn trực 2', now - 30 * MINUTE), text: 'Đã báo UBND xã Bảo Hà, đang sơ tán thôn ven sông.' }] }),
    river('wl-yen-bai', 3, 'critical', 47),
    river('wl-vinh-yen', 3, 'critical', 95, { state: 'acknowledged' }),
    river('wl-van-ban', 3, 'critical', 33, { state: 'acknowledged', occurrences: 2 }),
    river('wl-bao-yen', 1, 'warning', 220, { state: 'acknowledged' }),
    rise('wl-lao-cai', 0.42, 64, { state: 'acknowledged' }),
    rise('wl-bao-ha', 0.55, 8),
    rise('wl-vinh-yen', 0.6, 25),
    alert(now, {
      rule: 'river-silent', severity: 'major', entity: 'wl-van-ban', minutes: 21, measure: null, limit: null, hold: 1200, last_heard: new Date(now - 35 * MINUTE).toISOString(), unofficial: false,
      condition: 'silent_for >= 20min && last(level) >= limit.bd1',
      guidance: text('Gọi trực trạm, coi mực nước là đang cao cho đến khi có số liệu.', 'Call the gauge keeper; take the level for high until data is back.'),
      message: text('Trạm Văn Bàn mất tín hiệu khi nước đang cao, mực cuối 90,70\u00a0m', 'The Văn Bàn gauge is silent at high water, last level 90.70\u00a0m'),
    }),
    rain('rg-bac-ha', 3, 'major', 5), rain('rg-sa-pa', 2, 'minor', 18),
    rain('rg-luc-yen', 1, 'warning', 140, { state: 'returned_unacknowledged' }),
    alert(now, {
      rule: 'reservoir-high', severity: 'minor', entity: 'rs-thac-ba', minutes: 310, limit: 'normal', condition: 'reservoir >= limit.normal', state: 'acknowledged',
      guidance: text('Đối chiếu lệnh vận hành hồ chứa; báo hạ du khi mở cửa xả.', 'Compare with the operating order; warn downstream when gates open.'),
      message: text('Mực nước hồ Thác Bà 59,21\u00a0m, trên mực dâng bình thường 1,21\u00a0m', 'Thác Bà reservoir at 59.21\u00a0m, 1.21\u00a0m above normal level'),
    }),
    alert(now, {
      rule: 'transformer-load', severity: 'minor', entity: 'tx-cam-duong', minutes: 55, limit: 'full', condition: 'load >= limit.full', hold: 900,
      guidance: text('Báo điều độ điện lực, chuẩn bị san tải.', 'Tell the power dispatcher; prepare to shift load.'), unofficial: false,
      message: text('Máy biến áp Cam Đường tải 112\u00a0%, vượt đầy tải', 'Cam Đường transformer at 112\u00a0% load, above full load'),
      shelved: { ...name('Bàn trực 1', now - 20 * MINUTE), until: new Date(now + 100 * MINUTE).toISOString(), reason: 'Điện lực đã san tải, chờ hạ nhiệt' },
    }),
    alert(now, {
      rule: 'device-battery', severity: 'info', entity: 'rg-mu-cang-chai', minutes: 900, measure: null, condition: 'battery < 20', unofficial: false, state: 'acknowledged',
      guidance: text('Thay pin ở lần bảo trì tới.', 'Replace the battery at the next visit.'),
      message: text('Trạm mưa Mù Cang Chải pin yếu', 'Mù Cang Chải rain gauge: low battery'),
    }),
  ];
}
