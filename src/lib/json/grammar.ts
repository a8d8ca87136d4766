type Rule = readonly [bytes: string, next: string];
type Rules = Readonly<Record<string, readonly Rule[]>>;

const WHITE = ' \t\n\r';
const DIGITS = '0123456789';
const HEX_DIGITS = `${DIGITS}abcdefABCDEF`;
const EVERY_BYTE = String.fromCharCode(...Array(256).keys());
/** A quote and a backslash mean something else there, and have rules of their own after this one. */
const IN_TEXT = EVERY_BYTE.slice(0x20);

const VALUE: readonly Rule[] = [
  ['{', 'openObject'],
  ['[', 'openArray'],
  ['"', 'text'],
  ['-', 'minus'],
  ['0', 'zero'],
  ['123456789', 'integer'],
  ['t', 't'],
  ['f', 'f'],
  ['n', 'n'],
];
const STRUCTURE: readonly Rule[] = [
  [',', 'comma'],
  ['}', 'closeObject'],
  [']', 'closeArray'],
];
const AFTER_VALUE: readonly Rule[] = [[WHITE, 'afterValue'], ...STRUCTURE];

/**
 * RFC 8259 as states, and what may follow in each; of two rules for a byte the later one counts. The inside of a string comes
 * first. `own` are the keys of an object of which members are asked for: only those are looked at. Behind a fault, all up to the
 * next structural character is skipped.
 */
const RULES: Rules = {
  text: textRules('text', 'afterValue'),
  keyText: textRules('keyText', 'colon'),
  ownKeyText: textRules('ownKeyText', 'closeKey'),
  audioText: textRules('audioText', 'closeAudio'),
  value: [[WHITE, 'value'], ...VALUE],
  valueOrEnd: [[WHITE, 'valueOrEnd'], ...VALUE, [']', 'closeArray']],
  key: [
    [WHITE, 'key'],
    ['"', 'keyText'],
  ],
  keyOrEnd: [
    [WHITE, 'keyOrEnd'],
    ['"', 'keyText'],
    ['}', 'closeObject'],
  ],
  colon: [
    [WHITE, 'colon'],
    [':', 'value'],
  ],
  ownKey: [
    [WHITE, 'ownKey'],
    ['"', 'openKey'],
  ],
  ownKeyOrEnd: [
    [WHITE, 'ownKeyOrEnd'],
    ['"', 'openKey'],
    ['}', 'closeObject'],
  ],
  audioColon: [
    [WHITE, 'audioColon'],
    [':', 'audioValue'],
  ],
  audioValue: [[WHITE, 'audioValue'], ...VALUE, ['"', 'openAudio']],
  afterValue: AFTER_VALUE,
  ...escapeRules('text'),
  ...escapeRules('keyText'),
  ...escapeRules('ownKeyText'),
  ...escapeRules('audioText'),
  minus: [
    ['0', 'zero'],
    ['123456789', 'integer'],
  ],
  zero: [...AFTER_VALUE, ['.', 'point'], ['eE', 'exponent']],
  integer: [...AFTER_VALUE, [DIGITS, 'integer'], ['.', 'point'], ['eE', 'exponent']],
  point: [[DIGITS, 'fraction']],
  fraction: [...AFTER_VALUE, [DIGITS, 'fraction'], ['eE', 'exponent']],
  exponent: [
    [DIGITS, 'power'],
    ['+-', 'sign'],
  ],
  sign: [[DIGITS, 'power']],
  power: [...AFTER_VALUE, [DIGITS, 'power']],
  fault: [[EVERY_BYTE, 'fault'], ...STRUCTURE, ['{', 'openObject'], ['[', 'openArray'], ['"', 'text']],
  ...wordRules('true'),
  ...wordRules('false'),
  ...wordRules('null'),
};

// Stryker disable next-line StringLiteral: any name will do that no rule leads to
const BROKEN = 'broken';

/** What leads out of a state, but not to the next one: that depends on what is around. */
const ACTIONS = [
  'openObject',
  'openArray',
  'closeObject',
  'closeArray',
  'comma',
  'openKey',
  'closeKey',
  'openAudio',
  'closeAudio',
  BROKEN,
];

const names = [...Object.keys(RULES), ...ACTIONS];

/** The number of a state or action; those of the actions are the highest. */
export function numberOf(name: string): number {
  const number = names.indexOf(name);
  // Stryker disable next-line all: every name is known, unless this file is changed
  if (number === -1) throw new Error(`There is no state or action ${name}`);
  return number;
}

/** What a state and a byte lead to, at `(state << 8) | byte`. */
export function makeTransitions(): Uint8Array {
  const transitions = new Uint8Array(Object.keys(RULES).length << 8).fill(numberOf(BROKEN));
  for (const [index, rules] of Object.values(RULES).entries()) {
    for (const [bytes, next] of rules) {
      const number = numberOf(next);
      for (const byte of Buffer.from(bytes, 'latin1')) transitions[(index << 8) | byte] = number;
    }
  }
  return transitions;
}

/** Where to go on after a fault: inside of the string, or else at the next structural character. By state. */
export function makeRecovery(): Uint8Array {
  const texts = ['text', 'keyText', 'ownKeyText', 'audioText'];
  return Uint8Array.from(Object.keys(RULES), (name) =>
    numberOf(texts.find((text) => name.startsWith(text)) ?? 'fault'),
  );
}

function textRules(name: string, after: string): readonly Rule[] {
  return [
    [IN_TEXT, name],
    ['"', after],
    ['\\', `${name}Escape`],
  ];
}

function escapeRules(name: string): Rules {
  return {
    [`${name}Escape`]: [
      ['"\\/bfnrt', name],
      ['u', `${name}Hex1`],
    ],
    [`${name}Hex1`]: [[HEX_DIGITS, `${name}Hex2`]],
    [`${name}Hex2`]: [[HEX_DIGITS, `${name}Hex3`]],
    [`${name}Hex3`]: [[HEX_DIGITS, `${name}Hex4`]],
    [`${name}Hex4`]: [[HEX_DIGITS, name]],
  };
}

/** A state for each beginning of the word, by which it is called. */
function wordRules(word: string): Rules {
  return Object.fromEntries(
    [...word].slice(1).map((letter, index) => {
      const read = word.slice(0, index + 1);
      return [read, [[letter, read + letter === word ? 'afterValue' : read + letter]]] as const;
    }),
  );
}
