import * as z from 'zod/mini';

const maybe = <T extends z.ZodMiniType>(schema: T) => z.catch(z.nullish(schema), undefined);
const list = <T extends z.ZodMiniType>(schema: T) => z.catch(z._default(z.array(schema), []), []);
const record = <T extends z.ZodMiniType>(schema: T) => z.catch(z._default(z.record(z.string(), schema), {}), {});

/** What is shown of a transcript; all of it may be absent (docs/facts/elevenlabs.md). */
const transcript = z.object({
  transcript: list(
    z.object({
      role: z.catch(z.string(), '?'),
      message: maybe(z.string()),
      time_in_call_secs: maybe(z.number()),
      tool_calls: list(z.object({ tool_name: z.catch(z.string(), '?'), params_as_json: maybe(z.string()) })),
      tool_results: list(
        z.object({
          tool_name: z.catch(z.string(), '?'),
          result_value: maybe(z.string()),
          is_error: maybe(z.boolean()),
        }),
      ),
    }),
  ),
  analysis: maybe(
    z.object({
      transcript_summary: maybe(z.string()),
      data_collection_results: record(z.object({ value: z.unknown() })),
      evaluation_criteria_results: record(z.object({ result: maybe(z.string()), rationale: maybe(z.string()) })),
    }),
  ),
});

export type Transcript = z.infer<typeof transcript>;

/** Reads the `data` of a transcription event, as far as it is of the documented shape. */
export function readTranscript(data: unknown): Transcript {
  return transcript.safeParse(data).data ?? { transcript: [] };
}
