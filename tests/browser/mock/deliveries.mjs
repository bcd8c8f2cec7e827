// Deliveries in the shape of GET /api/v1/sinks: all well, and some that are not.
const counts = { received: 0, written: 0, rejected: 0, retried: 0, dropped: 0, inflight_batches: 0 };
const MINUTE = 60_000;
const iso = (ms) => new Date(ms).toISOString();

export const outlet = (now, name, rest = {}) => ({
  name, kind: 'outlet', state: 'running', since: iso(now - 600 * MINUTE), position: 6190, lag_records: 0, lag_seconds: 0,
  trouble: null, gaps: [], held_ratio: 0.04, counts: { ...counts, received: 6190, written: 6190 }, connections: null, ...rest,
});

export const broker = (now, rest = {}) => ({
  ...outlet(now, 'broker'), kind: 'front_door', position: null, held_ratio: null, counts: { ...counts, received: 6204 },
  connections: { clients: 2, connected: 2, reconnects: 0, lost_sessions: 0, refused: 0 }, ...rest,
});

const trouble = (now, code, message, attempts) => ({ code, message, at: iso(now - 4_000), attempts });

export const well = (now) => [outlet(now, 'kafka'), outlet(now, 'influxdb'), outlet(now, 'archive')];

export const kafkaDown = (now) => [
  outlet(now, 'kafka', {
    state: 'retrying', since: iso(now - 7 * MINUTE), position: 5012, lag_records: 12_345, lag_seconds: 421, held_ratio: 0.11,
    trouble: trouble(now, 'unreachable', '127.0.0.1:9092: Connect failed: Connection refused', 23),
  }),
  outlet(now, 'influxdb'), outlet(now, 'archive'),
];

/** One of everything. */
export const all = (now) => [
  kafkaDown(now)[0],
  outlet(now, 'influxdb', {
    since: iso(now - 3 * MINUTE), position: 6100, lag_records: 90, lag_seconds: 2.5, gaps: [[1200, 1460], [2000, 2001]],
    trouble: trouble(now, 'unauthenticated', 'HTTP 401 from http://127.0.0.1:8086/api/v2/write: unauthorized access', 9),
    counts: { ...counts, received: 6100, written: 5839, rejected: 2, retried: 40, dropped: 261 },
  }),
  outlet(now, 'archive', { position: 5900, lag_records: 300, lag_seconds: 44 }),
  broker(now, {
    state: 'retrying', since: iso(now - 2 * MINUTE), trouble: trouble(now, 'timed_out', 'CONNACK not received within 10 s', 4),
    connections: { clients: 2, connected: 0, reconnects: 5, lost_sessions: 1, refused: 0 },
  }),
];
