/**
 * The live feed: a snapshot, then numbered changes. Keeps itself connected (back-off with jitter),
 * asks for a new snapshot whenever a number is missing, and has its own idea of being stale: an
 * open socket on which nothing comes is a lost feed, whatever the browser thinks.
 */

import type { ChangeFrame, Heartbeat, SinksFrame, Snapshot } from './types';

/** No frame for this long: what is on the screen is old. The node sends one every 2 s at least. */
export const LOST_MS = 5_000;
/** No frame for this long on an open connection: give it up and make a new one. */
const ABANDON_MS = 9_000;
const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 8_000;

export interface FeedHandlers {
  snapshot(frame: Snapshot): void;
  change(frame: ChangeFrame): void;
  heartbeat(frame: Heartbeat): void;
  /** How the deliveries are doing; has no number, so that none can be missing. */
  sinks(frame: SinksFrame): void;
  /** The site pack was changed: what was fetched of it is old. */
  site(): void;
}

/** The part of EventSource that is used, so that tests can play the server. */
export interface Source {
  addEventListener(type: string, listener: (event: { data?: string }) => void): void;
  close(): void;
  onerror: ((event: unknown) => void) | null;
}

export interface FeedEnvironment {
  open(url: string): Source;
  /** Monotonic milliseconds. */
  now(): number;
  later(run: () => void, ms: number): unknown;
  cancel(timer: unknown): void;
  random(): number;
}

export const browser: FeedEnvironment = {
  open: (url) => new EventSource(url) as unknown as Source,
  now: () => performance.now(),
  later: (run, ms) => setTimeout(run, ms),
  cancel: (timer) => clearTimeout(timer as number),
  random: Math.random,
};

export class Feed {
  #source: Source | null = null;
  #timer: unknown = null;
  #attempts = 0;
  #opened = 0;
  /** Offset of the last frame; null until a snapshot has come on this connection. */
  #offset: number | null = null;
  /** Monotonic time of the last frame of any kind. */
  lastFrame: number | null = null;

  constructor(
    private readonly url: string,
    private readonly handlers: FeedHandlers,
    private readonly env: FeedEnvironment = browser,
  ) {}

  start(): void {
    this.#open();
  }

  stop(): void {
    this.#source?.close();
    this.#source = null;
    this.env.cancel(this.#timer);
  }

  /** Milliseconds since the last frame; null before the first. */
  silence(): number | null {
    return this.lastFrame === null ? null : this.env.now() - this.lastFrame;
  }

  /** To be called about once a second: gives up a connection that is open but dead. */
  watch(): void {
    if (this.#source === null) return;
    const last = Math.max(this.#opened, this.lastFrame ?? 0);
    if (this.env.now() - last > ABANDON_MS) this.#retry();
  }

  #open(): void {
    this.#offset = null;
    this.#opened = this.env.now();
    const source = this.env.open(this.url);
    this.#source = source;
    const on = (type: string, take: (data: string) => void) =>
      source.addEventListener(type, (event) => {
        if (this.#source !== source) return;
        this.lastFrame = this.env.now();
        try {
          take(event.data ?? '');
        } catch (error) {
          // A frame that cannot be read is a hole like any other: start again from a snapshot.
          console.warn('feed: unreadable frame', type, error);
          this.#retry();
        }
      });
    on('snapshot', (data) => {
      const frame = JSON.parse(data) as Snapshot;
      this.#offset = frame.offset;
      this.#attempts = 0;
      this.handlers.snapshot(frame);
    });
    on('change', (data) => this.#change(JSON.parse(data) as ChangeFrame));
    on('heartbeat', (data) => {
      if (this.#offset === null) return;
      const frame = JSON.parse(data) as Heartbeat;
      this.#offset = Math.max(this.#offset, frame.offset);
      this.handlers.heartbeat(frame);
    });
    on('sinks', (data) => this.handlers.sinks(JSON.parse(data) as SinksFrame));
    on('site', () => this.handlers.site());
    on('resync', () => {
      this.#offset = null;
    });
    on('bye', () => this.#retry());
    source.onerror = () => {
      if (this.#source === source) this.#retry();
    };
  }

  #change(frame: ChangeFrame): void {
    if (this.#offset === null) return; // between `resync` and its snapshot
    if (frame.from > this.#offset) {
      this.#retry();
      return;
    }
    this.#offset = frame.offset;
    this.handlers.change(frame);
  }

  #retry(): void {
    this.#source?.close();
    this.#source = null;
    this.env.cancel(this.#timer);
    const wait = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#timer = this.env.later(() => this.#open(), wait * (0.7 + 0.6 * this.env.random()));
  }
}
