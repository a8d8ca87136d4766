import { randomUUID } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { MIMEType } from 'node:util';
import { PayloadError } from '../errors.ts';

/** A part of a form with its bytes as they came, whatever its header says about charset and encoding. */
export interface FormPart {
  readonly name: string | undefined;
  /** It has a file name or a content type. */
  readonly isFile: boolean;
  /** What is not a file is cut off after 1 MiB. */
  readonly bytes: Buffer;
}

const MOST_PARTS = 8;
const LONGEST_FIELD_BYTES = 1024 * 1024;
/** Three times what RFC 2046 §5.1.1 allows. */
const LONGEST_BOUNDARY = 210;
/** Of the blanks that RFC 2046 allows after a boundary. */
const LONGEST_PADDING = 100;
const HEADER_END = '\r\n\r\n';
/** Nobody else can know it, so no part contains it. */
const OUR_BOUNDARY = randomUUID();
/** The type that busboy never decodes. Of several lines it reads the first. */
const OUR_TYPE = 'Content-Type: application/octet-stream\r\n';

/**
 * Takes a form apart (RFC 7578) that is in memory as a whole. busboy does it, but it decodes a part with a content type and
 * no file name by the charset declared there, and takes whatever begins like the boundary for the boundary. So it gets the
 * form with a boundary and content types of ours. Plain fields are decoded as Latin-1, which loses nothing.
 *
 * @throws {PayloadError} `broken_multipart`, with a message that says what is wrong.
 */
export async function formParts(body: Buffer, contentType: string): Promise<FormPart[]> {
  const form = rewritten(body, boundaryOf(contentType));
  const { default: busboy } = await import('busboy'); // most instances never need it
  const parser = busboy({
    headers: { 'content-type': `multipart/form-data; boundary=${OUR_BOUNDARY}` },
    defCharset: 'latin1',
    limits: { parts: MOST_PARTS + 1, fieldSize: LONGEST_FIELD_BYTES }, // it counts the closing boundary, too
  });
  const parts: FormPart[] = [];
  parser.on('field', (name, value) => parts.push({ name, isFile: false, bytes: Buffer.from(value, 'latin1') }));
  parser.on('file', (name, file) => {
    const pieces: Buffer[] = [];
    file.on('data', (piece: Buffer) => pieces.push(piece));
    file.on('end', () => parts.push({ name, isFile: true, bytes: Buffer.concat(pieces) }));
    file.on('error', () => undefined); // the parser fails with it
  });
  parser.on('partsLimit', () => parser.destroy(broken(`The form has more than ${MOST_PARTS} parts`)));
  await pipeline(form, parser).catch((error: Error) => {
    const isOfHeader = error.message === 'Malformed part header';
    throw isOfHeader ? broken('The header of a part is malformed or over 16 KiB') : error;
  });
  return parts;
}

function boundaryOf(contentType: string): string {
  const type = new MIMEType(contentType.replace(/^[^;]*/, 'multipart/form-data')); // throws for no parameter
  const boundary = type.params.get('boundary') ?? '';
  if (boundary !== '' && boundary.length <= LONGEST_BOUNDARY) return boundary;
  throw broken('The content type of the form has no usable boundary');
}

function* rewritten(body: Buffer, boundary: string): Generator<Buffer | string> {
  let from: number | undefined; // where the line of the last boundary ends
  for (const { start, end, isLast } of boundariesIn(body, boundary)) {
    if (from !== undefined) {
      const headerEnd = body.indexOf(HEADER_END, from);
      if (headerEnd === -1 || headerEnd + 2 > start) throw broken('The header of a part of the form does not end');
      const isTyped = /^content-type:\s*\S/im.test(body.toString('latin1', from, headerEnd));
      yield `\r\n--${OUR_BOUNDARY}\r\n${isTyped ? OUR_TYPE : ''}`;
      yield body.subarray(from + 2, Math.max(headerEnd + HEADER_END.length, start)); // one line end may serve both
    }
    if (isLast) return yield `\r\n--${OUR_BOUNDARY}--`;
    from = end;
  }
  if (from === undefined) throw broken('The body has no line with the boundary of its content type');
  throw broken('The form ends before its closing boundary');
}

/** From the line end before a boundary up to the one after it. A line that goes on is text that only begins like one. */
function* boundariesIn(body: Buffer, boundary: string) {
  const line = Buffer.from(`\r\n--${boundary}`, 'latin1'); // as Node has header values
  const isFirst = body.subarray(0, line.length - 2).equals(line.subarray(2));
  for (let at = isFirst ? -2 : body.indexOf(line); at !== -1; at = body.indexOf(line, at + line.length)) {
    const end = at + line.length;
    const after = /^(?:--|[ \t]*(?=\r\n))/.exec(body.toString('latin1', end, end + LONGEST_PADDING))?.[0];
    if (after !== undefined) yield { start: at, end: end + after.length, isLast: after === '--' };
  }
}

function broken(message: string): PayloadError {
  return new PayloadError('broken_multipart', message);
}
