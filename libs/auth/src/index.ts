export { hashKey, makeKey } from './key.js';
export { KeyRing } from './key-ring.js';
export { type Actor, mayAct, type Principal, type PrincipalRole, PrincipalSigner, type WorkspacePrincipal } from './principal.js';
export { Caller, LetsKeysIn, PrincipalGuard, Requires } from './principal.guard.js';
