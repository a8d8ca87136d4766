import { isSupportedCountry, type PhoneNumber, parsePhoneNumberFromString } from 'libphonenumber-js/min';

/** What telephone systems send in place of a number that the caller withholds; `+266696687` spells "anonymous" on a keypad. */
const WITHHELD: ReadonlySet<string> = new Set([
  'anonymous',
  'restricted',
  'private',
  'unknown',
  'unavailable',
  '+266696687',
  '266696687',
]);

/** Longer texts name nobody: a SIP address has its limits, and so has a directory. */
const LONGEST = 256;

/**
 * The one form of a caller's number under which it is looked up and hashed: E.164 where it can be had, else the text itself,
 * trimmed. `+31 6 1234 5678`, WhatsApp's `31612345678` and `sip:+31612345678@example.com` are the same number.
 *
 * @param country ISO 3166, two letters: where a number without a country is from. Without it such a number is taken as text.
 * @returns undefined for a number that is withheld, or longer than 256 characters: it is never looked up and never kept.
 * @example normaliseNumber('06 12345678', 'NL') // '+31612345678'
 */
export function normaliseNumber(given: string | undefined, country?: string): string | undefined {
  const text = (given ?? '').trim();
  if (text === '' || text.length > LONGEST) return undefined;
  const user = userPart(text);
  const number = toE164(user ?? text, country);
  if ([text, user, number].some((form) => form !== undefined && isWithheld(form))) return undefined;
  return number ?? text;
}

function isWithheld(form: string): boolean {
  return form === '' || WITHHELD.has(form.toLowerCase());
}

/**
 * Of a SIP or tel address, or one of WhatsApp as Twilio writes it, what stands in front of the host, without parameters and
 * password; undefined for anything else (https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1,
 * https://www.rfc-editor.org/rfc/rfc3966#section-3, https://www.twilio.com/docs/whatsapp/api).
 */
function userPart(text: string): string | undefined {
  const address = /<([^<>]*)>\s*$/.exec(text)?.[1] ?? text;
  const [, scheme, rest = ''] = /^(?:(sips?|tel|whatsapp):)?(.*)$/is.exec(address) ?? [];
  if (scheme === undefined && !rest.includes('@')) return undefined;
  const at = rest.lastIndexOf('@');
  const user = (at < 0 ? rest : rest.slice(0, at)).split(/[;:]/, 1)[0] ?? '';
  try {
    return decodeURIComponent(user).trim();
  } catch {
    return user.trim();
  }
}

/** Undefined for what is not written as a number, or has no country. */
function toE164(text: string, country: string | undefined): string | undefined {
  if (!/^\+?[\d\s().\-/\u00A0\u2010-\u2015]+$/.test(text)) return undefined;
  const digits = text.replace(/\D/g, '');
  if (text.startsWith('+')) {
    if (!/^[0-9]{4,20}$/.test(digits)) return undefined;
    const parsed = parsePhoneNumberFromString(text);
    return parsed?.isPossible() ? parsed.number : `+${digits}`;
  }
  const national =
    country !== undefined && isSupportedCountry(country) ? parsePhoneNumberFromString(text, country) : undefined;
  const isWhole = /^[1-9][0-9]{7,14}$/.test(digits); // as WhatsApp sends them: with the country, without the plus
  const international = isWhole ? parsePhoneNumberFromString(`+${digits}`) : undefined;
  if (national?.isValid() && (isWrittenThere(national, digits) || !international?.isValid())) return national.number;
  if (international?.isValid()) return international.number;
  if (national?.isPossible()) return national.number;
  return isWhole ? `+${digits}` : undefined;
}

/**
 * Where people write a zero in front, digits without one are more likely those of another country: to a German app `447911123456`
 * is British.
 */
function isWrittenThere(national: PhoneNumber, digits: string): boolean {
  return national.formatNational().replace(/\D/g, '') === digits;
}
