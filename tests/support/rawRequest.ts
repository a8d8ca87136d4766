import { connect } from 'node:net';

export interface RawAnswer {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends a request as it stands, which no HTTP client would do with such headers, over a connection of its own. */
export function rawRequest(url: string, head: readonly string[], body = ''): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const [line = '', ...headers] = head;
  const host = headers.some((header) => /^host:/i.test(header)) ? [] : ['Host: localhost'];
  const length = headers.some((header) => /^transfer-encoding:/i.test(header))
    ? []
    : [`Content-Length: ${Buffer.byteLength(body)}`];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('latin1').on('data', (data) => {
      text += data;
      if (isWhole(text)) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const [answerHead = '', ...rest] = text.split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answerHead)?.[1] ?? 0);
      const framed = rest.join('\r\n\r\n');
      const body = /transfer-encoding: chunked/i.test(answerHead) ? unframed(framed) : framed;
      resolve({ status, headers: answerHead, body });
    });
    socket.write([line, ...host, ...headers, ...length, 'Connection: close', '', ''].join('\r\n'), 'latin1');
    socket.write(body);
  });
}

/** The server may keep the connection, also when it was asked to close it. */
function isWhole(text: string): boolean {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  return length === undefined ? text.endsWith('0\r\n\r\n') : rest.join('\r\n\r\n').length >= Number(length);
}

/** What `transfer-encoding: chunked` carries. */
function unframed(text: string): string {
  const [, size = '0', rest = ''] = /^([\da-f]+)\r\n(.*)$/is.exec(text) ?? [];
  const length = Number.parseInt(size, 16);
  return length === 0 ? '' : rest.slice(0, length) + unframed(rest.slice(length + 2));
}
