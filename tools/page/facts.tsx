interface Fact {
  readonly name: string;
  readonly value: string;
}

/** A hostile body may have as many members as it likes. */
const MOST_FACTS = 200;
const LONGEST_VALUE = 2_000;

/** The members of an object that say something, those of objects in it by `outer › inner`. */
export function factsOf(members: Readonly<Record<string, unknown>>): Fact[] {
  const facts: Fact[] = [];
  const left = Object.entries(members).reverse();
  for (let entry = left.pop(); entry !== undefined && facts.length < MOST_FACTS; entry = left.pop()) {
    const [path, value] = entry;
    if (value === null || value === undefined || value === '') continue;
    if (typeof value === 'object' && !Array.isArray(value)) {
      const inner = Object.entries(value).map(([name, one]): [string, unknown] => [`${path} › ${name}`, one]);
      left.push(...inner.slice(0, MOST_FACTS).reverse());
      continue;
    }
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (text === '[]') continue;
    facts.push({ name: path.replaceAll('_', ' '), value: text.slice(0, LONGEST_VALUE) });
  }
  return facts;
}

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd dir="auto">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
