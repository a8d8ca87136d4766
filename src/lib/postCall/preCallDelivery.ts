export const PRE_CALL_TYPE = 'pre_call';

/** Enough for any boundary (70 characters, RFC 2046 §5.1.1) and a preamble. */
const LONGEST_PREAMBLE_BYTES = 4096;
const LONGEST_HEADERS_BYTES = 16 * 1024;
/** Pre-call itself takes eight. */
const MOST_PARTS = 100;

/** In quotes or without, or with a charset as `name*=utf-8''metadata` (RFC 5987). */
const PRE_CALL_PART =
  /^content-disposition:[^\n]*;[ \t]*name\*?[ \t]*=[ \t]*("?)([\w-]*'[\w-]*')?(voice_sample|metadata)\1[ \t]*(;|\r?$)/im;

/** Whether an event says by its members that it is a delivery for the pre-call endpoint. */
export function isPreCallEvent(event: Readonly<Record<string, unknown>>): boolean {
  return event['type'] === PRE_CALL_TYPE || Object.hasOwn(event, 'voice_sample');
}

/**
 * Whether bytes that are not JSON are a form (RFC 7578) with a part named `voice_sample` or `metadata`: a delivery for the
 * pre-call endpoint. Only the bytes count; the content type with its boundary is not signed.
 */
export function isPreCallForm(body: Buffer): boolean {
  const beginning = body.toString('latin1', 0, LONGEST_PREAMBLE_BYTES);
  if (/^\s*[{["]/.test(beginning)) return false; // damaged JSON, whatever its text holds
  const delimiter = /^--[^\r\n]+?(?=[ \t]*\r?\n)/m.exec(beginning);
  if (delimiter === null) return false;
  const line = `\n${delimiter[0]}`;
  let at = delimiter.index + delimiter[0].length;
  for (let part = 0; part < MOST_PARTS; part++) {
    if (PRE_CALL_PART.test(headersAt(body, at))) return true;
    const next = body.indexOf(line, at, 'latin1');
    if (next === -1) return false;
    at = next + line.length;
  }
  return false;
}

/** The header lines of the part whose delimiter ends at `at`; folded ones are joined. */
function headersAt(body: Buffer, at: number): string {
  const text = body.toString('latin1', at, at + LONGEST_HEADERS_BYTES);
  const [headers = ''] = text.replace(/^[ \t]*\r?\n/, '').split(/\r?\n\r?\n/, 1);
  return headers.replace(/\r?\n[ \t]+/g, ' ');
}
