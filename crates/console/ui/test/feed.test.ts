import { beforeEach, expect, test } from 'vitest';
import { Feed, type FeedEnvironment, type Source } from '../src/lib/feed';

class Server implements Source {
  onerror: ((event: unknown) => void) | null = null;
  closed = false;
  #listeners = new Map<string, (event: { data?: string }) => void>();
  addEventListener(type: string, listener: (event: { data?: string }) => void): void {
    this.#listeners.set(type, listener);
  }
  close(): void {
    this.closed = true;
  }
  says(type: string, data: object): void {
    this.#listeners.get(type)?.({ data: JSON.stringify(data) });
  }
}

let servers: Server[];
let seen: string[];
let later: { run: () => void; ms: number }[];
let now: number;
let feed: Feed;

beforeEach(() => {
  [servers, seen, later, now] = [[], [], [], 0];
  const env: FeedEnvironment = {
    open: () => {
      const server = new Server();
      servers.push(server);
      return server;
    },
    now: () => now,
    later: (run, ms) => later.push({ run, ms }),
    cancel: () => {},
    random: () => 0.5,
  };
  const note = (name: string) => (frame: { offset: number }) => seen.push(`${name} ${frame.offset}`);
  feed = new Feed('/feed', { snapshot: note('snapshot'), change: note('change'), heartbeat: note('heartbeat'), sinks: ({ sinks }) => seen.push(`sinks ${sinks.length}`), site: () => seen.push('site') }, env);
  feed.start();
});

test('a snapshot, then numbered changes', () => {
  servers[0]!.says('change', { from: 1, offset: 2 }); // before the snapshot: nobody can use it
  servers[0]!.says('snapshot', { offset: 5 });
  servers[0]!.says('change', { from: 5, offset: 7 });
  servers[0]!.says('heartbeat', { offset: 7 });
  expect(seen).toEqual(['snapshot 5', 'change 7', 'heartbeat 7']);
});

test('a missing number asks for a new snapshot', () => {
  servers[0]!.says('snapshot', { offset: 5 });
  servers[0]!.says('change', { from: 8, offset: 9 });
  expect(seen).toEqual(['snapshot 5']);
  expect(servers[0]!.closed).toBe(true);
  later[0]!.run();
  expect(servers.length).toBe(2);
});

test('a heartbeat may carry the number on', () => {
  servers[0]!.says('snapshot', { offset: 5 });
  servers[0]!.says('heartbeat', { offset: 9 });
  servers[0]!.says('change', { from: 9, offset: 10 });
  expect(seen.at(-1)).toBe('change 10');
});

test('after a resync only a snapshot counts', () => {
  servers[0]!.says('snapshot', { offset: 5 });
  servers[0]!.says('resync', {});
  servers[0]!.says('change', { from: 5, offset: 6 });
  servers[0]!.says('snapshot', { offset: 20 });
  expect(seen).toEqual(['snapshot 5', 'snapshot 20']);
});

test('waits longer from try to try, and from the start again after success', () => {
  for (let tries = 0; tries < 7; tries += 1) {
    servers.at(-1)!.onerror?.({});
    later.at(-1)!.run();
  }
  expect(later.map(({ ms }) => ms)).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
  servers.at(-1)!.says('snapshot', { offset: 1 });
  servers.at(-1)!.onerror?.({});
  expect(later.at(-1)!.ms).toBe(500);
});

test('an open connection on which nothing comes is given up', () => {
  servers[0]!.says('snapshot', { offset: 5 });
  now = 4_000;
  feed.watch();
  expect([feed.silence(), servers[0]!.closed]).toEqual([4_000, false]);
  now = 9_500;
  feed.watch();
  expect(servers[0]!.closed).toBe(true);
});

test('what a closed connection still says is not heard', () => {
  servers[0]!.says('snapshot', { offset: 5 });
  servers[0]!.says('bye', {});
  servers[0]!.says('change', { from: 5, offset: 6 });
  expect(seen).toEqual(['snapshot 5']);
});

test('news of the deliveries has no number and makes no hole', () => {
  servers[0]!.says('snapshot', { offset: 5 });
  servers[0]!.says('sinks', { now: '2026-11-23T07:05:12Z', sinks: [{}, {}] });
  servers[0]!.says('change', { from: 5, offset: 6 });
  expect(seen).toEqual(['snapshot 5', 'sinks 2', 'change 6']);
});
