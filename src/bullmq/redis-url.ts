/** What a URL of Redis looks like, in words. */
export const REDIS_URL =
  'a URL as redis://host:6379 or rediss://host:6379, with special characters of a password as %XX';

export function isRedisUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, username, password } = new URL(url);
  return /^rediss?:$/.test(protocol) && hostname !== '' && canDecode(username + password);
}

function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** The URL as it may be shown: what was typed wrong may still hold a password. */
export function withoutSecrets(url: string): string {
  return url.replace(/^([^/]*\/\/)?.*@/s, '$1').replace(/[?#].*$/s, '');
}
