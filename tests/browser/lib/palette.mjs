// Makes a picture of the page small: 8-bit RGB(A) PNG to 256 colours. The page has few colours and many shades of
// their edges, so the most frequent ones, chosen apart from each other, are enough for the eye.
import { deflateSync, inflateSync, crc32 as nodeCrc } from 'node:zlib';

const COLOURS = 256;
const APART = 40; // squared distance below which two colours share an entry

const TABLE = Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
const crc = nodeCrc ?? ((bytes) => ~bytes.reduce((sum, byte) => TABLE[(sum ^ byte) & 255] ^ (sum >>> 8), -1) >>> 0);

function read(png) {
  const data = [];
  let header = null;
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const body = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    const kind = png.toString('latin1', at + 4, at + 8);
    if (kind === 'IHDR') header = body;
    if (kind === 'IDAT') data.push(body);
  }
  const [width, height, step] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9] === 6 ? 4 : 3];
  if (header[8] !== 8 || header[12] !== 0) throw new Error('only plain 8-bit pictures');
  const raw = inflateSync(Buffer.concat(data));
  const row = width * step;
  const pixels = Buffer.alloc(row * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (row + 1)];
    for (let x = 0; x < row; x += 1) {
      const a = x >= step ? pixels[y * row + x - step] : 0;
      const b = y > 0 ? pixels[(y - 1) * row + x] : 0;
      const c = x >= step && y > 0 ? pixels[(y - 1) * row + x - step] : 0;
      const [da, db, dc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
      const paeth = da <= db && da <= dc ? a : db <= dc ? b : c;
      pixels[y * row + x] = raw[y * (row + 1) + 1 + x] + [0, a, b, (a + b) >> 1, paeth][filter];
    }
  }
  return { width, height, step, pixels };
}

export function small(png) {
  const { width, height, step, pixels } = read(png);
  const counts = new Map();
  for (let at = 0; at < pixels.length; at += step) {
    const colour = (pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2];
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const distance = (a, b) => ((a >> 16) - (b >> 16)) ** 2 + (((a >> 8) & 255) - ((b >> 8) & 255)) ** 2 + ((a & 255) - (b & 255)) ** 2;
  const chosen = [];
  for (const [colour] of [...counts].sort((a, b) => b[1] - a[1])) {
    // The surfaces come first and are kept exactly, however near to each other.
    if (chosen.length < 24 || chosen.every((one) => distance(one, colour) > APART)) chosen.push(colour);
    if (chosen.length === COLOURS) break;
  }
  const nearest = new Map();
  for (const colour of counts.keys()) {
    let best = 0;
    for (let index = 1; index < chosen.length; index += 1) {
      if (distance(chosen[index], colour) < distance(chosen[best], colour)) best = index;
    }
    nearest.set(colour, best);
  }
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * step;
      rows[y * (width + 1) + 1 + x] = nearest.get((pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2]);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const palette = Buffer.from(chosen.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  const chunk = (kind, body) => {
    const named = Buffer.concat([Buffer.from(kind, 'latin1'), body]);
    const framed = Buffer.alloc(8 + named.length);
    framed.writeUInt32BE(body.length, 0);
    named.copy(framed, 4);
    framed.writeUInt32BE(crc(named) >>> 0, 4 + named.length);
    return framed;
  };
  const parts = [chunk('IHDR', header), chunk('PLTE', palette), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([png.subarray(0, 8), ...parts]);
}
