import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';

/** From the lowest up. A file or folder imports from its own layer and from those below it. */
const LAYERS: readonly (readonly string[])[] = [
  ['lib/settings', 'lib/errors.ts', 'lib/ids.ts', 'lib/version.ts', 'lib/nodeVersion.ts'],
  ['lib/telemetry', 'lib/signature', 'lib/http'],
  ['lib/storage', 'lib/elevenlabs', 'lib/json'],
  ['lib/callers'],
  ['lib/postCall', 'lib/preCall', 'lib/initiation', 'lib/reconcile'],
  ['lib/calls'],
  ['lib/health.ts', 'lib/reconciliationHealth.ts', 'lib/heartbeat.ts', 'lib/sweep.ts', 'lib/reconcileTimer.ts'],
  ['lib/openInitiation.ts', 'lib/services.ts', 'lib/wiring.ts'],
  ['functions', 'lib/guardFunctions.ts', 'lib/startInitiation.ts'],
  ['index.ts'],
];

interface Import {
  readonly from: string;
  readonly to: string;
}

const source = new URL('../../src/', import.meta.url);
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'));
const imports = files.flatMap((from) => importsOf(from));

/** Types count as well: whoever reads the one has to know the other. */
function importsOf(from: string): Import[] {
  const text = readFileSync(new URL(from, source), 'utf8');
  const found = text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'(\.[^']+)'|new URL\('(\.[^']+\.ts)'/g);
  return [...found].map(([, one, other]) => ({ from, to: posix.join(posix.dirname(from), one ?? other ?? '') }));
}

/** What a layer names: a folder right below `lib`, or a file. */
function partOf(file: string): string {
  const [root = '', name = '', ...others] = file.split('/');
  if (root !== 'lib') return root;
  return others.length === 0 ? file : `${root}/${name}`;
}

const layerOf = (file: string) => LAYERS.findIndex((layer) => layer.includes(partOf(file)));

/** The first circle that is found, as the way around it. */
function circleAmong(edges: readonly Import[]): string[] {
  const onward = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const search = (at: string, way: readonly string[]): string[] => {
    if (way.includes(at)) return [...way.slice(way.indexOf(at)), at];
    if (done.has(at)) return [];
    for (const { to } of onward.get(at) ?? []) {
      const circle = search(to, [...way, at]);
      if (circle.length > 0) return circle;
    }
    done.add(at);
    return [];
  };
  for (const { from } of edges) {
    const circle = search(from, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

describe('the imports of src/', () => {
  it('are all found', () => {
    expect(imports.length).toBeGreaterThan(200);
    expect(imports.filter(({ to }) => !files.includes(to))).toEqual([]);
  });

  it('come from a place in the layers', () => {
    expect(files.filter((file) => layerOf(file) === -1)).toEqual([]);
  });

  it('point downwards only', () => {
    expect(imports.filter(({ from, to }) => layerOf(to) > layerOf(from))).toEqual([]);
  });

  it('go in no circle', () => {
    expect(circleAmong(imports)).toEqual([]);
  });

  it('go in no circle between the folders of lib/', () => {
    const between = imports
      .map(({ from, to }) => ({ from: partOf(from), to: partOf(to) }))
      .filter(({ from, to }) => from !== to);
    expect(circleAmong(between)).toEqual([]);
  });
});

it('nothing on the way of a delivery writes state without a proof: only timers, start and commands ask for upkeep()', () => {
  const asking = files.filter((file) => /\bupkeep\(\)/.test(readFileSync(new URL(file, source), 'utf8')));
  expect(
    asking.filter((file) => !/^lib\/(services\.ts|openInitiation\.ts|storage\/proof\.ts|calls\/)/.test(file)),
  ).toEqual([]);
});
