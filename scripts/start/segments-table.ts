import Table from 'cli-table3';

import type { Api } from './graphql.ts';

interface Segments {
  segments: {
    population: number;
    asOf: string;
    model: { version: number } | null;
    nodes: { name: string; size: number; share: number; traits: { label: string }[] }[];
  };
}

/** The segments as a person reads them: name, size, share, and what sets each apart. */
export async function segmentsTable(api: Api): Promise<string> {
  const { segments } = await api.ask<Segments>(
    '{ segments(first: 50) { population asOf model { version } nodes { name size share traits(first: 3) { label } } } }',
  );
  const table = new Table({ head: ['Segment', 'Customers', 'Share', 'What sets it apart'], colWidths: [34, 11, 8, 66], wordWrap: true, style: { head: ['bold'] } });
  for (const { name, size, share, traits } of segments.nodes) {
    table.push([name, size.toLocaleString('en'), `${(share * 100).toFixed(1)} %`, traits.map((trait) => trait.label).join('; ')]);
  }
  const model = segments.model ? `by model v${segments.model.version}` : 'without a model';
  return `${table.toString()}\n${segments.population.toLocaleString('en')} customers, as of ${segments.asOf}, ${model}`;
}
