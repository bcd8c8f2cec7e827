/**
 * What the node has said, and nothing else: one store, fed by the feed, read by every part of the
 * page. Nothing here is ever changed by what an operator presses; only the node's words change it.
 */

import * as api from './api';
import { Feed, LOST_MS } from './feed';
import { FloodWatch } from './flood';
import { complete, learned, NO_REGISTERS, type Incident, type Registers } from './life';
import { SeriesCache } from './series.svelte';
import { isDrill, setOf, tally } from './sets';
import { worst } from './severity';
import type { Alert, ChangeFrame, Counters, Entity, Heartbeat, Limit, Measure, Mode, Sink, Site, Snapshot } from './types';
import { absorb, type Reading, type Readings } from './values';

const STATUS_EVERY_MS = 30_000;
const SITE_RETRY_MS = 3_000;
const FLOOD_EVERY_MS = 30_000;

export type FeedState = 'connecting' | 'live' | 'lost';

class Store {
  site = $state.raw<Site | null>(null);
  mode = $state<Mode | null>(null);
  feed = $state<FeedState>('connecting');
  alerts = $state.raw<ReadonlyMap<string, Alert>>(new Map());
  counters = $state.raw<Counters | null>(null);
  devicesHeard = $state<number | null>(null);
  version = $state('');
  /** The node answers questions about longer spans. */
  archive = $state(false);
  /** Outlets and outside brokers; empty when there are none. */
  sinks = $state.raw<readonly Sink[]>([]);
  /** Journal time now, milliseconds; stands still while the feed is lost. */
  now = $state<number | null>(null);
  /** Journal time of the newest data. */
  lastEvent = $state<number | null>(null);
  /** Journal time of the last frame: up to here the page knows. */
  heardUntil = $state<number | null>(null);
  /** Milliseconds (ours) since the last frame, while the feed is lost: the data grow old all the same. */
  silence = $state(0);
  /** Goes off for a moment once a second while the feed is live: the one blink of the page. */
  beat = $state(false);
  /** Rises with every snapshot: what was fetched before may have a hole. */
  generation = $state(0);
  /** Rises whenever the site pack was changed while the page is open. */
  packTurn = $state(0);
  /** Journal time at which that was learned last, until somebody has looked. */
  packChanged = $state<number | null>(null);

  readonly series = new SeriesCache();
  registers = $state.raw<Registers>(NO_REGISTERS);
  /** More alerts than a person can take, as the page counts them or the node says of a position. */
  flood = $derived.by(() => this.#ownFlood || this.#toldFlood);
  tally = $derived(tally(this.alerts.values()));
  counts = $derived(this.tally.severities);
  worst = $derived(worst([...this.alerts.values()].filter((alert) => ['active', 'shelved'].includes(setOf(alert)))));
  drills = $derived([...this.alerts.values()].some(isDrill));
  incidents = $derived(new Map<string, Incident>(this.registers.incidents.map((one) => [one.id, one])));
  entities = $derived(new Map<string, Entity>(this.site?.entities.map((entity) => [entity.id, entity])));

  #readings: Readings = new Map();
  #readingsVersion = $state(0);
  #feed = new Feed('/api/v1/feed', {
    snapshot: (frame) => this.#snapshot(frame),
    change: (frame) => this.#change(frame),
    heartbeat: (frame) => this.#heard(frame),
    sinks: (frame) => this.#sinks(frame.sinks),
    site: () => {
      this.packIsNew();
      void this.#loadSite();
    },
  });
  #ownFlood = $state(false);
  #toldFlood = $state(false);
  #watch = new FloodWatch();
  #floodAt = -Infinity;
  #statusAt = -Infinity;
  #timers: ReturnType<typeof setInterval>[] = [];

  start(): void {
    void this.#loadSite();
    this.#feed.start();
    const started = performance.now();
    this.#timers.push(setInterval(() => this.#tick(started), 250));
  }

  stop(): void {
    this.#feed.stop();
    for (const timer of this.#timers) clearInterval(timer);
  }

  reading(entity: string, measure: string): Reading | null {
    void this.#readingsVersion;
    return this.#readings.get(entity)?.get(measure) ?? null;
  }

  /** All readings of an entity. */
  readingsOf(entity: string): [measure: string, reading: Reading][] {
    void this.#readingsVersion;
    return [...(this.#readings.get(entity) ?? [])];
  }

  measure(name: string): Measure | null {
    return this.site?.measures[name] ?? null;
  }

  limits(entity: string, measure: string): Limit[] {
    return this.site?.limits[entity]?.[measure] ?? [];
  }

  /** An alert that a verdict or a fetch carried: taken when it is newer than ours. */
  learn(alert: Alert): void {
    const known = this.alerts.get(alert.id);
    if (known && known.revision >= alert.revision) return;
    // An unknown one may be over for longer than the feed remembers: the feed alone adds alerts.
    if (known) this.#apply([alert]);
  }

  /** The pack in force is another than the one that the page knew. */
  packIsNew(): void {
    this.packTurn += 1;
    this.packChanged = this.now;
  }

  #snapshot(frame: Snapshot): void {
    this.mode = frame.mode;
    this.#sinks(frame.sinks ?? []);
    this.alerts = new Map(frame.alerts.map((alert) => [alert.id, complete(alert)]));
    this.registers = learned(NO_REGISTERS, frame);
    this.#watch.begin(this.alerts.values(), Date.parse(frame.now));
    this.#floodAt = -Infinity;
    this.#readings.clear();
    absorb(this.#readings, frame.latest);
    this.#readingsVersion += 1;
    this.generation += 1;
    if (frame.last_event === undefined) {
      const newest = Math.max(...frame.latest.map((entry) => Date.parse(entry.observed)));
      if (Number.isFinite(newest)) this.lastEvent = Math.min(newest, Date.parse(frame.now));
    }
    this.#heard(frame);
    this.#statusAt = -Infinity;
    // The site pack may have been changed while we were away.
    void this.#loadSite(true);
  }

  #change(frame: ChangeFrame): void {
    if (frame.alerts.length > 0) this.#apply(frame.alerts);
    this.registers = learned(this.registers, frame);
    if (frame.latest.length > 0) {
      for (const taken of absorb(this.#readings, frame.latest)) this.series.append(...taken);
      this.#readingsVersion += 1;
      if (frame.last_event === undefined) this.lastEvent = Date.parse(frame.now);
    }
    if (frame.sinks) this.#sinks(frame.sinks);
    this.#heard(frame);
  }

  #sinks(sinks: readonly Sink[]): void {
    this.sinks = sinks;
  }

  #apply(changed: readonly Alert[]): void {
    const alerts = new Map(this.alerts);
    for (const one of changed) {
      const alert = complete(one);
      this.#watch.change(alert, alerts.get(alert.id));
      if (alert.state === 'normal') alerts.delete(alert.id);
      else alerts.set(alert.id, alert);
    }
    this.alerts = alerts;
  }

  #heard(frame: Heartbeat): void {
    this.heardUntil = Date.parse(frame.now);
    this.now = this.heardUntil;
    this.#watch.advance(this.heardUntil);
    this.#ownFlood = this.#watch.running;
    if (frame.last_event) this.lastEvent = Date.parse(frame.last_event);
    if (frame.counters) this.counters = frame.counters;
    if (frame.devices_heard !== undefined) this.devicesHeard = frame.devices_heard;
    this.feed = 'live';
    this.silence = 0;
  }

  #tick(started: number): void {
    this.#feed.watch();
    const silence = this.#feed.silence();
    const quiet = silence ?? performance.now() - started;
    if (quiet >= LOST_MS) {
      this.feed = 'lost';
      this.silence = quiet;
      this.beat = true;
      return;
    }
    // Mostly on: at a glance what is new is never fainter than what is known.
    this.beat = Math.floor(performance.now() / 250) % 4 !== 3;
    if (this.heardUntil === null || silence === null) return;
    // Scenario time moves in jumps at a speed of its own; only real time may be carried on by ours.
    if (this.mode === 'live') this.now = this.heardUntil + silence;
    if (performance.now() - this.#statusAt >= STATUS_EVERY_MS) void this.#loadStatus();
    if (performance.now() - this.#floodAt >= FLOOD_EVERY_MS) void this.#loadFlood();
  }

  async #loadStatus(): Promise<void> {
    this.#statusAt = performance.now();
    try {
      const status = await api.status();
      this.devicesHeard = status.devices_heard;
      this.counters = status.counters;
      this.version = status.version;
      this.archive = status.archive === true;
      if (status.last_event && this.lastEvent === null) this.lastEvent = Date.parse(status.last_event);
    } catch {
      // The feed says whether the node is there; this is asked again at the next turn.
    }
  }

  async #loadFlood(): Promise<void> {
    this.#floodAt = performance.now();
    try {
      const { live } = await api.flood();
      this.#toldFlood = live.some((position) => position.in_flood);
    } catch {
      // Nothing counts there, or not now: the page has counted for itself.
      this.#toldFlood = false;
    }
  }

  async #loadSite(missed = false): Promise<void> {
    try {
      const site = await api.site();
      // Almost always the same as before; then nothing that is drawn from it is drawn again.
      if (JSON.stringify(site) !== JSON.stringify(this.site)) {
        // What was changed while we were away is told by nobody.
        if (missed && this.site !== null) this.packIsNew();
        this.site = site;
      }
      this.mode ??= site.mode;
    } catch {
      if (this.site === null) setTimeout(() => void this.#loadSite(), SITE_RETRY_MS);
    }
  }
}

export const store = new Store();
