import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { detailsOfFailure, detailsOfTranscript } from '../../../src/lib/postCall/callDetails.ts';

const dataOf = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../examples/${name}.json`, import.meta.url), 'utf8')).data;

const transcript = (metadata: unknown, more: object = {}) => detailsOfTranscript({ metadata, ...more });
const phone = (phone_call: unknown) => transcript({ phone_call });
const variables = (dynamic_variables: unknown) =>
  detailsOfTranscript({ conversation_initiation_client_data: { dynamic_variables } });

describe('a transcription', () => {
  it('is described by what it has in the usual places', () => {
    expect(detailsOfTranscript(dataOf('post_call_transcription'))).toEqual({
      call_started_at: '2026-11-22T09:30:00.000Z',
      call_duration_seconds: '36',
      call_direction: 'inbound',
      call_successful: 'success',
      call_external_number: '+12025550187',
      call_has_audio: 'true',
    });
  });

  it.each([undefined, null, 'x', [], {}, { metadata: null, analysis: null }])(
    'is described by nothing when its data is %j',
    (data) => {
      expect(detailsOfTranscript(data)).toEqual({});
    },
  );

  it.each([
    [0, {}],
    [1739537297, { call_started_at: '2025-02-14T12:48:17.000Z' }],
    [1739537297.5, {}],
    ['1739537297', {}],
    [1739537297000, {}],
    [-1, {}],
    [null, {}],
  ])('began at %j', (start_time_unix_secs, expected) => {
    expect(transcript({ start_time_unix_secs })).toEqual(expected);
  });

  it.each([
    [0, { call_duration_seconds: '0' }],
    [118, { call_duration_seconds: '118' }],
    [604_800, { call_duration_seconds: '604800' }],
    [604_801, {}],
    [-1, {}],
    [1.5, {}],
    ['118', {}],
    [1e300, {}],
  ])('took %j seconds', (call_duration_secs, expected) => {
    expect(transcript({ call_duration_secs })).toEqual(expected);
  });

  it.each(['+1234', '+12345678901234567890'])('has the number %s', (external_number) => {
    expect(phone({ external_number })).toEqual({ call_external_number: external_number });
  });

  it.each([
    '',
    '+123',
    '+123456789012345678901',
    '0612345678',
    '+1 202',
    '+1202\n',
    'anonymous',
    'sip:+12025550100@x',
    '+１２３４',
    12025550100,
    null,
    ['+12025550100'],
  ])('has no number that can be used in %j', (external_number) => {
    expect(phone({ external_number })).toEqual({});
  });

  it.each([
    ['inbound', 'inbound'],
    ['outbound', 'outbound'],
    ['Inbound', undefined],
    ['sideways', undefined],
    [null, undefined],
  ])('went %j', (direction, expected) => {
    expect(phone({ direction })).toEqual(expected === undefined ? {} : { call_direction: expected });
  });

  it.each([
    ['success', 'success'],
    ['failure', 'failure'],
    ['unknown', 'unknown'],
    ['great', undefined],
    [true, undefined],
  ])('was successful: %j', (call_successful, expected) => {
    const details = detailsOfTranscript({ analysis: { call_successful } });
    expect(details).toEqual(expected === undefined ? {} : { call_successful: expected });
  });

  it.each([
    [true, 'true'],
    [false, 'false'],
    ['true', undefined],
    [1, undefined],
  ])('has audio: %j', (has_audio, expected) => {
    expect(detailsOfTranscript({ has_audio })).toEqual(expected === undefined ? {} : { call_has_audio: expected });
  });

  it.each([
    ['yes', 'known'],
    ['no', 'unknown'],
    ['unknown', 'default'],
    ['maybe', undefined],
    ['', undefined],
    ['constructor', undefined],
    [true, undefined],
  ])('was initiated with caller_known %j', (caller_known, expected) => {
    expect(variables({ caller_known })).toEqual(expected === undefined ? {} : { call_initiation: expected });
  });

  it('keeps the rest when one thing has another form', () => {
    const metadata = {
      start_time_unix_secs: 'x',
      call_duration_secs: 5,
      phone_call: { direction: 7, external_number: '+12025550100' },
    };
    expect(detailsOfTranscript({ has_audio: 'x', analysis: 'x', metadata })).toEqual({
      call_duration_seconds: '5',
      call_external_number: '+12025550100',
    });
  });
});

describe('a call that could not be made', () => {
  it('is described through SIP', () => {
    expect(detailsOfFailure(dataOf('call_initiation_failure_sip'))).toEqual({
      call_failure_reason: 'busy',
      call_provider: 'sip',
      call_sip_status: '486',
      call_external_number: '+12025550187',
    });
  });

  it('is described through Twilio', () => {
    expect(detailsOfFailure(dataOf('call_initiation_failure_twilio'))).toEqual({
      call_failure_reason: 'no-answer',
      call_provider: 'twilio',
      call_sip_status: '487',
      call_external_number: '+12025550187',
    });
  });

  it.each([
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
    ['unknown', 'unknown'],
    ['declined by Jan', 'other'],
    ['', 'other'],
    ['busy\n', 'other'],
    [null, undefined],
    [5, undefined],
  ])('failed with the reason %j', (failure_reason, expected) => {
    expect(detailsOfFailure({ failure_reason })).toEqual(
      expected === undefined ? {} : { call_failure_reason: expected },
    );
  });

  const sip = (body: unknown) => detailsOfFailure({ metadata: { type: 'sip', body } });
  const twilio = (body: unknown) => detailsOfFailure({ metadata: { type: 'twilio', body } });

  it.each([
    [sip({ sip_status_code: 99 }), { call_provider: 'sip' }],
    [sip({ sip_status_code: 700 }), { call_provider: 'sip' }],
    [sip({ sip_status_code: '486' }), { call_provider: 'sip' }],
    [sip({ sip_status_code: 486.5 }), { call_provider: 'sip' }],
    [sip({ to_number: 12025550100 }), { call_provider: 'sip' }],
    [sip({ To: '+12025550100', SipResponseCode: '486' }), { call_provider: 'sip' }],
    [sip(null), { call_provider: 'sip' }],
    [twilio({ SipResponseCode: '48' }), { call_provider: 'twilio' }],
    [twilio({ SipResponseCode: '4860' }), { call_provider: 'twilio' }],
    [twilio({ SipResponseCode: 486 }), { call_provider: 'twilio' }],
    [twilio({ To: 'client:jan' }), { call_provider: 'twilio' }],
    [twilio({ to_number: '+12025550100', sip_status_code: 486 }), { call_provider: 'twilio' }],
    [detailsOfFailure({ metadata: { type: 'exotel', body: { To: '+12025550100' } } }), {}],
    [detailsOfFailure({ metadata: { type: ['sip'] } }), {}],
    [detailsOfFailure(null), {}],
  ])('leaves out what has another form: %j', (details, expected) => {
    expect(details).toEqual(expected);
  });
});
