// Only the parts of echarts that the page draws with.
import { LineChart, ScatterChart, TreemapChart, type LineSeriesOption, type ScatterSeriesOption, type TreemapSeriesOption } from 'echarts/charts';
import {
  AriaComponent,
  DataZoomInsideComponent,
  GridComponent,
  TooltipComponent,
  type AriaComponentOption,
  type DataZoomComponentOption,
  type GridComponentOption,
  type TooltipComponentOption,
} from 'echarts/components';
import { init, use, type ComposeOption } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([AriaComponent, CanvasRenderer, DataZoomInsideComponent, GridComponent, LineChart, ScatterChart, TooltipComponent, TreemapChart]);

export type ChartOption = ComposeOption<
  | AriaComponentOption
  | DataZoomComponentOption
  | GridComponentOption
  | LineSeriesOption
  | ScatterSeriesOption
  | TooltipComponentOption
  | TreemapSeriesOption
>;

export { init };
