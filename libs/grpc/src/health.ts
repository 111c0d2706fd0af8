import type { ServiceDefinition } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

import { connect } from './client.js';

/** True if the process at `host:port` says by the standard health protocol that it serves. Never throws. */
export async function isServing(address: string, deadline = 2_000): Promise<boolean> {
  const client = connect(service as ServiceDefinition, address);
  // The package describes its messages at run time only.
  const { Check: check } = client as unknown as {
    Check(request: { service: string }, options: { deadline: number }): Promise<{ status: string }>;
  };
  try {
    return (await check({ service: '' }, { deadline })).status === 'SERVING';
  } catch {
    return false;
  } finally {
    client.close();
  }
}
