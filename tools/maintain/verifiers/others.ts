import { ElevenLabsClient, ElevenLabsError } from '@elevenlabs/elevenlabs-js';
import { SignatureVerificationException, WorkOS } from '@workos-inc/node';
import Stripe from 'stripe';
import type { Verifier } from './verifier.ts';

const { webhooks: elevenLabs } = new ElevenLabsClient({ apiKey: 'not-used' });
const stripe = signatureOf(new Stripe('not-used'));
const { webhooks: workOs } = new WorkOS('not-used');

/** Both sign under the name v1, as Stripe began it. */
const asV1 = (header: string) => header.replaceAll(/v[01](?==)/g, (name) => (name === 'v0' ? 'v1' : 'v0'));

/** Verifiers on npm of `t` + `.` + body. Svix and Standard Webhooks sign an id, too, and cannot be tried. */
export const otherVerifiers: readonly Verifier[] = [
  {
    name: 'ElevenLabs',
    package: '@elevenlabs/elevenlabs-js',
    fixedToleranceSeconds: 1800,
    // It takes text. What is not valid JSON has been verified when that shows.
    verify: ({ body, header, secret }) =>
      elevenLabs.constructEvent(body.toString(), header, secret).catch((error: unknown) => {
        if (!(error instanceof SyntaxError)) throw error;
      }),
    isRefusal: (error) => error instanceof ElevenLabsError,
  },
  {
    name: 'Stripe',
    package: 'stripe',
    adapted: 'v0 is renamed to v1 in the header',
    verify: async ({ body, header, secret, toleranceSeconds }) =>
      stripe.verifyHeader(body, asV1(header), secret, toleranceSeconds),
    isRefusal: (error) => error instanceof Stripe.errors.StripeSignatureVerificationError,
  },
  {
    name: 'WorkOS',
    package: '@workos-inc/node',
    adapted:
      'v0 is renamed to v1 in the header; its times are milliseconds, so its clock and its tolerance count seconds',
    countsSeconds: true,
    verify: ({ body, header, secret, toleranceSeconds }) =>
      workOs.verifyHeader({ payload: body, sigHeader: asV1(header), secret, tolerance: toleranceSeconds }),
    isRefusal: (error) => error instanceof SignatureVerificationException,
  },
];

function signatureOf({ webhooks: { signature } }: Stripe) {
  if (signature === null) throw new Error('Stripe has no signature here.'); // only its types say so
  return signature;
}
