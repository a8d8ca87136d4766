import * as z from 'zod/mini';

/** Whom ElevenLabs asks before a call, of the workspace or of one agent. */
export interface InitiationWebhook {
  readonly url: string;
  /** By their names in lower case: a text, or the secret of the workspace that holds it. */
  readonly headers: Readonly<Record<string, string | { readonly secretId: string }>>;
}

const lenient = <T extends z.ZodMiniType>(schema: T) => z.catch(z.optional(schema), undefined);
const id = z.string().check(z.minLength(1), z.maxLength(200));

export const initiationSchema = z.pipe(
  z.object({
    url: z.string(),
    request_headers: z.catch(z.record(z.string(), z.union([z.string(), z.object({ secret_id: z.string() })])), {}),
  }),
  z.transform(({ url, request_headers }): InitiationWebhook => {
    const headers = Object.entries(request_headers).map(([name, value]) => {
      return [name.toLowerCase(), typeof value === 'string' ? value : { secretId: value.secret_id }] as const;
    });
    return { url, headers: Object.fromEntries(headers) };
  }),
);

export const initiationOfSettingsSchema = z.pipe(
  z.object({ conversation_initiation_client_data_webhook: lenient(initiationSchema) }),
  z.transform((settings) => settings.conversation_initiation_client_data_webhook),
);

export const secretsSchema = z.pipe(
  z.object({ secrets: z.array(z.object({ secret_id: id, name: z.catch(z.string(), '') })) }),
  z.transform(({ secrets }) => secrets.map(({ secret_id, name }) => ({ secretId: secret_id, name }))),
);

export const madeSecretSchema = z.pipe(
  z.object({ secret_id: id }),
  z.transform((made) => made.secret_id),
);
