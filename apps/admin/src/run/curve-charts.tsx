import { useCallback, type ReactNode } from 'react';
import { Chart } from '../chart/chart';
import type { ChartOption } from '../chart/echarts';
import type { Paper } from '../chart/paper';
import { tip } from '../chart/tip';
import { Card } from '../parts/card';
import { count, figure, shortCount } from '../wording/figure';
import './curve-charts.css';
import { curveName, goesOver, groupCurves, type CurveGroup, type Metric } from './curves';

/** What was measured while learning, over the steps of the optimiser. */
export function Curves({ metrics }: { metrics: readonly Metric[] }): ReactNode {
  const groups = groupCurves(metrics);
  if (groups.length === 0) return null;
  return (
    <div className="curves">
      {groups.map((group) => (
        <Card key={group.title} title={group.title} note={group.metrics.length === 1 ? last(group.metrics[0]) : 'Lower is better'}>
          <Curve group={group} />
        </Card>
      ))}
    </div>
  );
}

function last(metric: Metric | undefined): string {
  const point = metric?.points.at(-1);
  if (!metric || !point) return '';
  return goesOver(metric.name) === 'step' ? `${figure(point.value)} at step ${count(point.step)}` : `${figure(point.value)} with ${count(point.step)} segments`;
}

function Curve({ group }: { group: CurveGroup }): ReactNode {
  const over = goesOver(group.metrics[0]?.name ?? '');
  const option = useCallback(
    (paper: Paper): ChartOption => ({
      animation: false,
      grid: { left: 8, right: 16, top: 12, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      tooltip: {
        trigger: 'axis',
        backgroundColor: paper.surface,
        borderColor: paper.line,
        padding: [8, 12],
        formatter: (shown) => {
          const all = Array.isArray(shown) ? shown : [shown];
          const step = Number((all[0]?.value as number[] | undefined)?.[0] ?? 0);
          return tip(over === 'step' ? `Step ${count(step)}` : `${count(step)} segments`, all.map(({ seriesName = '', value }) => `${seriesName}: ${figure(Number((value as number[])[1]))}`));
        },
      },
      xAxis: { type: 'value', axisLine: { lineStyle: { color: paper.line } }, axisTick: { show: false }, splitLine: { show: false }, axisLabel: axisLabel(paper) },
      yAxis: { type: 'value', scale: true, splitNumber: 4, splitLine: { lineStyle: { color: paper.line } }, axisLabel: axisLabel(paper) },
      series: group.metrics.map(({ name, points }, at) => {
        const colour = paper.colour(`--segment-${at % 8}`);
        return {
          type: 'line' as const,
          name: curveName(name),
          showSymbol: points.length < 3,
          symbol: 'circle',
          symbolSize: 5,
          lineStyle: { width: 2, color: colour, type: at % 2 === 0 ? ('solid' as const) : ('dashed' as const) },
          itemStyle: { color: colour },
          data: points.map(({ step, value }) => [step, value]),
        };
      }),
    }),
    [group, over],
  );
  return (
    <>
      {group.metrics.length > 1 && (
        <ul className="keys" aria-hidden="true">
          {group.metrics.map(({ name }, at) => (
            <li key={name}>
              <svg viewBox="0 0 20 4" width="20" height="4">
                <line x1="0" y1="2" x2="20" y2="2" strokeWidth="2.5" strokeDasharray={at % 2 === 0 ? undefined : '5 3'} style={{ stroke: `var(--segment-${at % 8})` }} />
              </svg>
              {curveName(name)}
            </li>
          ))}
        </ul>
      )}
      <Chart label={over === 'step' ? `${group.title} over the steps of learning` : group.title} height={220} option={option} />
    </>
  );
}

function axisLabel(paper: Paper): { color: string; fontFamily: string; fontSize: number; formatter: (value: number) => string } {
  return { color: paper.quiet, fontFamily: paper.font, fontSize: 12, formatter: (value) => (Math.abs(value) >= 1000 ? shortCount(value) : String(Number(value.toFixed(3)))) };
}
