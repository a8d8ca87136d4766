/** Where index.html has the nonce of the waveform's style. */
export const NONCE_PLACE = '%NONCE%';

/**
 * For every answer: nothing of another origin, nothing inline but the waveform's own style (by its nonce), nothing embedded, and
 * nothing kept on disk, since it is what callers have said.
 */
export function securityHeaders(styleNonce: string): Record<string, string> {
  const policy = {
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': `'self' 'nonce-${styleNonce}'`,
    'connect-src': "'self'",
    'media-src': "'self'",
    'img-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
  };
  return {
    'content-security-policy': Object.entries(policy)
      .map((directive) => directive.join(' '))
      .join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  };
}
