import { BlobServiceClient } from '@azure/storage-blob';
import { describe, expect, it } from 'vitest';
import { readConnection } from '../../../src/lib/settings/storageConnection.ts';

const ACCOUNT = 'DefaultEndpointsProtocol=https;AccountName=calls;AccountKey=a2V5;EndpointSuffix=core.windows.net';
const HOST_ACCOUNT = ACCOUNT.replace('calls', 'host');
const ADDRESS = 'https://calls.blob.core.windows.net';

const byString = (connectionString: string) => ({ kind: 'connection-string', connectionString });
const byIdentity = { kind: 'identity', blobServiceUri: ADDRESS, managed: false };
const problem = (setting: string, message: string) => ({ setting, message: expect.stringContaining(message) });

const open = (connectionString: string) => BlobServiceClient.fromConnectionString(connectionString);

describe('a connection string', () => {
  it.each([
    ['the keys of an account', ACCOUNT],
    ['the development account', 'UseDevelopmentStorage=true'],
    ['the development account and a semicolon', 'UseDevelopmentStorage=true;'],
    [
      'an account at an address of its own',
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:10000/a;',
    ],
    ['a shared access signature', 'BlobEndpoint=https://a.blob.core.windows.net;SharedAccessSignature=sv=1&sig=x'],
  ])('may hold %s', (_name, connectionString) => {
    expect(() => open(connectionString)).not.toThrow();
    for (const name of ['CallStorage', 'AzureWebJobsStorage']) {
      expect(readConnection({ [name]: connectionString })).toEqual(byString(connectionString));
    }
  });

  it.each([
    ['only text', 'calls'],
    ['an address', ADDRESS],
    ['an account without its key', 'DefaultEndpointsProtocol=https;AccountName=calls;EndpointSuffix=x'],
    ['a key without its account', 'DefaultEndpointsProtocol=https;AccountKey=a2V5;EndpointSuffix=x'],
    ['an empty key', 'DefaultEndpointsProtocol=https;AccountName=calls;AccountKey=;EndpointSuffix=x'],
    ['a signature without an address', 'SharedAccessSignature=sv=1&sig=x'],
    ['an account without a protocol', 'BlobEndpoint=http://127.0.0.1:10000/a;AccountName=a;AccountKey=a2V5'],
    ['an account without the address of its blobs', 'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5'],
    ['the development account switched off', 'UseDevelopmentStorage=false'],
    ['the development account behind white space', ' UseDevelopmentStorage=true'],
    ['the development account in lower case', 'usedevelopmentstorage=true'],
  ])('that holds %s, which the storage library cannot open, is a problem', (_name, connectionString) => {
    expect(() => open(connectionString)).toThrow();
    for (const name of ['CallStorage', 'AzureWebJobsStorage']) {
      expect(readConnection({ [name]: connectionString })).toEqual(
        problem(name, 'not a valid storage connection string'),
      );
    }
  });
});

describe.each(['CallStorage', 'AzureWebJobsStorage'])('an identity-based connection, %s,', (name) => {
  const read = (members: Readonly<Record<string, string>>) =>
    readConnection(Object.fromEntries(Object.entries(members).map(([member, value]) => [name + member, value])));

  it.each([
    ['the address of the blobs', { __blobServiceUri: ADDRESS }, byIdentity],
    ['an address with a slash at its end', { __blobServiceUri: `${ADDRESS}/` }, { blobServiceUri: `${ADDRESS}/` }],
    ['the older name of the address', { __serviceUri: ADDRESS }, byIdentity],
    ['the name of the account', { __accountName: 'calls' }, byIdentity],
    ['the address of the blobs before the older name', { __serviceUri: 'x', __blobServiceUri: ADDRESS }, byIdentity],
    ['an address before the name of the account', { __accountName: 'x', __serviceUri: ADDRESS }, byIdentity],
    ['a client', { __accountName: 'calls', __clientId: 'id' }, { clientId: 'id', managed: false }],
    ['a managed identity', { __accountName: 'calls', __credential: 'managedidentity' }, { managed: true }],
    [
      'a managed identity in another case',
      { __accountName: 'calls', __credential: 'ManagedIdentity' },
      { managed: true },
    ],
    ['another credential', { __accountName: 'calls', __credential: 'x' }, { managed: false }],
  ])('may be spelled by %s', (_name, members, connection) => {
    expect(read(members)).toEqual({ ...byIdentity, ...connection });
  });

  it.each([
    ['without TLS', 'http://calls.blob.core.windows.net'],
    ['with a path', `${ADDRESS}/container`],
    ['with a query', `${ADDRESS}?sv=1`],
    ['with a fragment', `${ADDRESS}#x`],
    ['with a user', 'https://user@calls.blob.core.windows.net'],
    ['with white space', `${ADDRESS} `],
    ['that is only a name', 'calls'],
  ])('may not have an address %s', (_name, uri) => {
    for (const member of ['__blobServiceUri', '__serviceUri']) {
      expect(read({ [member]: uri })).toEqual(problem(name + member, 'https address without a path'));
    }
  });

  it('may not have an account whose name makes no address', () => {
    expect(read({ __accountName: 'calls/x' })).toEqual(problem(`${name}__accountName`, 'https address'));
  });
});

describe('the connection', () => {
  it.each([
    [
      'CallStorage before AzureWebJobsStorage',
      { CallStorage: ACCOUNT, AzureWebJobsStorage: HOST_ACCOUNT },
      byString(ACCOUNT),
    ],
    [
      'an identity-based CallStorage before AzureWebJobsStorage',
      { CallStorage__accountName: 'calls', AzureWebJobsStorage: HOST_ACCOUNT },
      byIdentity,
    ],
    ['AzureWebJobsStorage without CallStorage', { AzureWebJobsStorage: HOST_ACCOUNT }, byString(HOST_ACCOUNT)],
    [
      'AzureWebJobsStorage when CallStorage has only a client',
      { CallStorage__clientId: 'x', AzureWebJobsStorage: HOST_ACCOUNT },
      byString(HOST_ACCOUNT),
    ],
    [
      'a connection string before an address',
      { CallStorage: ACCOUNT, CallStorage__accountName: 'x' },
      byString(ACCOUNT),
    ],
  ])('is %s', (_name, environment, connection) => {
    expect(readConnection(environment)).toEqual(connection);
  });

  it('is not that of AzureWebJobsStorage when CallStorage is wrong', () => {
    const environment = { CallStorage: 'calls', AzureWebJobsStorage: HOST_ACCOUNT };
    expect(readConnection(environment)).toEqual(problem('CallStorage', 'not a valid storage connection string'));
  });

  it('is required', () => {
    expect(readConnection({})).toEqual(problem('CallStorage', 'is required (or AzureWebJobsStorage)'));
  });
});
