/** What is asked for of a JSON text: `value` for a member as it is, `audio` for the one that may be lifted, or its own members. */
export interface Wanted {
  readonly [key: string]: 'value' | 'audio' | Wanted;
}

export interface Member {
  readonly isAudio?: boolean;
  /** What is asked for inside of it, when it is an object. */
  readonly members?: Members;
}

/** By key. A map, because the keys that are looked up are the sender's. */
export type Members = ReadonlyMap<string, Member>;

export function membersOf(wanted: Wanted): Members {
  return new Map(
    Object.entries(wanted).map(([key, member]): [string, Member] => {
      if (typeof member === 'object') return [key, { members: membersOf(member) }];
      return [key, { isAudio: member === 'audio' }];
    }),
  );
}
