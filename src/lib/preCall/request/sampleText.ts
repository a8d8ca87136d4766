import { decodeBase64, decodeBase64Bytes } from '../../json/base64.ts';

const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const LETTER_N = 0x6e;
const LETTER_R = 0x72;
const LETTER_U = 0x75;

/**
 * Decodes the base64 of a JSON string's content, with line breaks (RFC 2045 §6.8) or without. Undefined when it is not base64
 * with its padding, or has escapes of other characters than line breaks and `/`.
 */
export function decodeSample(json: Buffer): Buffer | undefined {
  const text = unescaped(json);
  return text && decodeBase64Bytes(text);
}

/** The same for the string itself. */
export function decodeSampleText(text: string): Buffer | undefined {
  return decodeBase64(withoutLineBreaks(text));
}

/** What is wrong with a text that cannot be decoded; says nothing of its content. */
export function problemOfSampleText(text: string): string {
  if (/^\s*data:/i.test(text)) return 'is a data URI: send only the base64 that follows its comma';
  const base64 = withoutLineBreaks(text);
  const lacksPadding = base64.length % 4 > 1 && /^[\w+/-]+=?$/.test(base64);
  if (lacksPadding) return 'lacks its padding: append = until the length is a multiple of 4';
  return 'is not valid base64';
}

function withoutLineBreaks(text: string): string {
  return text.replace(/[\r\n]+/g, '');
}

/** Copies nothing when there is nothing to leave out. Byte by byte: a text that is all escapes takes no longer. */
function unescaped(json: Buffer): Buffer | undefined {
  if (!json.includes(BACKSLASH)) return json;
  const text = Buffer.allocUnsafe(json.length);
  let used = 0;
  for (let at = 0; at < json.length; at++) {
    let byte = json[at] ?? 0;
    if (byte === BACKSLASH) {
      const breakBytes = lineBreakAt(json, at + 1);
      at += breakBytes;
      if (breakBytes > 0) continue;
      byte = SLASH;
      if (json[++at] !== SLASH) return undefined;
    }
    text[used++] = byte;
  }
  return text.subarray(0, used);
}

/** The length of what follows the backslash when the two are a line break: `r`, `n`, `u000d`, `u000a`; else 0. */
function lineBreakAt(json: Buffer, at: number): number {
  const kind = json[at];
  if (kind === LETTER_R || kind === LETTER_N) return 1;
  return kind === LETTER_U && /^u000[adAD]$/.test(json.toString('latin1', at, at + 5)) ? 5 : 0;
}
