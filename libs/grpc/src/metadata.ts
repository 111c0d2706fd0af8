/** Metadata key of the signed principal that every call between services carries. */
export const PRINCIPAL_METADATA = 'kindred-principal';
