// The least that a device does: one MQTT 3.1.1 connection, one QoS 1 message, its acknowledgement.
import { connect } from 'node:net';

const LIMIT_MS = 10_000;
const text = (value) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

function packet(first, ...parts) {
  const body = Buffer.concat(parts);
  const length = [];
  let rest = body.length;
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** Resolves when the node has acknowledged the message, which it does only once the message is durable. */
export async function publish(address, topic, payload) {
  const at = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, at).replace(/[[\]]/g, ''), port: Number(address.slice(at + 1)) });
  socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`no answer from ${address}`)));
  let heard = Buffer.alloc(0);
  try {
    await new Promise((resolve, reject) => {
      socket.on('error', reject).on('close', () => reject(new Error('closed before the acknowledgement')));
      socket.on('data', (bytes) => {
        heard = Buffer.concat([heard, bytes]);
        // CONNACK accepted (4 bytes), then PUBACK of packet 1 (4 bytes).
        if (heard.length >= 4 && heard.readUInt32BE(0) !== 0x20020000) reject(new Error(`refused: ${heard.toString('hex')}`));
        if (heard.length >= 8) (heard.readUInt32BE(4) === 0x40020001 ? resolve : reject)(new Error(`not acknowledged: ${heard.toString('hex')}`));
      });
      const hello = packet(0x10, text('MQTT'), Buffer.from([4, 2, 0, 30]), text(`browser-test-${process.pid}`));
      const message = packet(0x32, text(topic), Buffer.from([0, 1]), Buffer.from(JSON.stringify(payload)));
      socket.write(Buffer.concat([hello, message]));
    });
    socket.write(Buffer.from([0xe0, 0]));
  } finally {
    socket.destroy();
  }
}

let sequence = 0;
/** A water level, as the gauge `id` would report it now. */
export const level = (node, id, metres) =>
  publish(node.addresses.ingest[0], `ioc/lao-cai/disaster/${id}/up`, {
    id,
    seq: (sequence += 1),
    ts: new Date().toISOString(),
    level: metres,
  });
