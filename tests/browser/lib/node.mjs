// The real binary: `ioc run` and `ioc demo` in a folder of their own, killed and started at will.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './target.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const START_MS = 30_000;
const LOG_CHARS = 4_000;

export function binary(...places) {
  const found = [process.env.IOC_BINARY, ...places.map((place) => join(ROOT, place))].find((path) => path && existsSync(path));
  if (!found) throw new Error(`no ioc binary (IOC_BINARY=${process.env.IOC_BINARY ?? ''}): make ui && cargo build -p ioc`);
  return found;
}

/** A port that was free a moment ago: a node that comes back must come back at the same one. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class Node {
  #child = null;
  #log = '';
  #goes;

  constructor(path, args, data, env = {}) {
    this.path = path;
    this.args = args;
    this.data = data;
    this.env = env;
    // Nothing is left behind when a test run is cut short.
    this.#goes = () => {
      this.#child?.kill('SIGKILL');
      rmSync(this.data, { recursive: true, force: true });
    };
    process.once('exit', this.#goes);
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  }

  get url() {
    return `http://${this.addresses.console}`;
  }

  async start() {
    const file = join(this.data, 'addresses.json');
    rmSync(file, { force: true });
    const child = spawn(this.path, this.args, { env: { ...process.env, ...this.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#log = '';
    let ended = null;
    child.once('exit', (code, signal) => (ended = signal ?? code));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.#log = (this.#log + text).slice(-LOG_CHARS)));
    }
    const ready = async () => {
      if (ended !== null) throw new Error(`ioc ended (${ended}) while starting:\n${this.#log}`);
      try {
        this.addresses = JSON.parse(readFileSync(file, 'utf8'));
        return (await fetch(`${this.url}/api/v1/status`)).ok;
      } catch {
        return false; // not listening yet
      }
    };
    await until('the node answers', ready, START_MS);
  }

  /** Ends it as a power cut would (or politely, with SIGTERM), and waits until it is gone. */
  async kill(signal = 'SIGKILL') {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async stop() {
    await this.kill();
    process.removeListener('exit', this.#goes);
    rmSync(this.data, { recursive: true, force: true });
  }
}

const folder = () => mkdtempSync(join(tmpdir(), 'ioc-browser-'));

/** A node on the real clock with free ports, which it keeps over restarts; `env` is added to its settings. */
export async function node(env = {}) {
  const path = binary('target/debug/ioc');
  const data = folder();
  const started = new Node(path, ['run'], data, {
    IOC__NODE__DATA_DIR: data,
    IOC__NODE__SITE: 'lao-cai',
    IOC__INGEST__LISTEN: '127.0.0.1:0',
    IOC__CONSOLE__LISTEN: `127.0.0.1:${await freePort()}`,
    IOC__ADMIN__LISTEN: `127.0.0.1:${await freePort()}`,
    ...env,
  });
  await started.start();
  return started;
}

export async function demo({ speed }) {
  const path = binary('target/release/ioc', 'target/debug/ioc');
  const data = folder();
  const started = new Node(path, ['demo', '--speed', String(speed), '--data', data], data);
  await started.start();
  return started;
}
