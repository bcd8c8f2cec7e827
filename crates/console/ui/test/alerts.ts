import { complete, type Handling, type Incident, type Rating } from '../src/lib/life';
import type { Alert } from '../src/lib/types';

/** An alert with the parts a test cares about. */
export function alert(part: Partial<Alert> & { id: string }): Alert {
  return complete({
    rule: 'river-bd3',
    severity: 'major',
    status: 'actual',
    stream: 'disaster',
    site: 'lao-cai',
    entity: 'wl-bao-ha',
    entity_name: { vi: 'Trạm Bảo Hà', en: 'Bảo Hà gauge' },
    area: '02947',
    area_name: 'Bảo Hà',
    lat: 22.17,
    lon: 104.35,
    state: 'unacknowledged',
    revision: 1,
    since: '2024-09-09T12:00:00Z',
    raised: '2024-09-09T12:00:00Z',
    changed: '2024-09-09T12:00:00Z',
    returned: null,
    acknowledged: null,
    shelved: null,
    comments: [],
    occurrences: 1,
    retrospective: false,
    measure: 'level',
    value: 61.09,
    unit: 'm',
    message: { vi: 'Mực nước sông Thao tại Bảo Hà', en: 'Level of the Thao at Bảo Hà' },
    guidance: { vi: '', en: '' },
    scale: [],
    unofficial: true,
    evidence: {
      rule: 'river-bd3',
      rule_version: 1,
      condition: 'level >= limit.bd3',
      hold_seconds: 0,
      values: [],
      limits: [],
      last_heard: null,
    },
    ...part,
  } as Alert);
}

export const handling = (part: Partial<Handling>): Handling => ({ ...alert({ id: 'h' }).handling, ...part });
export const rating = (part: Partial<Rating>): Rating => ({ ...alert({ id: 'r' }).rating, ...part });

export const KEPT_BACK = handling({
  suppressed: [{ kind: 'dependency', suppression: null, because_of: 'gateway', since: '2024-09-09T12:00:00Z' }],
});

export const incident = (part: Partial<Incident> & { id: string }): Incident => ({
  cause: 'flood',
  title: { vi: 'Lũ sông Thao', en: 'Flood of the Thao' },
  status: 'actual',
  severity: 'major',
  areas: ['02947', '02647'],
  alerts: [],
  total: 0,
  active: 0,
  opened: '2024-09-09T11:00:00Z',
  changed: '2024-09-09T12:00:00Z',
  closed: null,
  ...part,
});
