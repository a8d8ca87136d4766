import type { Body } from './body.ts';

/** The order of keys that ElevenLabs' documentation shows, and the one that is hardest for a receiver. */
type KeyOrder = 'ids-first' | 'audio-first';

export interface AudioBodyOptions {
  mp3: Uint8Array;
  /** Size of the whole body; the MP3 is repeated and cut to fit. Without it the MP3 is sent once, as it is. */
  bodyBytes?: number;
  conversationId?: string;
  agentId?: string;
  /** Unix seconds. */
  eventTimestamp?: number;
  keyOrder?: KeyOrder;
}

/** A `post_call_audio` event, made while it is walked. */
export interface AudioBody extends Body {
  audioBytes: number;
  /** The MP3 that a receiver should end up with. */
  audio(): Iterable<Uint8Array>;
}

/** Bytes of MP3 that are encoded at once: a multiple of three, so that no padding falls between two pieces. */
const pieceBytes = 48 * 1024;

/**
 * A `post_call_audio` event of any size: the same options give the same bytes.
 *
 * @throws RangeError when the size has no room for the JSON around the audio.
 * @example const body = audioBody({ mp3: await readFile('examples/call.mp3'), bodyBytes: 80e6 });
 */
export function audioBody(options: AudioBodyOptions): AudioBody {
  const [head, tail] = envelope(options);
  const { mp3, bodyBytes } = options;
  if (mp3.length === 0) throw new RangeError('The MP3 is empty');

  const audioBytes = bodyBytes === undefined ? mp3.length : Math.floor((bodyBytes - head.length - tail.length) / 4) * 3;
  if (audioBytes < 0) throw new RangeError(`A body of ${bodyBytes} bytes has no room for an event`);
  const textBytes = Math.ceil(audioBytes / 3) * 4;
  // White space after the JSON makes up for what base64, which comes in fours, cannot fill.
  const padding = Buffer.alloc(bodyBytes === undefined ? 0 : bodyBytes - head.length - textBytes - tail.length, ' ');

  const loop = repeatedPiece(mp3, audioBytes);
  const loopText = Buffer.from(Buffer.from(loop).toString('base64'), 'latin1');
  return {
    bytes: head.length + textBytes + tail.length + padding.length,
    audioBytes,
    audio: () => repeat(loop, audioBytes),
    *chunks() {
      yield head;
      yield* repeat(loopText, textBytes);
      yield tail;
      if (padding.length > 0) yield padding;
    },
  };
}

/** What is before and after the base64 text. */
function envelope(options: AudioBodyOptions): [Buffer, Buffer] {
  const { conversationId = 'conv_example_audio', agentId = 'agent_6801bluebirdcyclesdesk0x4f' } = options;
  const type = 'post_call_audio';
  const event_timestamp = options.eventTimestamp ?? 1_795_339_863;
  const ids = { agent_id: agentId, conversation_id: conversationId };
  const event =
    options.keyOrder === 'audio-first'
      ? { data: { full_audio: '', ...ids }, event_timestamp, type }
      : { type, event_timestamp, data: { ...ids, full_audio: '' } };
  const text = JSON.stringify(event);
  const quote = text.indexOf('"full_audio":""') + '"full_audio":"'.length;
  return [Buffer.from(text.slice(0, quote)), Buffer.from(text.slice(quote))];
}

/** The MP3 as often as needed to be a piece worth sending, and to be divisible by three when it is to be repeated. */
function repeatedPiece(mp3: Uint8Array, audioBytes: number): Uint8Array {
  if (audioBytes <= mp3.length) return mp3.subarray(0, audioBytes);
  const copies = 3 * Math.ceil(pieceBytes / mp3.length / 3);
  return Buffer.concat(Array.from({ length: copies }, () => mp3));
}

function* repeat(content: Uint8Array, totalBytes: number): Generator<Uint8Array> {
  for (let sent = 0; sent < totalBytes; ) {
    const start = sent % content.length;
    const piece = content.subarray(start, Math.min(start + pieceBytes, start + totalBytes - sent, content.length));
    sent += piece.length;
    yield piece;
  }
}
