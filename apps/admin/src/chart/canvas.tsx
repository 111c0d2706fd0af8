import type { ECElementEvent } from 'echarts/core';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { init, type ChartOption } from './echarts';
import { paper, type Paper } from './paper';

type Drawing = ReturnType<typeof init>;

export interface ChartProps {
  /** What the picture shows, for those who do not see it. */
  label: string;
  /** In pixels; or as high as the card is, beside a higher one. */
  height: number | 'fill';
  option: (paper: Paper) => ChartOption;
  onClick?: (event: ECElementEvent) => void;
}

/** A picture: drawn anew for light and dark, and as wide as there is room. */
export default function Canvas({ label, height, option, onClick }: ChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const [drawing, setDrawing] = useState<Drawing>();
  const sheet = usePaper();

  useEffect(() => {
    if (!place.current) return;
    const drawn = init(place.current, null, { renderer: 'canvas' });
    const resized = new ResizeObserver(() => drawn.resize());
    resized.observe(place.current);
    setDrawing(drawn);
    return () => {
      resized.disconnect();
      drawn.dispose();
    };
  }, []);

  useEffect(() => {
    drawing?.setOption(option(sheet), { notMerge: true });
  }, [drawing, option, sheet]);

  useEffect(() => {
    if (!drawing || !onClick) return;
    drawing.on('click', onClick);
    return () => {
      if (!drawing.isDisposed()) drawing.off('click', onClick);
    };
  }, [drawing, onClick]);

  return <div ref={place} className={height === 'fill' ? 'picture fill' : 'picture'} role="img" aria-label={label} style={height === 'fill' ? {} : { height }} />;
}

/** The paper of the scheme that holds now: another one in the dark. */
function usePaper(): Paper {
  const [sheet, setSheet] = useState(paper);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const turn = (): void => setSheet(paper());
    query.addEventListener('change', turn);
    return () => query.removeEventListener('change', turn);
  }, []);
  return sheet;
}
