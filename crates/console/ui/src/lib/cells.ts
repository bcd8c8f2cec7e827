/**
 * Schematic cells from centroids. No boundary file is shipped: every unit is its Voronoi cell, cut by a
 * circle of about its own area, so that the outline of the province comes out on its own.
 */

import { Delaunay } from 'd3-delaunay';
import type { Area } from './types';

export type Ring = [x: number, y: number][];

/** Radius of the cutting circle, as a multiple of the radius of a disc of the unit's area. */
const REACH = 1.75;
const CORNERS = 40;
const KM_PER_DEGREE = 111.32;

export interface Cell {
  code: string;
  name: string;
  lon: number;
  lat: number;
  /** Closed ring of longitude and latitude. */
  ring: Ring;
}

export function cells(areas: readonly Area[]): Cell[] {
  if (areas.length === 0) return [];
  const middle = areas.reduce((sum, area) => sum + area.lat, 0) / areas.length;
  const squeeze = Math.cos((middle * Math.PI) / 180);
  const toPlane = (lon: number, lat: number): [number, number] => [
    lon * squeeze * KM_PER_DEGREE,
    lat * KM_PER_DEGREE,
  ];
  const points = areas.map((area) => toPlane(area.lon, area.lat));
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const margin = 60;
  const voronoi = Delaunay.from(points).voronoi([
    Math.min(...xs) - margin,
    Math.min(...ys) - margin,
    Math.max(...xs) + margin,
    Math.max(...ys) + margin,
  ]);
  return areas.flatMap((area, index) => {
    const polygon = voronoi.cellPolygon(index) as Ring | null;
    const centre = points[index];
    if (!polygon || !centre) return [];
    const radius = REACH * Math.sqrt(Math.max(area.km2, 1) / Math.PI);
    const cut = intersect(polygon.slice(0, -1), disc(centre, radius));
    if (cut.length < 3) return [];
    const ring = cut.map(([x, y]): [number, number] => [
      x / (squeeze * KM_PER_DEGREE),
      y / KM_PER_DEGREE,
    ]);
    ring.push(ring[0]!);
    return [{ code: area.code, name: area.name, lon: area.lon, lat: area.lat, ring }];
  });
}

function disc([x, y]: readonly [number, number], radius: number): Ring {
  return Array.from({ length: CORNERS }, (_, index): [number, number] => {
    const angle = (2 * Math.PI * index) / CORNERS;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
}

/** Sutherland-Hodgman: what of a convex ring lies inside another convex one (counter-clockwise). */
export function intersect(subject: Ring, clip: Ring): Ring {
  let output = subject;
  for (let index = 0; index < clip.length; index += 1) {
    const a = clip[index]!;
    const b = clip[(index + 1) % clip.length]!;
    const side = ([x, y]: readonly [number, number]) =>
      (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
    const input = output;
    output = [];
    for (let at = 0; at < input.length; at += 1) {
      const from = input[at]!;
      const to = input[(at + 1) % input.length]!;
      const [before, after] = [side(from), side(to)];
      if (before >= 0) output.push(from);
      if (before >= 0 !== after >= 0) {
        const share = before / (before - after);
        output.push([from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]);
      }
    }
  }
  return output;
}
