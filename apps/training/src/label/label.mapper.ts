import { label } from '#libs/contracts';

import { asAudited } from '../run/run.mapper.js';
import { KINDS } from './label.kind.js';
import type { LabelSetRow, PersonLabelRow } from './label.repository.js';

/** Row -> message. */
export function toLabelSet(row: LabelSetRow): label.LabelSet {
  return {
    id: row.id,
    name: row.name,
    kind: label.LabelKind[row.kind],
    asOf: row.asOf?.toISOString(),
    labels: row.labels,
    ...KINDS[row.kind].summary(row),
    requestedBy: asAudited(row.requestedBy),
    createdAt: row.createdAt.toISOString(),
    servedHeadId: row.servedHeadId ?? '',
  } satisfies label.LabelSet;
}

/** A label as a person is shown theirs. */
export function toPersonLabel({ labelSet, ...row }: PersonLabelRow): label.PersonLabel {
  return {
    labelSetId: row.labelSetId,
    labelSet: labelSet.name,
    userId: row.userId,
    ...KINDS[labelSet.kind].told(row.value),
    asOf: row.asOf?.toISOString(),
    addedAt: row.addedAt.toISOString(),
  } satisfies label.PersonLabel;
}
