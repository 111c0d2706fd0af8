/** One file, imported. */
export interface Measured {
  readonly rows: number;
  readonly fileMiB: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly events: number;
  /** Most resident memory that ingestion had, from its start on. */
  readonly peakMiB: number;
}
