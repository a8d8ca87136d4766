import { PayloadError } from '../errors.ts';

/** A part of a form with its bytes as they came, whatever its header says about charset and encoding. */
export interface FormPart {
  readonly name: string | undefined;
  readonly hasFileName: boolean;
  readonly hasContentType: boolean;
  readonly bytes: Buffer;
}

const MOST_PARTS = 8;
const MOST_HEADER_LINES = 20;
const LONGEST_HEADER_BYTES = 16 * 1024;
/** Three times what RFC 2046 §5.1.1 allows. */
const LONGEST_BOUNDARY = 210;

const LINE_END = Buffer.from('\r\n');
const HEADER_END = Buffer.from('\r\n\r\n');
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Takes a form apart that is in memory as a whole (RFC 7578). Parsers for streams decode text by the charset that a part
 * declares, with U+FFFD or nothing for what does not fit; here, JSON in bytes that are not UTF-8 is to be refused.
 *
 * @throws {PayloadError} `broken_multipart`, with a message that says what is wrong.
 */
export function formParts(body: Buffer, contentType: string): FormPart[] {
  const boundary = parametersOf(contentType).get('boundary') ?? '';
  if (boundary === '' || boundary.length > LONGEST_BOUNDARY) {
    throw broken('The content type of the form has no usable boundary');
  }
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1'); // as Node has header values
  const parts: FormPart[] = [];
  let at = firstDelimiter(body, delimiter);
  if (at === undefined) throw broken('The body has no line with the boundary of its content type');
  while (!at.isLast) {
    const next = nextDelimiter(body, delimiter, at.end - LINE_END.length); // one line end may serve both
    if (next === undefined) throw broken('The form ends before its closing boundary');
    if (parts.length === MOST_PARTS) throw broken(`The form has more than ${MOST_PARTS} parts`);
    parts.push(partOf(body, at.end, next.start));
    at = next;
  }
  return parts;
}

/** The `name=value` pairs after the first semicolon of a header's value, by lower-case name; the first of a name counts. */
export function parametersOf(value: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = '', quoted, plain = ''] of value.matchAll(PARAMETER)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain.trim());
  }
  return found;
}

/** Quoted, or up to the next semicolon: many senders leave the quotes out around `/` and `=`. */
const PARAMETER = /;[ \t]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))/g;

/** A line that is a boundary: it begins with its line end, and the part after it begins at `end`. */
interface Delimiter {
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;
}

function firstDelimiter(body: Buffer, delimiter: Buffer): Delimiter | undefined {
  const line = delimiter.subarray(LINE_END.length);
  const first = body.subarray(0, line.length).equals(line) ? delimiterAt(body, 0, line.length) : undefined;
  return first ?? nextDelimiter(body, delimiter, 0);
}

function nextDelimiter(body: Buffer, delimiter: Buffer, from: number): Delimiter | undefined {
  let start = body.indexOf(delimiter, from);
  while (start !== -1) {
    const found = delimiterAt(body, start, start + delimiter.length);
    if (found !== undefined) return found;
    start = body.indexOf(delimiter, start + delimiter.length);
  }
  return undefined;
}

/** Undefined when the line goes on: then it is text that only begins like a boundary. */
function delimiterAt(body: Buffer, start: number, after: number): Delimiter | undefined {
  if (body.toString('latin1', after, after + 2) === '--') return { start, end: after + 2, isLast: true };
  let end = after;
  while (body[end] === SPACE || body[end] === TAB) end++; // RFC 2046 §5.1.1: transport-padding
  if (!body.subarray(end, end + 2).equals(LINE_END)) return undefined;
  return { start, end: end + 2, isLast: false };
}

function partOf(body: Buffer, start: number, end: number): FormPart {
  const headerEnd = body.indexOf(HEADER_END, start - LINE_END.length); // there may be no header at all
  if (headerEnd === -1 || headerEnd + LINE_END.length > end)
    throw broken('A part of the form has no end of its header');
  if (headerEnd - start > LONGEST_HEADER_BYTES) throw broken('The header of a part is too long');
  const header = headerOf(body.toString('utf8', start, headerEnd));
  const disposition = header.get('content-disposition') ?? '';
  const isFormData = /^form-data[ \t]*(;|$)/i.test(disposition);
  const parameters = parametersOf(disposition);
  return {
    name: isFormData ? parameters.get('name') : undefined,
    hasFileName: Boolean(parameters.get('filename') || parameters.get('filename*')),
    hasContentType: Boolean(header.get('content-type')),
    bytes: body.subarray(headerEnd + HEADER_END.length, end),
  };
}

/** By lower-case name; the first of a name counts. */
function headerOf(text: string): Map<string, string> {
  const lines = text.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  if (lines.length > MOST_HEADER_LINES) throw broken(`A part has more than ${MOST_HEADER_LINES} header lines`);
  const found = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon > 0 && !found.has(name)) found.set(name, line.slice(colon + 1).trim());
  }
  return found;
}

function broken(message: string): PayloadError {
  return new PayloadError('broken_multipart', message);
}
