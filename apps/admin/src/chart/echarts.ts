// Only the parts of echarts that the page draws with.
import { LineChart, ScatterChart, TreemapChart, type LineSeriesOption, type ScatterSeriesOption, type TreemapSeriesOption } from 'echarts/charts';
import {
  AriaComponent,
  BrushComponent,
  DataZoomInsideComponent,
  GridComponent,
  TooltipComponent,
  type AriaComponentOption,
  type BrushComponentOption,
  type DataZoomComponentOption,
  type GridComponentOption,
  type TooltipComponentOption,
} from 'echarts/components';
import { init, use, type ComposeOption } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([AriaComponent, BrushComponent, CanvasRenderer, DataZoomInsideComponent, GridComponent, LineChart, ScatterChart, TooltipComponent, TreemapChart]);

export type ChartOption = ComposeOption<
  | AriaComponentOption
  | BrushComponentOption
  | DataZoomComponentOption
  | GridComponentOption
  | LineSeriesOption
  | ScatterSeriesOption
  | TooltipComponentOption
  | TreemapSeriesOption
>;

export { init };
