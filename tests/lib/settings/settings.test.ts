import { describe, expect, it } from 'vitest';
import type { PostCallSettings } from '../../../src/lib/settings/postCallSettings.ts';
import { readSettings } from '../../../src/lib/settings/settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const ACCOUNT = 'DefaultEndpointsProtocol=https;AccountName=calls;AccountKey=a2V5;EndpointSuffix=core.windows.net';

/** The least with which a delivery can be taken. */
const COMPLETE: Environment = { ELEVENLABS_WEBHOOK_SECRET: 'wsec_one', CallStorage: ACCOUNT };

const withSettings = (more: Environment) => readSettings({ ...COMPLETE, ...more });

function postCallOf(more: Environment): PostCallSettings {
  const { postCall, problems } = withSettings(more);
  expect(problems).toEqual([]);
  if (postCall === undefined) throw new Error('The settings of a delivery are incomplete.');
  return postCall;
}

function expectProblem(more: Environment, setting: string, message: string | RegExp): void {
  const { postCall, problems } = withSettings(more);
  expect(problems).toEqual([{ setting, message: expect.stringMatching(message) }]);
  expect(postCall).toBeUndefined();
}

describe('the defaults', () => {
  it('hold where nothing else is set', () => {
    expect(readSettings(COMPLETE)).toEqual({
      postCall: {
        signature: { secrets: ['wsec_one'], toleranceSeconds: 1800, futureSkewSeconds: 300 },
        connection: { kind: 'connection-string', connectionString: ACCOUNT },
        paths: {
          transcripts: { container: 'transcripts', prefix: '' },
          audio: { container: 'audio', prefix: '' },
          callFailures: { container: 'call-failures', prefix: '' },
          quarantine: { container: 'quarantine', prefix: '' },
          incoming: { container: 'incoming', prefix: '' },
          otherEvents: { container: 'other-events', prefix: '' },
        },
        storesTranscripts: true,
        storesAudio: false,
        keepsUnknownTypes: false,
        bodyLimitBytes: 104_857_600 - 65_536,
      },
      log: { level: 'INFO', format: 'text' },
      reconcileSchedule: '0 7 * * * *',
      callers: {
        settings: { path: { container: 'callers', prefix: '' }, country: undefined, remembers: false },
        problems: [],
        warnings: [],
      },
      reconciliation: {
        isEnabled: false,
        settings: undefined,
        problems: [
          { setting: 'ELEVENLABS_API_KEY', message: 'is required for reconciliation: an API key of ElevenLabs' },
        ],
      },
      initiation: {
        isUsed: false,
        settings: undefined,
        elevenLabs: undefined,
        problems: [expect.objectContaining({ setting: 'INITIATION_SECRET' })],
        warnings: [],
      },
      sweepSchedule: '0 */5 * * * *',
      preCall: undefined,
      isPreCallUsed: false,
      preCallProblems: [expect.objectContaining({ setting: 'ELEVENLABS_API_KEY' })],
      state: {
        connection: { kind: 'connection-string', connectionString: ACCOUNT },
        path: { container: 'state', prefix: '' },
      },
      problems: [],
      warnings: [],
      preCallWarnings: [],
    });
  });

  it('hold for settings that are empty or undefined, too', () => {
    const names = [
      'WEBHOOK_TOLERANCE_SECONDS',
      'WEBHOOK_FUTURE_SKEW_SECONDS',
      'TRANSCRIPT_STORAGE_PATH',
      'AUDIO_STORAGE_PATH',
      'CALL_FAILURE_STORAGE_PATH',
      'QUARANTINE_STORAGE_PATH',
      'INCOMING_STORAGE_PATH',
      'OTHER_EVENTS_STORAGE_PATH',
      'STATE_STORAGE_PATH',
      'ENABLE_TRANSCRIPT_STORAGE',
      'ENABLE_AUDIO_STORAGE',
      'LOG_LEVEL',
      'LOG_FORMAT',
      'SWEEP_SCHEDULE',
      'FUNCTIONS_REQUEST_BODY_SIZE_LIMIT',
    ];
    for (const value of ['', undefined]) {
      expect(withSettings(Object.fromEntries(names.map((name) => [name, value])))).toEqual(readSettings(COMPLETE));
    }
  });

  it('are not touched by settings that the app does not know', () => {
    expect(withSettings({ PATH: '/bin', HOST: '0.0.0.0', WEBSITE_SITE_NAME: 'x' })).toEqual(readSettings(COMPLETE));
  });
});

describe('numbers', () => {
  it.each([
    ['WEBHOOK_TOLERANCE_SECONDS', '3600', { signature: { toleranceSeconds: 3600 } }],
    ['WEBHOOK_TOLERANCE_SECONDS', '1', { signature: { toleranceSeconds: 1 } }],
    ['WEBHOOK_TOLERANCE_SECONDS', ' 60\n', { signature: { toleranceSeconds: 60 } }],
    ['WEBHOOK_FUTURE_SKEW_SECONDS', '10', { signature: { futureSkewSeconds: 10 } }],
    ['WEBHOOK_FUTURE_SKEW_SECONDS', '0', { signature: { futureSkewSeconds: 0 } }],
    ['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT', '209715200', { bodyLimitBytes: 209_715_200 - 65_536 }],
    ['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT', '65537', { bodyLimitBytes: 1 }],
    ['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT', '220200960', { bodyLimitBytes: 220_200_960 - 65_536 }],
    ['WEBHOOK_TOLERANCE_SECONDS', '86400', { signature: { toleranceSeconds: 86_400 } }],
    ['WEBHOOK_FUTURE_SKEW_SECONDS', '86400', { signature: { futureSkewSeconds: 86_400 } }],
  ])('%s may be %j', (name, value, expected) => {
    expect(postCallOf({ [name]: value })).toMatchObject(expected);
  });

  it.each([
    ['WEBHOOK_TOLERANCE_SECONDS', 'half an hour', 'whole number'],
    ['WEBHOOK_TOLERANCE_SECONDS', '-1', 'whole number'],
    ['WEBHOOK_TOLERANCE_SECONDS', '1.5', 'whole number'],
    ['WEBHOOK_TOLERANCE_SECONDS', '1e3', 'whole number'],
    ['WEBHOOK_TOLERANCE_SECONDS', '0x10', 'whole number'],
    ['WEBHOOK_TOLERANCE_SECONDS', 'NaN', 'whole number'],
    ['WEBHOOK_TOLERANCE_SECONDS', 'Infinity', 'whole number'],
    ['WEBHOOK_TOLERANCE_SECONDS', '1234567890123456', 'whole number'],
    ['WEBHOOK_TOLERANCE_SECONDS', ' ', 'whole number'],
    ['WEBHOOK_TOLERANCE_SECONDS', '0', 'at least 1'],
    ['WEBHOOK_FUTURE_SKEW_SECONDS', '5 min', 'whole number'],
    ['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT', '100MB', 'whole number'],
    ['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT', '65536', 'at least 65537'],
    ['FUNCTIONS_REQUEST_BODY_SIZE_LIMIT', '220200961', 'at most 220200960'],
    ['WEBHOOK_FUTURE_SKEW_SECONDS', '86401', 'at most 86400'],
  ])('%s may not be %j', (name, value, message) => {
    expectProblem({ [name]: value }, name, message);
  });
});

describe('a tolerance of more than a day', () => {
  it.each(['86401', '999999999'])('becomes a day, said as an error, and costs no delivery (%s)', (value) => {
    const { postCall, problems, warnings } = withSettings({ WEBHOOK_TOLERANCE_SECONDS: value });
    expect(postCall?.signature.toleranceSeconds).toBe(86_400);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([
      { setting: 'WEBHOOK_TOLERANCE_SECONDS', message: expect.stringContaining('86400'), level: 'ERROR' },
    ]);
  });
});

describe('switches', () => {
  it.each([
    ['true', true],
    ['false', false],
    ['TRUE', true],
    ['False', false],
    [' true ', true],
  ])('may be %j', (value, expected) => {
    const { storesTranscripts, storesAudio } = postCallOf({
      ENABLE_TRANSCRIPT_STORAGE: value,
      ENABLE_AUDIO_STORAGE: value,
    });
    expect([storesTranscripts, storesAudio]).toEqual([expected, expected]);
  });

  it.each(['yes', '1', '0', 'truefalse', ' '])('may not be %j', (value) => {
    expectProblem({ ENABLE_TRANSCRIPT_STORAGE: value }, 'ENABLE_TRANSCRIPT_STORAGE', 'must be true or false');
    expectProblem({ ENABLE_AUDIO_STORAGE: value }, 'ENABLE_AUDIO_STORAGE', 'must be true or false');
  });

  it.each([
    ['refuse', false],
    [' Keep ', true],
  ])('UNKNOWN_EVENT_TYPES=%j', (UNKNOWN_EVENT_TYPES, expected) => {
    expect(postCallOf({ UNKNOWN_EVENT_TYPES }).keepsUnknownTypes).toBe(expected);
  });
});

describe('secrets', () => {
  it.each([
    ['one', 'wsec_aaa', ['wsec_aaa']],
    ['one of eight characters', '12345678', ['12345678']],
    ['four, in their order', 'wsec_ddd,wsec_ccc,wsec_bbb,wsec_aaa', ['wsec_ddd', 'wsec_ccc', 'wsec_bbb', 'wsec_aaa']],
    ['one that looks like base64', 'wsec_YWJj+/==', ['wsec_YWJj+/==']],
    ['one with every other sign of ASCII', 'wsec_!#$%&()*+-./:;=?@[]^_{|}~\\', ['wsec_!#$%&()*+-./:;=?@[]^_{|}~\\']],
    ['one with letters over ASCII', 'geheimé_密码', ['geheimé_密码']],
    ['one with an angle bracket inside', 'wsec_a<b>c', ['wsec_a<b>c']],
  ])('may be %s', (_name, value, secrets) => {
    expect(postCallOf({ ELEVENLABS_WEBHOOK_SECRET: value }).signature.secrets).toEqual(secrets);
  });

  it.each([
    ['missing', undefined, 'is required'],
    ['empty', '', 'is required'],
    ['white space only', ' ', 'white space'],
    ['one with a line break at its end', 'wsec_aaa\n', 'white space'],
    ['one with a carriage return at its end', 'wsec_aaa\r', 'white space'],
    ['one with white space before it', ' wsec_aaa', 'white space'],
    ['one with white space inside', 'two words', 'white space'],
    ['two with white space behind the comma', 'wsec_aaa, wsec_bbb', 'white space'],
    ['one with a tab at its end, after a good one', 'wsec_aaa,wsec_bbb\t', 'white space'],
    ['one and a comma', 'wsec_aaa,', 'empty secret'],
    ['two with two commas between', 'wsec_aaa,,wsec_bbb', 'empty secret'],
    ['a comma', ',', 'empty secret'],
    ['five', 'aaaaaaaa,bbbbbbbb,cccccccc,dddddddd,eeeeeeee', 'more than 4 secrets'],
    ['one of seven characters', '1234567', 'fewer than 8 characters'],
    ['one of four characters that are two units each', '𝟙𝟚𝟛𝟜', 'fewer than 8 characters'],
    ['a good one and a short one', 'wsec_aaa,b', 'fewer than 8 characters'],
    ['one in double quotes', '"wsec_aaa"', 'quotes'],
    ['one in single quotes', "'wsec_aaa'", 'quotes'],
    ['one in backticks', '`wsec_aaa`', 'quotes'],
    ['one in quotes of a word processor', '“wsec_aaa”', 'quotes'],
    ['one in guillemets', '«wsec_aaa»', 'quotes'],
    ['one with a quote inside', 'wsec"aaa', 'quotes'],
    ['one that begins with a quote', '"wsec_aaa', 'quotes'],
    ['one in angle brackets', '<wsec_aaa>', 'angle brackets'],
    ['two in one pair of angle brackets', '<wsec_aaa,wsec_bbb>', 'angle brackets'],
    ['a placeholder with a space', '<your secret>', 'white space'],
    ['one in angle brackets after a good one', 'wsec_aaa,<wsec_bbb>', 'angle brackets'],
  ])('may not be %s', (_name, value, message) => {
    expectProblem({ ELEVENLABS_WEBHOOK_SECRET: value }, 'ELEVENLABS_WEBHOOK_SECRET', message);
  });

  it.each([
    ['a zero-width space', '\u200b'],
    ['a zero-width joiner', '\u200d'],
    ['a byte order mark', '\ufeff'],
    ['a soft hyphen', '\u00ad'],
    ['a no-break space', '\u00a0'],
    ['a narrow no-break space', '\u202f'],
    ['an ideographic space', '\u3000'],
    ['a direction mark', '\u200e'],
    ['a direction override', '\u202e'],
    ['a direction isolate', '\u2066'],
    ['a word joiner', '\u2060'],
    ['a line separator', '\u2028'],
    ['a Hangul filler', '\u3164'],
    ['an empty Braille pattern', '\u2800'],
    ['a variation selector', '\ufe0f'],
    ['a combining grapheme joiner', '\u034f'],
    ['a tag character', '\u{e0041}'],
    ['a null', '\0'],
    ['a bell', '\u0007'],
    ['a delete', '\u007f'],
    ['half a character', '\ud83d'],
  ])('may not hold %s, at its start, inside, or at its end', (_name, unseen) => {
    for (const value of [`${unseen}wsec_aaa`, `wsec${unseen}_aaa`, `wsec_aaa${unseen}`]) {
      expectProblem({ ELEVENLABS_WEBHOOK_SECRET: value }, 'ELEVENLABS_WEBHOOK_SECRET', 'invisible character');
    }
  });

  describe('that the documentation prints', () => {
    const published = 'wsec_local_development_only';

    it.each([published, `wsec_aaa,${published}`])('are refused (%s)', (value) => {
      expectProblem({ ELEVENLABS_WEBHOOK_SECRET: value }, 'ELEVENLABS_WEBHOOK_SECRET', 'published development secret');
    });

    it('are taken from the local runner', () => {
      const local = { ELEVENLABS_WEBHOOK_SECRET: published, ELEVENLABS_WEBHOOK_LOCAL_RUNNER: 'true' };
      expect(postCallOf(local).signature.secrets).toEqual([published]);
    });
  });
});

const PATHS = {
  TRANSCRIPT_STORAGE_PATH: 'transcripts',
  AUDIO_STORAGE_PATH: 'audio',
  CALL_FAILURE_STORAGE_PATH: 'callFailures',
  QUARANTINE_STORAGE_PATH: 'quarantine',
  INCOMING_STORAGE_PATH: 'incoming',
  OTHER_EVENTS_STORAGE_PATH: 'otherEvents',
} as const;

describe.each(Object.entries(PATHS))('%s', (name, area) => {
  it.each([
    ['a container', 'calls-2026', { container: 'calls-2026', prefix: '' }],
    ['a container and a folder', 'calls/eu', { container: 'calls', prefix: 'eu/' }],
    ['a container and folders', 'calls/EU_1/a.b-c', { container: 'calls', prefix: 'EU_1/a.b-c/' }],
    ['written with slashes around it', '/calls/eu//', { container: 'calls', prefix: 'eu/' }],
    ['written with white space around it', ' calls/eu\n', { container: 'calls', prefix: 'eu/' }],
    ['a container of three characters', 'abc', { container: 'abc', prefix: '' }],
    ['a container of 63 characters', 'a'.repeat(63), { container: 'a'.repeat(63), prefix: '' }],
    ['a container of digits', '123', { container: '123', prefix: '' }],
    [
      'a container and folders of 400 characters',
      `calls/${'a'.repeat(199)}/${'b'.repeat(199)}`,
      { container: 'calls', prefix: `${'a'.repeat(199)}/${'b'.repeat(199)}/` },
    ],
  ])('may be %s', (_name, value, path) => {
    expect(postCallOf({ [name]: value }).paths[area]).toEqual(path);
  });

  it.each([
    ['a container of two characters', 'ab', 'container name'],
    ['a container of 64 characters', 'a'.repeat(64), 'container name'],
    ['a container with upper-case letters', 'Calls', 'container name'],
    ['a container with an underscore', 'call_s', 'container name'],
    ['a container with a dot', 'call.s', 'container name'],
    ['a container with a hyphen at its start', '-calls', 'container name'],
    ['a container with a hyphen at its end', 'calls-', 'container name'],
    ['a container with two hyphens in a row', 'ca--lls', 'container name'],
    ['a container with a letter over ASCII', 'anrufé', 'container name'],
    ['nothing but slashes', '///', 'container name'],
    ['an address', 'https://calls.blob.core.windows.net/x', 'container name'],
    ['a folder of dots', 'calls/..', 'folders after the container'],
    ['a folder of one dot', 'calls/./x', 'folders after the container'],
    ['an empty folder', 'calls//x', 'folders after the container'],
    ['a folder with white space', 'calls/a b', 'folders after the container'],
    ['a folder with a percent sign', 'calls/%2e%2e', 'folders after the container'],
    ['a folder with a backslash', 'calls/a\\b', 'folders after the container'],
    ['a folder of 201 characters', `calls/${'a'.repeat(201)}`, 'folders after the container'],
    ['folders of 401 characters', `calls/${'a'.repeat(199)}/${'b'.repeat(200)}`, 'too long'],
  ])('may not be %s', (_name, value, message) => {
    expectProblem({ [name]: value }, name, message);
  });
});

describe('the storage connection', () => {
  it.each([
    ['missing', {}, 'CallStorage', 'is required'],
    ['wrong', { CallStorage: 'calls' }, 'CallStorage', 'not a valid storage connection string'],
    ['wrong at its address', { CallStorage__serviceUri: 'http://calls' }, 'CallStorage__serviceUri', 'https address'],
  ])('is a problem that stops deliveries when it is %s', (_name, settings, setting, message) => {
    expectProblem({ CallStorage: undefined, ...settings }, setting, message);
  });

  it('is that of the host when CallStorage is empty', () => {
    const { connection } = postCallOf({ CallStorage: '', AzureWebJobsStorage: ACCOUNT });
    expect(connection).toEqual({ kind: 'connection-string', connectionString: ACCOUNT });
  });
});

describe('the settings of operation', () => {
  it.each([
    ['DEBUG', 'DEBUG'],
    ['INFO', 'INFO'],
    ['WARNING', 'WARNING'],
    ['ERROR', 'ERROR'],
    [' debug ', 'DEBUG'],
  ])('LOG_LEVEL may be %j', (value, level) => {
    expect(withSettings({ LOG_LEVEL: value })).toMatchObject({ log: { level }, problems: [] });
  });

  it.each([
    ['text', 'text'],
    ['json', 'json'],
    ['JSON', 'json'],
  ])('LOG_FORMAT may be %j', (value, format) => {
    expect(withSettings({ LOG_FORMAT: value })).toMatchObject({ log: { format }, problems: [] });
  });

  it.each(['0 */5 * * * *', ' 30 0 3 * * MON-FRI ', '0 0 0 1 1 *'])('SWEEP_SCHEDULE may be %j', (value) => {
    const expected = { sweepSchedule: value.trim(), problems: [], warnings: [] };
    expect(withSettings({ SWEEP_SCHEDULE: value })).toMatchObject(expected);
  });

  it.each([
    ['LOG_LEVEL', 'WARN', 'must be DEBUG, INFO, WARNING or ERROR'],
    ['LOG_LEVEL', 'verbose', 'must be DEBUG, INFO, WARNING or ERROR'],
    ['LOG_FORMAT', 'xml', 'must be text or json'],
    ['SWEEP_SCHEDULE', 'never', 'six fields'],
    ['SWEEP_SCHEDULE', '*/5 * * * *', 'six fields'],
    ['SWEEP_SCHEDULE', '0 0 */5 * * * *', 'six fields'],
    ['SWEEP_SCHEDULE', '00:05:00', 'six fields'],
  ])('%s may not be %j, but that is a warning: the default stands in', (name, value, message) => {
    const configuration = withSettings({ [name]: value });
    expect(configuration.warnings).toEqual([
      { setting: name, message: expect.stringMatching(new RegExp(`${message}.*default`)), level: 'WARNING' },
    ]);
    expect(configuration).toEqual({ ...readSettings(COMPLETE), warnings: configuration.warnings });
  });

  it('stand as they are set when another of them has a problem', () => {
    const good = { LOG_LEVEL: 'DEBUG', LOG_FORMAT: 'json', SWEEP_SCHEDULE: '0 0 * * * *' };
    expect(withSettings({ ...good, LOG_LEVEL: 'loud' }).log.format).toBe('json');
    expect(withSettings({ ...good, LOG_LEVEL: 'loud' }).sweepSchedule).toBe('0 0 * * * *');
    expect(withSettings({ ...good, SWEEP_SCHEDULE: 'never' }).log).toEqual({ level: 'DEBUG', format: 'json' });
  });
});

describe('an unresolved Key Vault reference', () => {
  const REFERENCE = '@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)';

  it.each([
    ...Object.keys(PATHS),
    'ELEVENLABS_WEBHOOK_SECRET',
    'WEBHOOK_TOLERANCE_SECONDS',
    'ENABLE_AUDIO_STORAGE',
    'FUNCTIONS_REQUEST_BODY_SIZE_LIMIT',
    'CallStorage',
  ])('in %s is one problem that names the setting', (name) => {
    expectProblem({ [name]: REFERENCE }, name, 'unresolved Key Vault reference');
  });

  it.each([
    ['in another case', '@microsoft.keyvault(VaultName=v;SecretName=s)'],
    ['with white space before it', ` ${REFERENCE}`],
  ])('is seen %s', (_name, value) => {
    expectProblem({ ELEVENLABS_WEBHOOK_SECRET: value }, 'ELEVENLABS_WEBHOOK_SECRET', 'Key Vault');
  });

  it.each(['AzureWebJobsStorage', 'CallStorage__blobServiceUri', 'AzureWebJobsStorage__accountName'])(
    'in %s is a problem when that is the connection',
    (name) => {
      const { postCall, problems } = withSettings({ CallStorage: undefined, [name]: REFERENCE });
      expect(problems).toContainEqual({ setting: name, message: expect.stringContaining('Key Vault') });
      expect(postCall).toBeUndefined();
    },
  );

  it('in a setting of somebody else is ignored', () => {
    expect(withSettings({ OTHER_APP_SECRET: REFERENCE }).problems).toEqual([]);
  });

  it.each(['LOG_LEVEL', 'LOG_FORMAT', 'SWEEP_SCHEDULE'])(
    'in %s, which no delivery needs, is a problem that costs no delivery',
    (name) => {
      const { postCall, problems } = withSettings({ [name]: REFERENCE });
      expect(problems).toEqual([{ setting: name, message: expect.stringContaining('Key Vault') }]);
      expect(postCall).toBeDefined();
    },
  );

  it('in AzureWebJobsStorage beside a good CallStorage is a problem that costs no delivery', () => {
    const { postCall, problems } = withSettings({ AzureWebJobsStorage: REFERENCE });
    expect(problems).toEqual([{ setting: 'AzureWebJobsStorage', message: expect.stringContaining('Key Vault') }]);
    expect(postCall).toBeDefined();
  });
});

describe('the report of problems', () => {
  const wrong = {
    ELEVENLABS_WEBHOOK_SECRET: 'hidden-1\n',
    WEBHOOK_TOLERANCE_SECONDS: 'hidden-2',
    WEBHOOK_FUTURE_SKEW_SECONDS: 'hidden-3',
    TRANSCRIPT_STORAGE_PATH: 'Hidden-4',
    AUDIO_STORAGE_PATH: 'calls/hidden 5',
    CALL_FAILURE_STORAGE_PATH: 'Hidden-6/hidden 6',
    QUARANTINE_STORAGE_PATH: '-hidden-7',
    INCOMING_STORAGE_PATH: 'hidden-8-',
    OTHER_EVENTS_STORAGE_PATH: 'hidden_9',
    ENABLE_TRANSCRIPT_STORAGE: 'hidden-10',
    ENABLE_AUDIO_STORAGE: 'hidden-11',
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: 'hidden-12',
    CallStorage: 'hidden-13',
    LOG_LEVEL: 'hidden-14',
    LOG_FORMAT: 'hidden-15',
    SWEEP_SCHEDULE: 'hidden-16',
  };

  it('names every setting at once, each one once', () => {
    const { problems, warnings, postCall } = readSettings(wrong);
    expect([...problems, ...warnings].map(({ setting }) => setting).sort()).toEqual(Object.keys(wrong).sort());
    expect(postCall).toBeUndefined();
  });

  it('never holds a value', () => {
    const reports = [wrong, ...Object.entries(wrong).map(([name, value]) => ({ [name]: value }))]
      .map(withSettings)
      .map(({ problems, preCallProblems, warnings }) => [problems, preCallProblems, warnings]);
    expect(JSON.stringify(reports)).not.toMatch(/hidden/i);
  });

  it('of an empty environment names what is required', () => {
    expect(readSettings({}).problems.map(({ setting }) => setting)).toEqual([
      'ELEVENLABS_WEBHOOK_SECRET',
      'CallStorage',
    ]);
  });

  it.each([
    ['a secret that is missing', { ELEVENLABS_WEBHOOK_SECRET: undefined }, 'ELEVENLABS_WEBHOOK_SECRET'],
    ['an invalid switch', { ENABLE_AUDIO_STORAGE: 'yes' }, 'ENABLE_AUDIO_STORAGE'],
    ['an invalid number', { WEBHOOK_TOLERANCE_SECONDS: 'x' }, 'WEBHOOK_TOLERANCE_SECONDS'],
    ['an invalid path', { QUARANTINE_STORAGE_PATH: '-' }, 'QUARANTINE_STORAGE_PATH'],
  ])('names an incoming path that is not its own beside %s', (_name, settings, name) => {
    const { problems } = withSettings({ ...settings, INCOMING_STORAGE_PATH: 'audio' });
    expect(problems.map(({ setting }) => setting).sort()).toEqual([name, 'INCOMING_STORAGE_PATH'].sort());
  });
});
