// Preloaded into the Azurite of the bench and of tests, so that a byte costs the same whichever way it comes. Azurite 3.37
// answers a staged block with a CRC-64 that it computes in JavaScript, which takes three times as long as all else it does with
// the block; whole blobs get an MD5 from Node's own library. The real service has no such difference. Here both get the MD5.
import { createRequire } from 'node:module';

interface Checksums {
  md5?: boolean;
  crc64?: boolean;
}
type Compute = (stream: unknown, expected: unknown, contextId: unknown, wanted?: Checksums) => Promise<unknown>;

const utils = createRequire(import.meta.url)('azurite/dist/src/blob/utils/utils.js') as Record<string, Compute>;
const name = 'computeAndValidateTransactionalChecksums';
const compute = utils[name];
if (compute === undefined) throw new Error('This Azurite computes its checksums elsewhere');
utils[name] = (stream, expected, contextId, wanted) =>
  compute(stream, expected, contextId, wanted?.crc64 === true ? { md5: true } : wanted);
