import type { HttpFunction } from './functions.ts';

export interface Match {
  fn: HttpFunction;
  params: Record<string, string>;
}

/**
 * The function that answers a request, by its path without query. The first whose method and route fit wins; the real
 * host answers a known path with a wrong method like an unknown path.
 */
export function findRoute(functions: HttpFunction[], method: string, path: string): Match | undefined {
  const segments = split(path);
  for (const fn of functions) {
    if (!fn.methods.includes(method)) continue;
    const params = matchSegments(split(fn.route), segments);
    if (params !== undefined) return { fn, params };
  }
  return undefined;
}

function matchSegments(pattern: string[], segments: string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const actual = segments[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(expected)?.[1];
    if (name !== undefined) params[name] = actual;
    else if (expected.toLowerCase() !== actual.toLowerCase()) return undefined;
  }
  return params;
}

function split(path: string): string[] {
  const trimmed = path.replace(/^\//, '').replace(/\/$/, '');
  return trimmed === '' ? [] : trimmed.split('/').map(decode);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
