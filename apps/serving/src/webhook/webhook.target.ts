import ipaddr from 'ipaddr.js';

import { RpcError } from '#libs/grpc';

const LONGEST_URL = 2_000;
const LOCAL_NAME = /(^|\.)(localhost|local|internal)\.?$/i;

/**
 * The URL of a receiver as it is kept. Throws INVALID_ARGUMENT (reasons URL_INVALID, URL_PRIVATE). What a name
 * stands for is looked at again at every connection (webhook.sender.ts): names change.
 */
export function receiverUrl(text: string, allowsPrivate: boolean): string {
  const url = URL.parse(text.trim());
  if (!url || text.length > LONGEST_URL) throw invalid(`A receiver is a URL of at most ${LONGEST_URL} characters, like https://example.com/kindred.`);
  if (url.protocol !== 'https:' && !(allowsPrivate && url.protocol === 'http:')) throw invalid('A receiver is reached over https.');
  if (url.username !== '' || url.password !== '') throw invalid('A user and password in the URL are not sent. Check the signature instead.');
  if (!allowsPrivate && isPrivate(url.hostname)) {
    throw RpcError.invalid(`${url.hostname} is no public address. Give one that can be reached from outside.`, { reason: 'URL_PRIVATE' });
  }
  return url.href;
}

function isPrivate(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(address) ? ipaddr.parse(address).range() !== 'unicast' : LOCAL_NAME.test(hostname);
}

function invalid(message: string): RpcError {
  return RpcError.invalid(message, { reason: 'URL_INVALID' });
}
