import fc from 'fast-check';

/** A place in bytes of any length, as a share of it. (fc.double would nearly always be next to 0.) */
export const share = fc.nat(2 ** 30 - 1).map((part) => part / 2 ** 30);
