/**
 * The MapLibre part of the map, apart from the page so that it can be loaded after the list stands.
 * Draws cells, lines and stations from what the node said; alerts are drawn by the page on top, as
 * ordinary buttons, at the positions that `project` gives. Nothing is fetched.
 */

import {
  Map as MapLibre,
  setWorkerUrl,
  type GeoJSONSource,
  type LngLatBoundsLike,
  type StyleSpecification,
} from 'maplibre-gl';
import 'maplibre-gl/dist/maplibre-gl.css';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import type { Cell } from './cells';
import type { MapLine } from './types';

setWorkerUrl(workerUrl);

export interface Colours {
  bg: string;
  panel: string;
  raised: string;
  line: string;
  text: string;
  muted: string;
}

export interface Station {
  id: string;
  lon: number;
  lat: number;
}

export interface MapEvents {
  /** Positions changed: project again. */
  moved(): void;
  /** The pointer is over this unit (null: over none), at this pixel. */
  over(code: string | null, x: number, y: number): void;
  tapped(code: string | null, x: number, y: number): void;
}

type Features = Extract<Parameters<GeoJSONSource['setData']>[0], { type: 'FeatureCollection' }>;

const EMPTY: Features = { type: 'FeatureCollection', features: [] };
const FONT = ['Be Vietnam Pro'];
/** Below the symbol of a station, which often stands near the middle of its unit. */
const LABEL_OFFSET_EM = 0.9;

function style(colours: Colours): StyleSpecification {
  const { bg, panel, raised, line, text, muted } = colours;
  return {
    version: 8,
    sources: {
      cells: { type: 'geojson', data: EMPTY, promoteId: 'code' },
      labels: { type: 'geojson', data: EMPTY },
      lines: { type: 'geojson', data: EMPTY },
      stations: { type: 'geojson', data: EMPTY },
    },
    layers: [
      { id: 'background', type: 'background', paint: { 'background-color': bg } },
      {
        id: 'cells',
        type: 'fill',
        source: 'cells',
        paint: {
          'fill-color': ['case', ['boolean', ['feature-state', 'over'], false], raised, panel],
          'fill-antialias': true,
        },
      },
      { id: 'edges', type: 'line', source: 'cells', paint: { 'line-color': line, 'line-width': 1 } },
      {
        id: 'lines',
        type: 'line',
        source: 'lines',
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: { 'line-color': muted, 'line-width': 2.5, 'line-opacity': 0.45 },
      },
      {
        id: 'chosen',
        type: 'line',
        source: 'cells',
        filter: ['==', ['get', 'code'], ''],
        paint: { 'line-color': text, 'line-width': 2 },
      },
      {
        id: 'stations',
        type: 'circle',
        source: 'stations',
        paint: {
          'circle-radius': 3,
          'circle-color': bg,
          'circle-stroke-color': muted,
          'circle-stroke-width': 1.5,
        },
      },
      {
        id: 'labels',
        type: 'symbol',
        source: 'labels',
        layout: {
          'text-field': ['get', 'name'],
          'text-font': FONT,
          'text-size': 12,
          'text-padding': 6,
          'text-max-width': 6,
          'text-anchor': 'top',
          'text-offset': [0, LABEL_OFFSET_EM],
          'symbol-sort-key': ['get', 'order'],
        },
        paint: { 'text-color': muted, 'text-halo-color': panel, 'text-halo-width': 1.2 },
      },
      // After the names of units: few, and placed before them.
      {
        id: 'line-names',
        type: 'symbol',
        source: 'lines',
        layout: {
          'symbol-placement': 'line',
          'symbol-spacing': 320,
          'text-field': ['get', 'name'],
          'text-font': FONT,
          'text-size': 12,
          'text-offset': [0, -LABEL_OFFSET_EM],
        },
        paint: { 'text-color': muted, 'text-halo-color': panel, 'text-halo-width': 1.2 },
      },
    ],
  };
}

const point = (lon: number, lat: number) => ({ type: 'Point' as const, coordinates: [lon, lat] });

export class SchematicMap {
  readonly #map: MapLibre;
  #ready = false;
  #moved = false;
  #waiting: (() => void)[] = [];
  #over: string | null = null;
  #bounds: LngLatBoundsLike | null = null;
  #cells: Cell[] = [];
  #lines: MapLine[] = [];
  /** Of the lines, in the language of the page. */
  #names: string[] = [];
  #stations: Station[] = [];
  #chosen: string | null = null;

  /** Throws where WebGL is not to be had. */
  constructor(container: HTMLElement, colours: Colours, events: MapEvents) {
    this.#map = new MapLibre({
      container,
      style: style(colours),
      center: [104.3, 22.1],
      zoom: 7.5,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      maxZoom: 13,
      // Keys belong to the page.
      keyboard: false,
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.on('load', () => {
      this.#ready = true;
      for (const run of this.#waiting.splice(0)) run();
      events.moved();
    });
    this.#map.on('move', () => events.moved());
    // Whoever moved the map by hand keeps what they look at.
    this.#map.on('movestart', (event) => {
      if ((event as { originalEvent?: unknown }).originalEvent) this.#moved = true;
    });
    this.#map.on('resize', () => {
      if (!this.#moved) this.fit(false);
      events.moved();
    });
    this.#map.on('mousemove', (event) => {
      const code = this.#cellAt(event.point.x, event.point.y);
      this.#mark(code);
      events.over(code, event.point.x, event.point.y);
    });
    this.#map.on('mouseout', () => {
      this.#mark(null);
      events.over(null, 0, 0);
    });
    this.#map.on('click', (event) =>
      events.tapped(this.#cellAt(event.point.x, event.point.y), event.point.x, event.point.y),
    );
  }

  destroy(): void {
    this.#map.remove();
  }

  /** Places without an alert: a small grey ring each. */
  stations(stations: Station[]): void {
    // Asked at every change of an alert, and mostly the same: not worth drawing the map again.
    if (JSON.stringify(stations) === JSON.stringify(this.#stations)) return;
    this.#stations = stations;
    this.#whenReady(() => this.#fillStations());
  }

  names(names: string[]): void {
    this.#names = names;
    this.#whenReady(() => this.#fillLines());
  }

  data(cells: Cell[], lines: MapLine[]): void {
    this.#cells = cells;
    this.#lines = lines;
    const corners = cells.flatMap((cell) => cell.ring);
    if (corners.length > 0) {
      const lons = corners.map(([lon]) => lon);
      const lats = corners.map(([, lat]) => lat);
      this.#bounds = [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
    }
    this.#whenReady(() => {
      this.#fill();
      this.fit(false);
    });
  }

  recolour(colours: Colours): void {
    this.#whenReady(() => {
      this.#map.setStyle(style(colours), { diff: true });
      this.#fill();
      this.choose(this.#chosen);
    });
  }

  choose(code: string | null): void {
    this.#chosen = code;
    this.#whenReady(() => this.#map.setFilter('chosen', ['==', ['get', 'code'], code ?? '']));
  }

  project(lon: number, lat: number): { x: number; y: number } {
    return this.#map.project([lon, lat]);
  }

  zoom(step: 1 | -1): void {
    this.#moved = true;
    this.#map.easeTo({ zoom: this.#map.getZoom() + step, duration: 150 });
  }

  fit(smooth: boolean): void {
    this.#moved = false;
    if (this.#bounds) this.#map.fitBounds(this.#bounds, { padding: 14, duration: smooth ? 250 : 0 });
  }

  #whenReady(run: () => void): void {
    if (this.#ready) run();
    else this.#waiting.push(run);
  }

  #fill(): void {
    this.#set('cells', this.#cells.map(({ code, ring }) => ({
      type: 'Feature',
      properties: { code },
      geometry: { type: 'Polygon', coordinates: [ring] },
    })));
    this.#set('labels', this.#cells.map(({ name, lon, lat }, order) => ({
      type: 'Feature',
      properties: { name, order },
      geometry: point(lon, lat),
    })));
    this.#fillLines();
    this.#fillStations();
  }

  #fillLines(): void {
    this.#set('lines', this.#lines.map(({ points }, index) => ({
      type: 'Feature',
      properties: { name: this.#names[index] ?? '' },
      geometry: { type: 'LineString', coordinates: points },
    })));
  }

  #fillStations(): void {
    this.#set('stations', this.#stations.map(({ id, lon, lat }) => ({
      type: 'Feature',
      properties: { id },
      geometry: point(lon, lat),
    })));
  }

  #set(source: string, features: Features['features']): void {
    const found = this.#map.getSource(source) as GeoJSONSource | undefined;
    found?.setData({ type: 'FeatureCollection', features });
  }

  #cellAt(x: number, y: number): string | null {
    if (!this.#ready) return null;
    const found = this.#map.queryRenderedFeatures([x, y], { layers: ['cells'] })[0];
    return (found?.properties.code as string | undefined) ?? null;
  }

  #mark(code: string | null): void {
    if (code === this.#over) return;
    const state = (id: string | null, over: boolean) => {
      if (id !== null) this.#map.setFeatureState({ source: 'cells', id }, { over });
    };
    state(this.#over, false);
    state(code, true);
    this.#over = code;
  }
}
