import type { TooltipComponentFormatterCallbackParams } from 'echarts';
import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { useClient } from 'urql';
import { Chart } from '../chart/chart';
import type { ChartOption } from '../chart/echarts';
import type { Paper } from '../chart/paper';
import { tip } from '../chart/tip';
import { nameOf } from '../customer/name';
import { CustomerByIdDocument, type CustomerMapQuery } from '../gen/graphql';
import { percent } from '../wording/figure';
import type { Look } from './look';
import { SegmentMark, useLooks } from './looks';
import './customer-map.css';

type Point = CustomerMapQuery['customerMap']['points'][number];

interface CustomerMapProps {
  points: readonly Point[];
  segments: readonly { id: string; name: string }[];
  /** Only this segment in colour. */
  only?: string;
  /** Somebody who is pointed out. */
  here?: { x: number; y: number; name: string };
  height?: number;
  /** Instead of opening customers, areas are drawn. */
  onLasso?: (corners: { x: number; y: number }[]) => void;
}

const SYMBOLS: Record<Look['shape'], string> = { circle: 'circle', square: 'roundRect', diamond: 'diamond', triangle: 'triangle' };

/** Customers as points, coloured by segment: alike ones lie close together. Hovering names one, a click opens it. */
export function CustomerMap({ points, segments, only, here, height = 360, onLasso }: CustomerMapProps): ReactNode {
  const lookOf = useLooks();
  const navigate = useNavigate();
  const client = useClient();
  const [chosen, setChosen] = useState<string | undefined>(only);

  const groups = useMemo(() => grouped(points, segments), [points, segments]);
  const option = useCallback(
    (paper: Paper): ChartOption => ({
      animation: false,
      aria: { enabled: false },
      grid: { left: 4, right: 4, top: 4, bottom: 4 },
      xAxis: { show: false, scale: true, type: 'value' },
      yAxis: { show: false, scale: true, type: 'value' },
      dataZoom: [
        { type: 'inside', xAxisIndex: 0, zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false, filterMode: 'none' },
        { type: 'inside', yAxisIndex: 0, zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false, filterMode: 'none' },
      ],
      tooltip: {
        backgroundColor: paper.surface,
        borderColor: paper.line,
        padding: [8, 12],
        // The name is asked for when it is looked at: a map of thousands needs none of them.
        formatter: (shown: TooltipComponentFormatterCallbackParams, ticket: string, answer?: (ticket: string, content: HTMLElement) => void) => {
          const { seriesIndex = 0, dataIndex } = Array.isArray(shown) ? (shown[0] ?? { dataIndex: 0 }) : shown;
          if (here && seriesIndex === groups.length) return tip(here.name, [], paper.ink);
          const group = groups[seriesIndex];
          const point = group?.points[dataIndex];
          if (!group || !point) return '';
          const colour = paper.colour(lookOf(group.id).variable);
          const lines = group.id ? [`in ${group.name}, strength ${percent(point.strength)}`] : [group.name];
          void client
            .query(CustomerByIdDocument, { id: point.customerId }, { requestPolicy: 'cache-first' })
            .then(({ data }) => answer?.(ticket, tip(data?.customer ? nameOf(data.customer) : 'Customer', lines, colour)));
          return tip('Customer …', lines, colour);
        },
      },
      ...(onLasso && { brush: { xAxisIndex: 0, yAxisIndex: 0, toolbox: [], transformable: false, outOfBrush: { colorAlpha: 0.25 } } }),
      series: [...groups.map(({ id, name, points: drawn }) => {
        const look = lookOf(id);
        const isQuiet = chosen !== undefined && chosen !== (id ?? '');
        return {
          type: 'scatter' as const,
          name,
          symbol: SYMBOLS[look.shape],
          symbolSize: points.length > 4000 ? 4 : 6,
          z: isQuiet ? 1 : 2,
          itemStyle: { color: isQuiet ? paper.colour('--segment-none') : paper.colour(look.variable), opacity: isQuiet ? 0.16 : 0.78 },
          emphasis: { scale: 1.8, itemStyle: { opacity: 1, borderColor: paper.surface, borderWidth: 1.5 } },
          data: drawn.map(({ x, y }) => [x, y]),
        };
      }), ...pointedOut(here, paper)],
    }),
    [chosen, client, groups, here, lookOf, onLasso, points.length],
  );
  const open = useCallback(
    ({ seriesIndex = 0, dataIndex }: { seriesIndex?: number; dataIndex: number }) => {
      const point = groups[seriesIndex]?.points[dataIndex];
      if (point) void navigate(`/customers/${encodeURIComponent(point.customerId)}`);
    },
    [groups, navigate],
  );

  return (
    <div className="customer-map">
      <Chart label={`Map of ${points.length} customers, coloured by segment${here ? `, with ${here.name}` : ''}`} height={height} option={option} onClick={open} onLasso={onLasso} />
      {!only && (
        <ul className="legend" aria-label="Segments on the map">
          {groups.map(({ id, name }) => (
            <li key={id ?? ''}>
              <button type="button" aria-pressed={chosen === (id ?? '')} onClick={() => setChosen((before) => (before === (id ?? '') ? undefined : (id ?? '')))}>
                <SegmentMark id={id} />
                {name}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** A ring around one point, above all others. */
function pointedOut(here: CustomerMapProps['here'], paper: Paper) {
  if (!here) return [];
  const itemStyle = { color: 'transparent', borderColor: paper.ink, borderWidth: 2.5 };
  return [{ type: 'scatter' as const, name: here.name, symbol: 'circle', symbolSize: 16, z: 3, itemStyle, data: [[here.x, here.y]] }];
}

interface Group {
  id: string | null;
  name: string;
  points: Point[];
}

function grouped(points: readonly Point[], segments: readonly { id: string; name: string }[]): Group[] {
  const bySegment = Map.groupBy(points, ({ segmentId }) => segmentId);
  const groups: Group[] = segments.map(({ id, name }) => ({ id, name, points: bySegment.get(id) ?? [] }));
  const named = new Set<string | null>(segments.map(({ id }) => id));
  const rest = points.filter(({ segmentId }) => !named.has(segmentId));
  if (rest.length > 0) groups.push({ id: null, name: 'Unlike anything seen', points: rest });
  return groups.filter((group) => group.points.length > 0);
}
