import type { access, ingestion, rule, worker } from '#libs/contracts';
import type { RpcClient } from '#libs/grpc';
import type { ServiceContext } from '#libs/service';

import type { ServingConfig } from './serving.config.js';

export const DATABASE = Symbol('DATABASE');
export const ARTIFACTS = Symbol('ARTIFACTS');
/** Fails fast: a change is told to other replicas, or they find it themselves. */
export const REDIS = Symbol('REDIS');
export const ACCESS = Symbol('ACCESS');
export const INGESTION = Symbol('INGESTION');
export const SCORE_WORKER = Symbol('SCORE_WORKER');
export const RULE_WORKER = Symbol('RULE_WORKER');

export type AccessClient = RpcClient<typeof access.AccessServiceService>;
export type IngestionClient = RpcClient<typeof ingestion.CustomerServiceService>;
/** Served by the score role. */
export type RuleWorkerClient = RpcClient<typeof rule.RuleWorkerServiceService>;
export type ScoreWorkerClient = RpcClient<typeof worker.ScoreWorkerServiceService>;
export type Context = ServiceContext<ServingConfig>;
