import * as z from 'zod/mini';

/** A container, and the folder in it that ends in a slash (or is empty). */
export interface StoragePath {
  readonly container: string;
  readonly prefix: string;
}

/**
 * The longest name that the app puts behind a folder is about 600 characters: two ids, two hashes, an extension. Azure takes
 * 1,024 in all (https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata).
 */
const LONGEST_PREFIX = 400;

/** A setting that names a container, or a container and folders in it: `calls`, `calls/eu/transcripts`. */
export const storagePath = (fallback: string) =>
  z.prefault(
    z.pipe(
      z.string(),
      z.transform((text, { issues }): StoragePath => {
        const path = text.trim().replace(/^\/+|\/+$/g, '');
        const [container = '', ...folders] = path.split('/');
        const prefix = folders.map((folder) => `${folder}/`).join('');
        const refuse = (message: string) => issues.push({ code: 'custom', input: text, message });
        if (!/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/.test(container)) {
          refuse('must begin with a container name: 3 to 63 lower-case letters, digits and single hyphens');
        }
        if (folders.some((folder) => !/^[A-Za-z0-9._-]{1,200}$/.test(folder) || /^\.+$/.test(folder))) {
          refuse('folders after the container may contain letters, digits, dots, hyphens and underscores');
        }
        if (prefix.length > LONGEST_PREFIX) {
          refuse(`is too long: its folders may have ${LONGEST_PREFIX} characters in total`);
        }
        return { container, prefix };
      }),
    ),
    fallback,
  );

/** Whether one of the two is the other, or lies in it. */
export function areNested(one: StoragePath, other: StoragePath): boolean {
  return (
    one.container === other.container && (one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix))
  );
}
