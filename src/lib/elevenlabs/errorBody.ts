import * as z from 'zod/mini';

/** What an error answer says, whichever of the four shapes it has. */
export interface ErrorDetail {
  /** `detail.code`, the legacy `detail.status` and `detail.type`, as far as they are there, the most precise first. */
  readonly codes: readonly string[];
  /** For classifying only: it may repeat what was sent. */
  readonly text: string;
  readonly param?: string | undefined;
  readonly requestId?: string | undefined;
}

const word = z.string().check(z.regex(/^[\w.-]{1,80}$/));
const lenientWord = z.catch(z.optional(word), undefined);

/** Nobody reads more of a list, and a hostile answer may hold a million entries. */
const firstTen = z.pipe(
  z.array(z.unknown()),
  z.transform((all) => all.slice(0, 10)),
);

const objectShape = z.object({
  detail: z.object({
    code: lenientWord,
    status: lenientWord,
    type: lenientWord,
    message: z.catch(z.string(), ''),
    request_id: lenientWord,
    param: lenientWord,
  }),
});

const validationIssue = z.object({
  loc: z.catch(z.pipe(firstTen, z.array(z.union([word, z.number()]))), []),
  msg: z.catch(z.string(), ''),
  type: lenientWord,
});

const arrayShape = z.object({ detail: z.pipe(firstTen, z.tuple([validationIssue], validationIssue)) });

const textShape = z.object({ detail: z.string() });

const NOTHING_SAID: ErrorDetail = { codes: [], text: '' };

/**
 * Reads the body of an error answer: the current object (`type`, `code`, `message`, …), the older one (`status`,
 * `message`), the framework's array of `{loc, msg, type}` and the plain string
 * (https://elevenlabs.io/docs/eleven-api/resources/errors). Anything else says nothing.
 */
export function parseErrorBody(body: string): ErrorDetail {
  const answer = parseJson(body);
  const object = objectShape.safeParse(answer);
  if (object.success) {
    const { code, status, type, message, request_id, param } = object.data.detail;
    return { codes: [code, status, type].filter(isPresent), text: message, param, requestId: request_id };
  }
  const array = arrayShape.safeParse(answer);
  if (array.success) {
    const [first] = array.data.detail;
    return {
      codes: [first.type].filter(isPresent),
      text: array.data.detail.map(({ msg }) => msg).join('; '),
      param: first.loc.length === 0 ? undefined : first.loc.join('.'),
    };
  }
  const text = textShape.safeParse(answer);
  return text.success ? { codes: [], text: text.data.detail } : NOTHING_SAID;
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
