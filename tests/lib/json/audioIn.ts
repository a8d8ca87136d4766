import { JsonScanner } from '../../../src/lib/json/scanner.ts';

/** What the scanner takes for audio: the strings between their quotes, with the one that does not end. */
export function audioIn(pieces: readonly Buffer[]): string[] {
  const scanner = new JsonScanner();
  const found: string[] = [];
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const from = at;
      if (!scanner.inAudio) {
        at = scanner.scanToAudio(piece, from);
        if (scanner.inAudio) found.push('');
        continue;
      }
      at = scanner.scanAudio(piece, from);
      const end = scanner.inAudio ? at : at - 1;
      found.push(`${found.pop()}${piece.toString('latin1', from, end)}`);
    }
  }
  return found;
}
