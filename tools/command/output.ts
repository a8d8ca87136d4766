import { styleText } from 'node:util';

/** What scripts read: one object a line, on standard output. */
export function printJson(value: object): void {
  console.log(JSON.stringify(value));
}

/** What a person may want to know besides the result: on standard error, so that a pipe does not get it. */
export function note(text: string): void {
  console.error(text);
}

/** Shows progress on a terminal, in one line that is overwritten; an empty text clears it. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(text === '' ? '\r\x1b[K' : `\r\x1b[K${text}`);
}

/** Colour where standard output is a terminal and NO_COLOR is not set. */
export function paint(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

/** `1 call`, `2 calls`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Bytes for people: `812 B`, `20 kB`, `3.4 MB`. */
export function readableSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 9.95e6 ? 1 : 0)} MB`;
}
