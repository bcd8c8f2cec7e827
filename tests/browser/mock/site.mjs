// The site as the mock tells it: the real units, stations and limits, in the shape of GET /api/v1/site.
import { readFileSync } from 'node:fs';

const rows = readFileSync(new URL('./areas.csv', import.meta.url), 'utf8').trim().split('\n').slice(1);
export const areas = rows.map((row) => {
  const [code, kind, name, lat, lon, km2] = row.split(',');
  return { code, kind, name, lat: Number(lat), lon: Number(lon), km2: Number(km2) };
});

export function areaNear(lat, lon) {
  const distance = (area) => (area.lat - lat) ** 2 + ((area.lon - lon) * 0.92) ** 2;
  return areas.reduce((best, area) => (distance(area) < distance(best) ? area : best));
}

const measure = (name, unit, words, vi, en, decimals) => ({
  name, kind: 'number', unit, label: { vi, en }, decimals,
  unit_text: typeof words === 'string' ? { vi: words, en: words } : words,
});

export const measures = Object.fromEntries(
  [
    measure('level', 'm', 'm', 'Mực nước', 'Water level', 2),
    measure('rain_1h', 'mm', 'mm', 'Mưa 1 giờ', 'Rain, 1 h', 1),
    measure('pm25', 'ug/m3', 'µg/m³', 'PM2.5', 'PM2.5', 0),
    measure('load', '%', '%', 'Tải máy biến áp', 'Transformer load', 0),
    measure('visitors', '{person}', { vi: 'người', en: 'people' }, 'Số khách tại điểm', 'Visitors on site', 0),
    measure('reservoir', 'm', 'm', 'Mực nước hồ', 'Reservoir level', 2),
  ].map((one) => [one.name, one]),
);

const entity = (id, vi, en, stream, profile, lat, lon, interval_seconds = 600) => ({
  id, name: { vi, en }, stream, profile, area: areaNear(lat, lon).code, lat, lon, interval_seconds, expected: true,
});

export const entities = [
  entity('wl-lao-cai', 'Trạm thủy văn Lào Cai', 'Lào Cai gauge', 'disaster', 'river', 22.5, 103.968),
  entity('wl-bao-ha', 'Trạm thủy văn Bảo Hà', 'Bảo Hà gauge', 'disaster', 'river', 22.17, 104.35),
  entity('wl-yen-bai', 'Trạm thủy văn Yên Bái', 'Yên Bái gauge', 'disaster', 'river', 21.703, 104.87),
  entity('wl-bao-yen', 'Trạm thủy văn Bảo Yên', 'Bảo Yên gauge', 'disaster', 'river', 22.236, 104.478),
  entity('wl-van-ban', 'Trạm thủy văn Văn Bàn', 'Văn Bàn gauge', 'disaster', 'river', 22.093, 104.249),
  entity('wl-vinh-yen', 'Trạm thủy văn Vĩnh Yên', 'Vĩnh Yên gauge', 'disaster', 'river', 22.36, 104.46),
  entity('rg-sa-pa', 'Trạm mưa Sa Pa', 'Sa Pa rain gauge', 'disaster', 'rain', 22.335, 103.84),
  entity('rg-bac-ha', 'Trạm mưa Bắc Hà', 'Bắc Hà rain gauge', 'disaster', 'rain', 22.54, 104.29),
  entity('rg-luc-yen', 'Trạm mưa Lục Yên', 'Lục Yên rain gauge', 'disaster', 'rain', 22.11, 104.72),
  entity('rg-mu-cang-chai', 'Trạm mưa Mù Cang Chải', 'Mù Cang Chải rain gauge', 'disaster', 'rain', 21.85, 104.09),
  entity('rs-thac-ba', 'Hồ Thác Bà', 'Thác Bà reservoir', 'disaster', 'reservoir', 21.75, 105.02),
  entity('tx-cam-duong', 'Trạm biến áp Cam Đường', 'Cam Đường substation', 'energy', 'transformer', 22.43, 104.01),
  entity('tx-yen-bai', 'Trạm biến áp Yên Bái', 'Yên Bái substation', 'energy', 'transformer', 21.72, 104.9),
  entity('aqm-lao-cai', 'Trạm không khí Lào Cai', 'Lào Cai air station', 'environment', 'air', 22.485, 103.975, 300),
  entity('vc-sa-pa', 'Quảng trường Sa Pa', 'Sa Pa square', 'tourism', 'crowd', 22.334, 103.843, 300),
];

const QD = 'QĐ 05/2020/QĐ-TTg, suy từ bản tin';
const limit = (name, value, unit, source, verified) => ({ name, value, unit, source, verified });
const flood = (values, verified) =>
  values.map((value, index) => limit(`bd${index + 1}`, value, 'm', QD, verified[index]));
const rain = [16, 25, 50, 80].map((value, index) =>
  limit(['heavy', 'very_heavy', 'extreme', 'exceptional'][index], value, 'mm', 'Phân cấp mưa, đề xuất', false));
const river = {
  'wl-lao-cai': flood([80, 82, 83.5], [true, false, true]),
  'wl-bao-ha': flood([55, 56, 57], [false, false, true]),
  'wl-yen-bai': flood([30, 31, 32], [true, true, true]),
  'wl-bao-yen': flood([71, 73, 75], [true, false, false]),
  'wl-van-ban': flood([88.5, 89.5, 90.5], [false, true, true]),
  'wl-vinh-yen': [limit('bd3', 131.5, 'm', QD, true)],
};
export const limits = {
  ...Object.fromEntries(Object.entries(river).map(([id, list]) => [id, { level: list }])),
  ...Object.fromEntries(
    entities.filter(({ profile }) => profile === 'rain').map(({ id }) => [id, { rain_1h: rain }])),
  'rs-thac-ba': {
    reservoir: [limit('normal', 58, 'm', 'Quy trình vận hành', false), limit('high', 59.65, 'm', 'Quy trình vận hành', false)],
  },
  'tx-cam-duong': { load: [limit('full', 100, '%', 'Vận hành lưới điện', false), limit('over', 120, '%', 'Vận hành lưới điện', false)] },
  'tx-yen-bai': { load: [limit('full', 100, '%', 'Vận hành lưới điện', false), limit('over', 120, '%', 'Vận hành lưới điện', false)] },
  'aqm-lao-cai': { pm25: [limit('aqi_100', 50, 'ug/m3', 'QCVN 05:2023', true)] },
  'vc-sa-pa': { visitors: [limit('high', 4000, '{person}', 'BQL du lịch, đề xuất', false), limit('capacity', 6000, '{person}', 'BQL du lịch, đề xuất', false)] },
};

export const trends = [
  { entity: 'wl-lao-cai', measure: 'level' },
  { entity: 'wl-bao-ha', measure: 'level' },
  { entity: 'wl-yen-bai', measure: 'level' },
  { entity: 'rg-sa-pa', measure: 'rain_1h' },
  { entity: 'rs-thac-ba', measure: 'reservoir' },
  { entity: 'tx-cam-duong', measure: 'load' },
  { entity: 'vc-sa-pa', measure: 'visitors' },
];

// Schematic courses through the towns on the rivers; not surveyed.
export const lines = [
  {
    name: { vi: 'Sông Thao', en: 'Thao river' }, schematic: true, source: null,
    points: [[103.65, 22.79], [103.82, 22.61], [103.968, 22.5], [104.18, 22.32], [104.35, 22.17], [104.55, 21.98], [104.69, 21.87], [104.87, 21.703], [104.95, 21.62]],
  },
  {
    name: { vi: 'Sông Chảy', en: 'Chảy river' }, schematic: true, source: null,
    points: [[104.36, 22.7], [104.2, 22.55], [104.27, 22.39], [104.478, 22.236], [104.66, 22.1], [104.8, 21.95], [104.95, 21.8], [105.03, 21.73]],
  },
];

export const site = (mode) => ({
  site: 'lao-cai',
  name: { vi: 'Tỉnh Lào Cai', en: 'Lào Cai province' },
  mode, areas, entities, measures, limits, trends, lines, rules: [],
});
