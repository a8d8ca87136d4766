import * as z from 'zod/mini';

const maybe = <T extends z.ZodMiniType>(schema: T) => z.catch(z.nullish(schema), undefined);
const list = <T extends z.ZodMiniType>(schema: T) => z.catch(z._default(z.array(schema), []), []);
const record = <T extends z.ZodMiniType>(schema: T) => z.catch(z._default(z.record(z.string(), schema), {}), {});

/** Tokens, and what those tokens cost in US dollars: not a rate. */
const tokens = maybe(z.object({ tokens: maybe(z.number()), price: maybe(z.number()) }));

/** What the models have used, by model. */
const modelUsage = maybe(
  z.object({
    model_usage: record(
      z.object({
        input: tokens,
        input_cache_read: tokens,
        input_cache_write: tokens,
        output_total: tokens,
      }),
    ),
  }),
);

/** The SDK's `ConversationChargingCommonModel`. Charges are credits, prices US dollars. */
const charging = z.object({
  tier: maybe(z.string()),
  call_charge: maybe(z.number()),
  llm_charge: maybe(z.number()),
  llm_price: maybe(z.number()),
  platform_price: maybe(z.number()),
  free_minutes_consumed: maybe(z.number()),
  free_llm_dollars_consumed: maybe(z.number()),
  /** What was begun and billed, and the part of it that was completed: never to be added (docs/facts/elevenlabs.md#costs). */
  llm_usage: maybe(z.object({ initiated_generation: modelUsage, irreversible_generation: modelUsage })),
});

const turn = z.object({
  role: z.catch(z.string(), '?'),
  message: maybe(z.string()),
  time_in_call_secs: maybe(z.number()),
  interrupted: maybe(z.boolean()),
  tool_calls: list(z.object({ tool_name: z.catch(z.string(), '?'), params_as_json: maybe(z.string()) })),
  tool_results: list(
    z.object({
      tool_name: z.catch(z.string(), '?'),
      result_value: maybe(z.string()),
      is_error: maybe(z.boolean()),
      tool_latency_secs: maybe(z.number()),
    }),
  ),
});

/** What is shown of a transcript; all of it may be absent (docs/facts/elevenlabs.md#the-events-of-a-call). */
const transcript = z.object({
  agent_name: maybe(z.string()),
  status: maybe(z.string()),
  transcript: list(turn),
  analysis: maybe(
    z.object({
      call_successful: maybe(z.string()),
      call_summary_title: maybe(z.string()),
      transcript_summary: maybe(z.string()),
      data_collection_results: record(z.object({ value: z.unknown(), rationale: maybe(z.string()) })),
      evaluation_criteria_results: record(z.object({ result: maybe(z.string()), rationale: maybe(z.string()) })),
    }),
  ),
  metadata: maybe(
    z.object({
      cost: maybe(z.number()),
      cost_fiat: maybe(z.number()),
      termination_reason: maybe(z.string()),
      main_language: maybe(z.string()),
      conversation_initiation_source: maybe(z.string()),
      authorization_method: maybe(z.string()),
      error: maybe(z.object({ code: maybe(z.number()), reason: maybe(z.string()) })),
      phone_call: maybe(z.record(z.string(), z.unknown())),
      charging: maybe(charging),
    }),
  ),
  conversation_initiation_client_data: maybe(z.object({ dynamic_variables: record(z.unknown()) })),
});

export type Transcript = z.infer<typeof transcript>;
export type Turn = z.infer<typeof turn>;
export type ModelUsage = z.infer<typeof modelUsage>;

/** Reads the `data` of a transcription event, as far as it is of the documented shape. */
export function readTranscript(data: unknown): Transcript {
  return transcript.safeParse(data).data ?? { transcript: [] };
}
