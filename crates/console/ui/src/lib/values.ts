import type { Latest, Value } from './types';

/** The number in a wire value, or null where it is none. */
export function numeric(value: Value | null | undefined): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'object' && value !== null && 'number' in value) return value.number;
  return null;
}

export function plain(value: Value): number | boolean | string {
  if (typeof value !== 'object') return value;
  if ('number' in value) return value.number;
  return 'boolean' in value ? value.boolean : value.code;
}

/** Bits of `event::Quality`, for places that carry the number. */
const QUALITY = ['out_of_range', 'maintenance', 'sensor_fault'] as const;
export type QualityName = (typeof QUALITY)[number];

export function qualityNames(quality: string[] | number): QualityName[] {
  if (typeof quality === 'number') return QUALITY.filter((_, bit) => (quality >> bit) & 1);
  return QUALITY.filter((name) => quality.includes(name));
}

/** The newest value of one measure at one entity. */
export interface Reading {
  value: number;
  unit: string;
  quality: QualityName[];
  observed: number;
  device: string;
}

/** By entity, then by measure: what a row asks for is two look-ups, whatever the size of the fleet. */
export type Readings = Map<string, Map<string, Reading>>;
export type Taken = [entity: string, measure: string, reading: Reading];

/** Takes over what is newer; late history never replaces a newer value. Says what it took. */
export function absorb(readings: Readings, latest: readonly Latest[]): Taken[] {
  const taken: Taken[] = [];
  for (const { entity, device, observed, values } of latest) {
    const at = Date.parse(observed);
    let measures = readings.get(entity);
    if (!measures) readings.set(entity, (measures = new Map()));
    for (const [measure, measured] of Object.entries(values)) {
      const value = numeric(measured.value);
      const known = measures.get(measure);
      if (value === null || (known && known.observed > at)) continue;
      const { unit, quality } = measured;
      const reading = { value, unit, quality: qualityNames(quality), observed: at, device };
      measures.set(measure, reading);
      taken.push([entity, measure, reading]);
    }
  }
  return taken;
}
