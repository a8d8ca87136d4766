import { init } from 'echarts';
import type { Run } from './result.ts';
import type { Spread } from './turns.ts';

const size = { width: 1000, height: 230 };
const colors = { ours: '#2f6fdf', other: '#b9c3d0', text: '#333d4b' };

interface Panel {
  readonly title: string;
  readonly bars: readonly { readonly name: string; readonly value: number }[];
}

/** The comparison with what people would write instead, as SVG. */
export function chartOf(run: Run): string {
  const panels = panelsOf(run);
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  const width = 100 / panels.length;
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'system-ui, sans-serif', color: colors.text },
    title: panels.map(({ title }, index) => ({
      text: title,
      left: `${index * width + 1}%`,
      top: 10,
      padding: 0,
      textStyle: { fontSize: 13, color: colors.text },
    })),
    grid: panels.map((_, index) => ({ left: `${index * width + 1}%`, width: `${width - 5}%`, top: 45, bottom: 10 })),
    xAxis: panels.map((_, index) => ({ type: 'value', gridIndex: index, show: false })),
    yAxis: panels.map(({ bars }, index) => ({
      type: 'category',
      gridIndex: index,
      inverse: true,
      show: false,
      data: bars.map(({ name }) => name),
    })),
    series: panels.map(({ bars }, index) => ({
      type: 'bar',
      xAxisIndex: index,
      yAxisIndex: index,
      barWidth: 12,
      data: bars.map(({ name, value }) => ({
        value,
        itemStyle: { color: name === 'this app' ? colors.ours : colors.other, borderRadius: 2 },
        label: {
          show: true,
          position: [0, -14],
          formatter: `${name}  ${Math.round(value).toLocaleString('en')}`,
          color: colors.text,
          fontSize: 11,
        },
      })),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg.replace('>', '><title>This app beside what people would write instead</title>')}\n`;
}

function panelsOf(run: Run): Panel[] {
  const rowOf = (pattern: RegExp) => run.rows.find(({ what }) => pattern.test(what))?.figures ?? {};
  const bars = (figures: Readonly<Record<string, Spread | number>>, names: Record<string, string>) =>
    Object.entries(names).map(([key, name]) => ({ name, value: middle(figures[key]) }));
  const three = { ours: 'this app', expressSdk: 'Express and SDK', plainFunctions: 'plain Functions' };
  return [
    { title: 'Recording of 100 MiB: ms', bars: bars(rowOf(/100 MiB, wall/), three) },
    { title: 'its CPU: ms', bars: bars(rowOf(/100 MiB, CPU of the app/), three) },
    { title: 'its memory: MiB more', bars: bars(rowOf(/100 MiB, memory/), three) },
    {
      title: 'Transcripts of 30 kB a second',
      bars: bars(rowOf(/30 kB, 8 at a time/), {
        perSecond: 'this app',
        expressSdkPerSecond: 'Express and SDK',
        plainFunctionsPerSecond: 'plain Functions',
        leastPerSecond: 'the least possible app',
      }),
    },
  ];
}

function middle(figure: Spread | number | undefined): number {
  return typeof figure === 'object' ? figure.median : (figure ?? 0);
}
