import { init } from 'echarts';
import type { Run } from './result.ts';
import type { Spread } from './turns.ts';

const size = { width: 1000, height: 250 };
const light = { ours: '#2f6fdf', other: '#b9c3d0', text: '#333d4b', faint: '#5b6676', ground: '#ffffff' };
const dark: typeof light = { ours: '#5c96ff', other: '#515c6b', text: '#e3e8ee', faint: '#9aa5b3', ground: '#0d1117' };

interface Panel {
  readonly title: string;
  readonly measure: string;
  readonly unit: string;
  readonly bars: readonly { readonly name: string; readonly value: number }[];
}

/**
 * The comparison with what people would write instead, as SVG for light and dark pages: in each panel shorter is better. What
 * the run has no figures for is left out.
 */
export function chartOf(run: Run): string {
  const panels = panelsOf(run).filter(({ bars }) => bars.every(({ value }) => Number.isFinite(value)));
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  const width = 96 / panels.length;
  const left = (index: number) => `${2 + index * width}%`;
  chart.setOption({
    animation: false,
    backgroundColor: light.ground,
    textStyle: { fontFamily: 'system-ui, sans-serif', color: light.text },
    title: [
      ...panels.map(({ title, measure }, index) => ({
        text: title,
        subtext: measure,
        left: left(index),
        top: 14,
        padding: 0,
        itemGap: 5,
        textStyle: { fontSize: 14, color: light.text },
        subtextStyle: { fontSize: 12, color: light.faint },
      })),
      {
        text: 'Shorter is better, in every panel.',
        left: '2%',
        bottom: 12,
        padding: 0,
        textStyle: { fontSize: 12, fontWeight: 'normal', color: light.faint },
      },
    ],
    grid: panels.map((_, index) => ({ left: left(index), width: `${width - 3}%`, top: 62, bottom: 32 })),
    xAxis: panels.map((_, index) => ({ type: 'value', gridIndex: index, show: false })),
    yAxis: panels.map(({ bars }, index) => ({
      type: 'category',
      gridIndex: index,
      inverse: true,
      show: false,
      data: bars.map(({ name }) => name),
    })),
    series: panels.map(({ bars, unit }, index) => ({
      type: 'bar',
      xAxisIndex: index,
      yAxisIndex: index,
      barWidth: 14,
      data: bars.map(({ name, value }) => ({
        value,
        itemStyle: { color: name === 'this app' ? light.ours : light.other, borderRadius: 2 },
        label: {
          show: true,
          position: [0, -16],
          formatter: `${name}  ${value.toLocaleString('en', { maximumSignificantDigits: 2 })} ${unit}`,
          color: light.text,
          fontSize: 12,
          fontWeight: name === 'this app' ? 'bold' : 'normal',
        },
      })),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  const name = 'This app beside what people would write instead; shorter is better';
  return `${svg.replace('>', `><title>${name}</title><style>${darkStyle()}</style>`)}\n`;
}

/** An image in a page cannot inherit its colours, but knows whether the reader prefers dark ones. */
function darkStyle(): string {
  const names = Object.keys(light) as (keyof typeof light)[];
  const rules = names.map((name) => `[fill="${light[name]}"]{fill:${dark[name]}}`);
  return `@media (prefers-color-scheme: dark){${rules.join('')}}`;
}

function panelsOf(run: Run): Panel[] {
  const rowOf = (pattern: RegExp) => run.rows.find(({ what }) => pattern.test(what))?.figures ?? {};
  const contenders = { ours: 'this app', expressSdk: 'Express and SDK', plainFunctions: 'plain Functions' };
  const barsOf = (
    figures: Readonly<Record<string, Spread | number>>,
    keyOf: (name: string) => string = (name) => name,
  ) => Object.entries(contenders).map(([key, name]) => ({ name, value: middle(figures[keyOf(key)]) }));
  const transcript = rowOf(/30 kB, 8 at a time/);
  return [
    {
      title: 'Transcript of 30 kB',
      measure: 'CPU',
      unit: 'ms',
      bars: barsOf(transcript, (name) => (name === 'ours' ? 'cpuMs' : `${name}CpuMs`)),
    },
    { title: 'Recording of 2 MiB', measure: 'until it is stored', unit: 'ms', bars: barsOf(rowOf(/ 2 MiB, wall/)) },
    { title: 'Recording of 100 MiB', measure: 'until it is stored', unit: 'ms', bars: barsOf(rowOf(/100 MiB, wall/)) },
    { title: 'Recording of 100 MiB', measure: 'CPU', unit: 'ms', bars: barsOf(rowOf(/100 MiB, CPU of the app/)) },
    {
      title: 'Recording of 100 MiB',
      measure: 'memory above idle',
      unit: 'MiB',
      bars: barsOf(rowOf(/100 MiB, memory/)),
    },
  ];
}

function middle(figure: Spread | number | undefined): number {
  return typeof figure === 'object' ? figure.median : (figure ?? Number.NaN);
}
