import { BlockList, isIPv4 } from 'node:net';

/** From where ElevenLabs sends webhooks (https://elevenlabs.io/docs/eleven-agents/workflows/post-call-webhooks, IP whitelisting). */
export const DOCUMENTED_ADDRESSES = [
  '34.67.146.145',
  '34.59.11.47',
  '35.204.38.71',
  '34.147.113.54',
  '35.185.187.110',
  '35.247.157.189',
  '34.77.234.246',
  '34.140.184.144',
  '34.93.26.174',
  '34.93.252.69',
  '34.87.23.17',
  '34.126.179.103',
] as const;

/** The documented addresses that none of the ranges has; service tags and the like have none. */
export function missingIn(ranges: readonly string[]): string[] {
  const allowed = new BlockList();
  for (const range of ranges) {
    const [address = '', bits = '32'] = range.split('/');
    if (isIPv4(address) && /^([12]?\d|3[0-2])$/.test(bits)) allowed.addSubnet(address, Number(bits), 'ipv4');
  }
  return DOCUMENTED_ADDRESSES.filter((address) => !allowed.check(address, 'ipv4'));
}
