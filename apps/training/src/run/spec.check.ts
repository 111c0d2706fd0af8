import { Inject, Injectable } from '@nestjs/common';

import type { ingestion, worker } from '#libs/contracts';
import { type Call, RpcError, status } from '#libs/grpc';
import { SERVICE, type ServiceContext } from '#libs/service';

import { Peers } from '../step/peers.js';
import type { TrainingConfig } from '../training.config.js';
import { refusedSpec } from './training-spec.js';

/** Whoever starts a run waits no longer. */
const WITHIN_MS = 2_000;

/**
 * What others know of a spec, asked before a run is begun. Who is away, or takes too long, does not keep a run from beginning: it is
 * refused then when the run has come to them.
 */
@Injectable()
export class SpecCheck {
  constructor(
    private readonly peers: Peers,
    @Inject(SERVICE) private readonly service: ServiceContext<TrainingConfig>,
  ) {}

  /** Throws SPEC_INVALID. */
  async check(workspaceId: string, spec: worker.TrainingSpec): Promise<void> {
    const call = await this.peers.as(workspaceId, { deadline: WITHIN_MS });
    await Promise.all([this.byWorker(spec, call), this.byIngestion(spec, call)]);
  }

  /** What a spec can choose among, as the worker knows it. Throws UNAVAILABLE. */
  async choices(workspaceId: string): Promise<worker.SpecChoices | undefined> {
    return (await this.peers.worker.getSpecChoices({}, await this.peers.as(workspaceId))).choices;
  }

  /** Which encoders and pretext tasks there are. */
  private async byWorker(spec: worker.TrainingSpec, call: Call): Promise<void> {
    if (spec.encoder === '' && spec.objectives.length === 0) return;
    try {
      await this.peers.worker.checkSpec({ spec }, call);
    } catch (error) {
      if (error instanceof RpcError && error.status === status.INVALID_ARGUMENT) throw refusedSpec(error.message, error.metadata['field']);
      this.service.log.info({ err: error }, 'a spec was not checked by the worker; its run tells what is wrong with it');
    }
  }

  /** Which events and properties there are, and whether there are numbers where they are needed. */
  private async byIngestion(spec: worker.TrainingSpec, call: Call): Promise<void> {
    const byField = propertiesOf(spec);
    const properties = [...new Set(Object.values(byField).flat())];
    if (spec.mainEvents.length === 0 && properties.length === 0) return;
    const asked = { events: spec.mainEvents, properties, numbers: byField.valueProperty };
    const missing = await this.peers.snapshots.findMissingNames(asked, call).catch((error: unknown): ingestion.FindMissingNamesResponse => {
      this.service.log.info({ err: error }, 'the names in a spec were not looked for; its run tells which there are none of');
      return { events: [], properties: [], numbers: [] };
    });
    if (missing.events.length > 0) throw refusedSpec(`mainEvents: no event is named ${quoted(missing.events)}`, 'mainEvents');
    for (const [field, names] of Object.entries(byField)) {
      const absent = names.filter((name) => missing.properties.includes(name));
      if (absent.length > 0) throw refusedSpec(`${field}: no event has a property ${quoted(absent)}`, field);
    }
    if (missing.numbers.length > 0) throw refusedSpec(`valueProperty: no event has a number in ${quoted(missing.numbers)}`, 'valueProperty');
  }
}

/** By the field of a spec that names them. */
const propertiesOf = ({ valueProperty, keepProperties, leaveOutProperties, itemField }: worker.TrainingSpec) => ({
  valueProperty: valueProperty === '' ? [] : [valueProperty],
  keepProperties,
  leaveOutProperties,
  itemField: itemField === '' ? [] : [itemField],
});

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');
