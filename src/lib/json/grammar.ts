type Rule = readonly [bytes: string, next: string];
type Rules = Readonly<Record<string, readonly Rule[]>>;

const WHITE = ' \t\n\r';
const DIGITS = '0123456789';
const HEX_DIGITS = `${DIGITS}abcdefABCDEF`;
/** A quote and a backslash mean something else there, and have rules of their own after this one. */
const IN_TEXT = String.fromCharCode(...Array(256).keys()).slice(0x20);

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
const AFTER_VALUE: readonly Rule[] = [
  [WHITE, 'afterValue'],
  [',', 'comma'],
  ['}', 'closeObject'],
  [']', 'closeArray'],
];

/** RFC 8259 as states, and what may follow in each; of two rules for a byte the later one counts. */
const RULES: Rules = {
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
  afterValue: AFTER_VALUE,
  ...stringRules('text', 'afterValue'),
  ...stringRules('keyText', 'colon'),
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
  ...wordRules('true'),
  ...wordRules('false'),
  ...wordRules('null'),
};

// Stryker disable next-line StringLiteral: any name will do that no rule leads to
const BROKEN = 'broken';

/** What leads out of a state, but not to the next one: that depends on the brackets around. */
const ACTIONS = ['openObject', 'openArray', 'closeObject', 'closeArray', 'comma', BROKEN];

const names = [...Object.keys(RULES), ...ACTIONS];

/** The number of a state or action; those of the actions are the highest. */
export function numberOf(name: string): number {
  return names.indexOf(name);
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

function stringRules(name: string, after: string): Rules {
  return {
    [name]: [
      [IN_TEXT, name],
      ['"', after],
      ['\\', `${name}Escape`],
    ],
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
