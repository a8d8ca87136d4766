import type { SearchLine } from './api.ts';

/** Asks the server. @throws Error with a message for people. */
export async function askJson<Answer>(path: string, options: RequestInit = {}): Promise<Answer> {
  return (await ask(path, options)).json() as Promise<Answer>;
}

export function postJson<Answer>(path: string, body: object): Promise<Answer> {
  return askJson(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

export async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, options).catch((cause: unknown) => {
    if (options.signal?.aborted) throw cause;
    throw new Error('The page’s server does not answer. Does it still run in its terminal?', { cause });
  });
  if (response.ok) return response;
  const text = await response.text();
  throw new Error(messageIn(text) ?? text);
}

/** Looks for what was said, and tells how many calls were looked at so far. @returns the keys of the calls. */
export async function searchWords(
  query: string,
  signal: AbortSignal,
  tell: (seen: number) => void,
): Promise<ReadonlySet<string>> {
  const { body } = await ask(`/api/search?${query}`, { signal });
  let text = '';
  const found = new Set<string>();
  for await (const chunk of (body ?? new ReadableStream<Uint8Array<ArrayBuffer>>()).pipeThrough(
    new TextDecoderStream(),
  )) {
    const lines = (text + chunk).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines.map((json) => JSON.parse(json) as SearchLine)) {
      if ('message' in line) throw new Error(line.message);
      if ('seen' in line) tell(line.seen);
      else for (const key of line.found) found.add(key);
    }
  }
  return found;
}

/** Where a blob is read from. @param blob `container/name`. */
export function blobPath(blob: string): string {
  return `/blobs/${blob.split('/').map(encodeURIComponent).join('/')}`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function messageIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { message?: string }).message;
  } catch {
    return undefined;
  }
}
