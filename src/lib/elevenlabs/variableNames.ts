/**
 * Every `{{name}}` in any text of a JSON value, however deep
 * (https://elevenlabs.io/docs/eleven-agents/customization/personalization/dynamic-variables).
 */
export function* namesIn(value: unknown): Generator<string, void, undefined> {
  for (const { text } of textsIn(value)) {
    for (const [, name = ''] of text.matchAll(/\{\{\s*([^\s{}]{1,100})\s*\}\}/g)) yield name;
  }
}

/**
 * Members of a tool that name a variable without braces: `dynamic_variable` of a parameter, `variable_name` of a header
 * (`LiteralJsonSchemaProperty`, `ConvAIDynamicVariable` of the SDK). What a tool assigns is not what it needs.
 */
export function* referencesIn(value: unknown): Generator<string, void, undefined> {
  for (const { text, member, isAssigned } of textsIn(value)) {
    if (!isAssigned && REFERENCES.has(member)) yield text;
  }
}

const REFERENCES: ReadonlySet<string> = new Set([
  'dynamic_variable',
  'variable_name',
  'allowed_values_dynamic_variable',
]);

interface Text {
  readonly text: string;
  /** The member that it is the value of; empty in an array. */
  readonly member: string;
  readonly isAssigned: boolean;
}

/** With a stack of its own: JSON may be deeper than calls may be nested. */
function* textsIn(root: unknown): Generator<Text, void, undefined> {
  const open: { value: unknown; member: string; isAssigned: boolean }[] = [
    { value: root, member: '', isAssigned: false },
  ];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, member, isAssigned } = next;
    if (typeof value === 'string') yield { text: value, member, isAssigned };
    else if (Array.isArray(value)) for (const item of value) open.push({ value: item, member: '', isAssigned });
    else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        open.push({ value: inner, member: name, isAssigned: isAssigned || name === 'assignments' });
      }
    }
  }
}
