import { describe, expect, it } from 'vitest';
import { isPreCallForm } from '../../../src/lib/postCall/preCallDelivery.ts';

/** A form with these header lines for its parts, between lines that end in `end`. */
function form(parts: readonly string[], { boundary = 'bbb', end = '\r\n', content = 'x' } = {}): Buffer {
  const bodies = parts.map(
    (headers) => `--${boundary}${end}${headers.replaceAll('\n', end)}${end}${end}${content}${end}`,
  );
  return Buffer.from(`${bodies.join('')}--${boundary}--${end}`, 'latin1');
}

const metadata = 'Content-Disposition: form-data; name="metadata"';
const sample = 'Content-Disposition: form-data; name="voice_sample"; filename="s.wav"\nContent-Type: audio/wav';
const other = 'Content-Disposition: form-data; name="other"';

describe('a form is a delivery for the pre-call endpoint', () => {
  it.each([
    ['with both parts', form([metadata, sample])],
    ['with the metadata alone', form([metadata])],
    ['with the sample alone', form([sample])],
    ['behind other parts', form([other, other, sample])],
    ['with a name without quotes', form(['Content-Disposition: form-data; name=metadata'])],
    ['with a name without quotes, and more', form(['Content-Disposition: form-data; name=voice_sample; filename=s'])],
    ['with its name last', form(['Content-Disposition: form-data; filename="s.wav"; name="voice_sample"'])],
    ['with a name that has a charset', form(["Content-Disposition: form-data; name*=utf-8''voice_sample"])],
    ['with spaces around the signs', form(['Content-Disposition: form-data ; name = "metadata" ; x=y'])],
    ['with headers in any case', form(['CONTENT-DISPOSITION: FORM-DATA; NAME="metadata"'])],
    ['with another header first', form([`Content-Type: text/plain\n${metadata}`])],
    ['with a folded header', form(['Content-Disposition: form-data;\n  name="metadata"'])],
    ['with lines that end in LF', form([other, metadata], { end: '\n' })],
    ['with a boundary of 70 signs', form([metadata], { boundary: "'()+_,-./:=? x".repeat(5) })],
    ['with a boundary of hyphens', form([sample], { boundary: '----------------------------1' })],
    ['with white space behind the boundary', Buffer.from(form([metadata]).toString().replaceAll('bbb\r', 'bbb \t\r'))],
    ['behind a preamble', Buffer.concat([Buffer.from('This is a message\r\nin parts.\r\n'), form([metadata])])],
    ['behind an empty line', Buffer.concat([Buffer.from('\r\n'), form([metadata])])],
    ['that is cut off', form([other, metadata]).subarray(0, -14)],
    ['behind a part of megabytes', form([other, sample], { content: `--\r\n--bb\r\n${'\0'.repeat(3_000_000)}` })],
  ])('%s', (_name, body) => {
    expect(isPreCallForm(body)).toBe(true);
  });

  it.each([
    ['with parts of other names', form([other, other])],
    ['with a name that only begins like it', form(['Content-Disposition: form-data; name="metadata2"'])],
    ['with a name that only ends like it', form(['Content-Disposition: form-data; name="my_metadata"'])],
    ['with a file of that name', form(['Content-Disposition: form-data; name="x"; filename="metadata"'])],
    ['with the name in its content', form([other], { content: `\r\n${metadata}\r\n` })],
    ['with a part behind the hundredth', form([...Array<string>(100).fill(other), metadata])],
    ['without parts', form([])],
  ])('not %s', (_name, body) => {
    expect(isPreCallForm(body)).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['text', `${metadata}\r\n\r\nx`],
    ['a lone delimiter', '--bbb'],
    ['a delimiter and nothing else', '--bbb\r\n'],
    ['JSON', '{"x":"--bbb"}'],
  ])('%s is none', (_name, text) => {
    expect(isPreCallForm(Buffer.from(text))).toBe(false);
  });
});
