import * as z from 'zod/mini';
import { mistakeIn } from './secrets.ts';
import { apiAddress } from './settingFields.ts';

/** How the ElevenLabs API is reached. */
export interface ElevenLabsSettings {
  readonly apiKey: string;
  readonly baseUrl: string;
}

/** The fields of it; `purpose` says what a key is needed for when there is none. */
export const elevenLabsFields = (purpose: string) => ({
  ELEVENLABS_API_KEY: z.string({ error: `is required for ${purpose}: an API key of ElevenLabs` }).check(
    z.superRefine((key, context) => {
      const mistake = mistakeIn(key);
      if (mistake !== undefined) context.addIssue(mistake);
    }),
  ),
  ELEVENLABS_API_BASE_URL: apiAddress('https://api.elevenlabs.io'),
});

export function elevenLabsOf(values: {
  readonly ELEVENLABS_API_KEY: string;
  readonly ELEVENLABS_API_BASE_URL: string;
}): ElevenLabsSettings {
  return { apiKey: values.ELEVENLABS_API_KEY, baseUrl: values.ELEVENLABS_API_BASE_URL.replace(/\/$/, '') };
}
