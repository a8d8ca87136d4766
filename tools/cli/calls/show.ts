import { type Call, describing } from '../../../src/lib/calls/call.ts';
import { dataOf, readBody } from '../../../src/lib/calls/describeCall.ts';
import { paint, printJson, readableSize } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { callJson } from './callJson.ts';
import { oneCall } from './one.ts';
import type { CallValues } from './options.ts';
import { plain } from './plain.ts';
import { showDuration, showTime } from './times.ts';
import { readTranscript, type Transcript } from './transcript.ts';

/** One call as a page to read, or as one object. */
export async function showCall(access: StorageAccess, values: CallValues, conversationId: string): Promise<number> {
  const call = await oneCall(access, conversationId, values.agent);
  const blob = call.has.transcript ? describing(call.blobs) : undefined;
  const transcript = readTranscript(blob && dataOf(await readBody(access.storage, blob)));
  if (values.json)
    printJson({ ...callJson(call), ...transcriptJson(transcript), delivery: describing(call.blobs)?.metadata });
  else console.log(page(call, transcript, values.utc).join('\n'));
  return 0;
}

function transcriptJson({ transcript, analysis }: Transcript) {
  return {
    summary: analysis?.transcript_summary ?? null,
    collected_data: Object.fromEntries(collected(analysis)),
    evaluation: Object.fromEntries(evaluated(analysis)),
    turns: transcript,
  };
}

const collected = (analysis: Transcript['analysis']) =>
  Object.entries(analysis?.data_collection_results ?? {}).map(([name, { value }]) => [name, value] as const);
const evaluated = (analysis: Transcript['analysis']) =>
  Object.entries(analysis?.evaluation_criteria_results ?? {}).map(([name, result]) => [name, result] as const);

function page(call: Call, { transcript, analysis }: Transcript, isUtc: boolean): string[] {
  const facts = Object.entries(call.details).map(([name, value]) => [
    name.replace('call_', '').replaceAll('_', ' '),
    value,
  ]);
  const summary = analysis?.transcript_summary;
  return [
    paint('bold', call.conversationId),
    ...rows([
      ['agent', call.agentId],
      ['began', call.startedAt === undefined ? 'not known' : showTime(call.startedAt, isUtc)],
      ...facts.filter(([name]) => name !== 'started at'),
      ...(call.missing.length === 0 ? [] : [['missing', call.missing.join(', ')]]),
    ]),
    ...section('Summary', summary ? [plain(summary)] : []),
    ...section(
      'Collected data',
      rows(collected(analysis).map(([name, value]) => [name, JSON.stringify(value) ?? '-'])),
    ),
    ...section(
      'Evaluation',
      rows(evaluated(analysis).map(([name, { result, rationale }]) => [name, `${result ?? '-'}  ${rationale ?? ''}`])),
    ),
    ...section('Turns', transcript.flatMap(turn)),
    ...section(
      'Stored',
      call.blobs.map(
        ({ container, name, bytes, storedAt }) =>
          `  ${showTime(storedAt, isUtc)}  ${readableSize(bytes).padStart(8)}  ${container}/${name}`,
      ),
    ),
    ...section('Delivery', rows(deliveryOf(call))),
  ];
}

function turn({
  role,
  message,
  time_in_call_secs,
  tool_calls,
  tool_results,
}: Transcript['transcript'][number]): string[] {
  const time = (
    time_in_call_secs === undefined || time_in_call_secs === null ? '' : showDuration(time_in_call_secs)
  ).padStart(7);
  return [
    ...(message ? [`${time}  ${paint('bold', plain(role).padEnd(5))}  ${plain(message)}`] : []),
    ...tool_calls.map((tool) => `${time}  tool   ${plain(`${tool.tool_name} ${tool.params_as_json ?? ''}`)}`),
    ...tool_results.map(
      (tool) =>
        `${time}  ${tool.is_error ? 'error ' : 'result'} ${plain(`${tool.tool_name} ${tool.result_value ?? ''}`)}`,
    ),
  ];
}

function deliveryOf(call: Call): string[][] {
  const { metadata = {} } = describing(call.blobs) ?? {};
  return Object.entries(metadata)
    .filter(([name]) => !name.startsWith('call_') && !['agent_id', 'conversation_id'].includes(name))
    .map(([name, value]) => [name.replaceAll('_', ' '), value]);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', paint('bold', title), ...lines];
}

function rows(pairs: readonly (readonly string[])[]): string[] {
  const width = Math.max(0, ...pairs.map(([name = '']) => plain(name).length));
  return pairs.map(([name = '', value = '']) => `  ${plain(name).padEnd(width)}  ${plain(value)}`);
}
