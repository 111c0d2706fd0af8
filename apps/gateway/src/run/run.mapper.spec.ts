import { buildSchema, type GraphQLInputObjectType, type GraphQLInputType, type GraphQLObjectType, getNullableType, isInputObjectType, isListType } from 'graphql';
import { readdirSync, readFileSync } from 'node:fs';

import { worker } from '#libs/contracts';

import type { StartTrainingRunInput } from '../gen/resolvers.js';
import { toTrainingSpec } from './run.mapper.js';

const FOLDER = 'apps/gateway/schema';
const schema = buildSchema(readdirSync(FOLDER).map((file) => readFileSync(`${FOLDER}/${file}`, 'utf8')).join('\n'));
const asked = (schema.getType('StartTrainingRunInput') as GraphQLInputObjectType).getFields();
const told = (schema.getType('TrainingSpec') as GraphQLObjectType).getFields();
const sent = Object.keys(worker.TrainingSpec.fromPartial({}));

/** A value that no field has by itself. */
function sample(type: GraphQLInputType): unknown {
  const named = getNullableType(type);
  if (isListType(named)) return [sample(named.ofType)];
  if (isInputObjectType(named)) return Object.fromEntries(Object.values(named.getFields()).map((field) => [field.name, sample(field.type)]));
  return { Boolean: true, String: 'some', Int: 3, SafeInt: 3, Float: 0.25 }[named.toString()];
}

describe('the spec of a run', () => {
  // The worker's test_spec.py holds the message to the dataclass that is trained by.
  it('can be asked for and read in all that the message says', () => {
    expect(Object.keys(asked).sort()).toEqual(sent.sort());
    expect(Object.keys(told).sort()).toEqual(sent.sort());
  });

  it.each(Object.values(asked).map(({ name, type }) => [name, sample(type)]))('brings %s to the worker', (name, value) => {
    expect(value).toBeDefined();
    expect(toTrainingSpec({ [name as string]: value } as StartTrainingRunInput)).toEqual({ ...toTrainingSpec({}), [name as string]: value });
  });

  it.each(['width', 'epochs', 'batchSize', 'segmentCount', 'seed', 'continuedEpochs', 'reads'])('is refused by name where %s is below 0', (field) => {
    expect(() => toTrainingSpec({ [field]: -1 })).toThrow(expect.objectContaining({ reason: 'SPEC_INVALID', metadata: { field } }));
  });

  it.each(['learningRate', 'sampleFraction', 'continuedLearningRate', 'reads'])('is refused by name where %s is 0, which would say that nothing was said', (field) => {
    expect(() => toTrainingSpec({ [field]: 0 })).toThrow(expect.objectContaining({ reason: 'SPEC_INVALID', metadata: { field } }));
    expect(toTrainingSpec({ [field]: null })).toEqual(toTrainingSpec({}));
  });

  it('says nothing of what was left out, and zero where zero was said', () => {
    expect(toTrainingSpec({})).toEqual(worker.TrainingSpec.fromPartial({}));
    expect(toTrainingSpec({ continuedEpochs: 0, dropout: 0 })).toMatchObject({ continuedEpochs: 0, dropout: 0, itemDropout: undefined });
  });
});
