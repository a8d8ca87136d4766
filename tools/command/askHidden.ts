import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Writable } from 'node:stream';
import { Failure } from './errors.ts';

interface Terminal {
  readonly input: Readable;
  readonly output: Writable;
}

/**
 * Asks for one line on the terminal; what is typed is not shown.
 *
 * @returns the line without white space around it; empty when nothing was typed.
 * @throws Failure on Ctrl-C.
 */
export function askHidden(
  question: string,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<string> {
  output.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  // As a terminal: then readline switches the terminal's own echo off, and shows what is typed on `output`, here nowhere.
  const lines = createInterface({ input, output: silent, terminal: true, historySize: 0 });
  return new Promise((resolve, reject) => {
    lines.once('SIGINT', () => {
      reject(new Failure('Stopped.'));
      lines.close();
    });
    lines.once('close', () => {
      output.write('\n');
      resolve('');
    });
    lines.question('', (line) => {
      resolve(line.trim());
      lines.close();
    });
  });
}
