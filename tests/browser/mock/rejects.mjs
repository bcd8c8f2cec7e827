// The last rejected messages, in the shape of GET /api/v1/rejects.
const one = (offset, time, code, vi, en, reason, client, topic, payload) => ({
  offset, input_offset: offset - 3, time, code, meaning: { vi, en }, reason, client, topic,
  payload_bytes: payload.length, payload,
});

export const rejects = (time) => [
  one(4990, time, 'payload_not_json', 'Nội dung không phải JSON hợp lệ. Hãy kiểm tra phần mềm của thiết bị.', 'The payload is not valid JSON. Check the device\'s firmware.', 'The payload ends in the middle of a value.', 'gw-sa-pa', 'ioc/lao-cai/env/aqm-0007/up', '{"id":"aqm-0007","pm25":'),
  one(4711, time, 'device_unknown', 'Thiết bị chưa có trong danh mục. Hãy thêm thiết bị hoặc sửa mã thiết bị.', 'The device is not in the catalogue. Add it, or correct its id.', 'Device `xx-1` is neither listed nor of a family.', 'gw-sa-pa', 'ioc/lao-cai/env/xx-1/up', '{"pm25":12.5}'),
];
