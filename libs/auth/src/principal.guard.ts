import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Metadata } from '@grpc/grpc-js';

import { PRINCIPAL_METADATA, RpcError, status } from '#libs/grpc';

import { mayAct, type Principal, type PrincipalRole, PrincipalSigner, type WorkspacePrincipal } from './principal.js';

const REQUIRED_ROLE = 'kindred:role';
const LETS_KEYS_IN = 'kindred:lets-keys-in';
const principals = new WeakMap<Metadata, Principal>();

/** What a caller must be to reach a handler (or all of a controller's). Without it: VIEWER. */
export const Requires = (role: PrincipalRole) => SetMetadata(REQUIRED_ROLE, role);

/** The handler itself finds out who calls, for it lets in keys of senders outside as well: no principal is asked for. */
export const LetsKeysIn = () => SetMetadata(LETS_KEYS_IN, true);

/** The verified principal of a gRPC call, with the workspace that every handler but services' own needs. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): WorkspacePrincipal => {
  const principal = principals.get(context.switchToRpc().getContext<Metadata>());
  if (!principal) throw new RpcError(status.UNAUTHENTICATED, 'This call carries no principal.', { reason: 'UNAUTHENTICATED' });
  if (principal.workspaceId === null) {
    throw RpcError.invalid('This call needs a principal of a workspace.', { reason: 'WORKSPACE_MISSING' });
  }
  return principal as WorkspacePrincipal;
});

/** Verifies every gRPC call's principal and role; no service trusts a bare workspace id. */
@Injectable()
export class PrincipalGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly signer: PrincipalSigner,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'rpc' || this.reflector.get<boolean | undefined>(LETS_KEYS_IN, context.getHandler())) return true;
    const metadata = context.switchToRpc().getContext<Metadata>();
    const token = metadata.get(PRINCIPAL_METADATA)[0];
    if (token === undefined) throw new RpcError(status.UNAUTHENTICATED, 'This call carries no principal.', { reason: 'UNAUTHENTICATED' });
    const principal = await this.signer.verify(String(token)).catch((cause: unknown) => {
      throw new RpcError(status.UNAUTHENTICATED, 'The principal of this call is forged or over.', { reason: 'UNAUTHENTICATED', cause });
    });
    const required = this.reflector.getAllAndOverride<PrincipalRole | undefined>(REQUIRED_ROLE, [context.getHandler(), context.getClass()]);
    if (!mayAct(principal.role, required ?? 'VIEWER')) {
      throw new RpcError(status.PERMISSION_DENIED, `This needs the role ${required ?? 'VIEWER'}; the key has ${principal.role}.`, {
        reason: 'FORBIDDEN',
        metadata: { required: required ?? 'VIEWER', role: principal.role },
      });
    }
    principals.set(metadata, principal);
    return true;
  }
}
