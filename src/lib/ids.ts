import * as z from 'zod/mini';

/** An agent or conversation id of the documented alphabet; nothing else ever becomes part of a blob's name. */
export const idSchema = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,256}$/));
