import type { ReactNode } from 'react';
import type { ExportFormat } from '../gen/graphql';

export function FormatField({ format, onFormat }: { format: ExportFormat; onFormat: (format: ExportFormat) => void }): ReactNode {
  return (
    <label className="field">
      As
      <select value={format} onChange={({ target }) => onFormat(target.value as ExportFormat)}>
        <option value="CSV">CSV</option>
        <option value="PARQUET">Parquet</option>
      </select>
    </label>
  );
}
