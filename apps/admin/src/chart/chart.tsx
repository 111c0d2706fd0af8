import { lazy, Suspense, type ReactNode } from 'react';
import type { ChartProps } from './canvas';
import './chart.css';

const Canvas = lazy(() => import('./canvas'));

/** A picture whose drawing code comes only when one is shown; its room is kept meanwhile. */
export function Chart(props: ChartProps): ReactNode {
  return (
    <Suspense fallback={<div className={props.height === 'fill' ? 'picture fill' : 'picture'} style={props.height === 'fill' ? {} : { height: props.height }} />}>
      <Canvas {...props} />
    </Suspense>
  );
}
