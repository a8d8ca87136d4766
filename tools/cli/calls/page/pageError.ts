/** What the page is answered instead of what it asked for; the message is for people. */
export class PageError extends Error {
  override readonly name = 'PageError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
