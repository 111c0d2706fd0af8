import { useCallback, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import type { SegmentsQuery } from '../gen/graphql';
import { Chart } from '../chart/chart';
import type { ChartOption } from '../chart/echarts';
import { breakable } from '../chart/lines';
import type { Paper } from '../chart/paper';
import { tip } from '../chart/tip';
import { count, percent } from '../wording/figure';
import { useLooks } from './looks';

type Segment = SegmentsQuery['segments']['nodes'][number];

/** An area below these shares has no room for a name, or for a figure. */
const SMALLEST = { named: 0.08, labelled: 0.018 };

/** Every segment as an area as large as its share; a click opens it. */
export function Shares({ segments }: { segments: readonly Segment[] }): ReactNode {
  const lookOf = useLooks();
  const navigate = useNavigate();
  const option = useCallback(
    ({ colour, inkOn, font, surface, line }: Paper): ChartOption => ({
      animationDuration: 500,
      tooltip: {
        backgroundColor: surface,
        borderColor: line,
        padding: [8, 12],
        formatter: (shown) => {
          const { data } = (Array.isArray(shown) ? shown[0] : shown) ?? {};
          const segment = segments.find(({ id }) => id === (data as { id?: string } | undefined)?.id);
          return segment ? tip(segment.name, [`${percent(segment.share)}, ${count(segment.size)} customers`], colour(lookOf(segment.id).variable)) : '';
        },
      },
      series: [
        {
          type: 'treemap',
          roam: false,
          nodeClick: false,
          breadcrumb: { show: false },
          left: 0,
          right: 0,
          top: 0,
          bottom: 0,
          itemStyle: { gapWidth: 4, borderColor: 'transparent', borderWidth: 0 },
          emphasis: { disabled: false, itemStyle: { opacity: 0.88 } },
          label: { fontFamily: font, fontSize: 12, fontWeight: 600, lineHeight: 17, overflow: 'break', lineOverflow: 'truncate', position: 'insideTopLeft', padding: [5, 7] },
          data: segments.map((segment) => {
            const fill = colour(lookOf(segment.id).variable);
            return {
              id: segment.id,
              name: segment.name,
              value: segment.size,
              itemStyle: { color: fill, borderRadius: 7 },
              label: {
                show: segment.share >= SMALLEST.labelled,
                color: inkOn(fill),
                formatter: segment.share >= SMALLEST.named ? `${percent(segment.share)}\n${breakable(segment.name)}` : percent(segment.share),
              },
            };
          }),
        },
      ],
    }),
    [lookOf, segments],
  );
  const open = useCallback(
    ({ data }: { data?: unknown }) => {
      const id = (data as { id?: string } | undefined)?.id;
      if (id) void navigate(`/segments/${encodeURIComponent(id)}`);
    },
    [navigate],
  );
  const label = `Shares of the segments: ${segments.map(({ name, share }) => `${name} ${percent(share)}`).join(', ')}`;
  return <Chart label={label} height="fill" option={option} onClick={open} />;
}
