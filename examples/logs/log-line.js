// @ts-check

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

// Within quotes servers escape quotes and backslashes.
const QUOTED = '"([^"\\\\]*(?:\\\\.[^"\\\\]*)*)"';

const ACCESS = new RegExp(
  // A user name may hold spaces.
  '^(\\S+) \\S+ (\\S.*?) ' +
    `\\[(\\d\\d)/(${MONTHS.join('|')})/(\\d{4}):(\\d\\d):(\\d\\d):(\\d\\d) ([+-]\\d\\d)(\\d\\d)\\] ` +
    // Many servers are set up to add fields of their own to the combined format.
    `${QUOTED} (\\d{3}) (\\d+|-)(?: ${QUOTED} ${QUOTED}(?: .*)?)?$`,
);

const DPKG = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ([a-z]+) (\S.*)$/;
const DPKG_ACTIONS = new Set(['install', 'upgrade', 'configure', 'trigproc', 'disappear', 'remove', 'purge']);

/** @param {string | undefined} text */
const withoutEscapes = (text = '') => (text.includes('\\') ? text.replace(/\\(["\\])/g, '$1') : text);

/** @param {string | undefined} text */
const unlessDash = (text) => (text === undefined || text === '-' ? null : withoutEscapes(text));

/**
 * @param {string} line
 * @returns {import('./log-line.js').AccessRecord | null}
 */
const parseAccess = (line) => {
  const match = ACCESS.exec(line);
  if (!match) return null;
  const [, address, user, day, month, year, hour, minute, second, zoneHours, zoneMinutes, ...rest] = match;
  const [request, status, bytes, referrer, agent] = rest;
  // Date.parse takes longer than all the rest of the line.
  const local = Date.UTC(
    Number(year),
    MONTHS.indexOf(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const minutesEast = Number(zoneHours) * 60 + Number(`${zoneHours[0]}${zoneMinutes}`);
  return {
    format: agent === undefined ? 'common' : 'combined',
    time: local - minutesEast * 60_000,
    address,
    user: unlessDash(user),
    request: withoutEscapes(request),
    status: Number(status),
    bytes: bytes === '-' ? 0 : Number(bytes),
    referrer: unlessDash(referrer),
    agent: unlessDash(agent),
  };
};

/**
 * What an entry of dpkg's log says after its time.
 * @param {string} action
 * @param {string} rest
 * @returns {Pick<import('./log-line.js').PackageRecord, 'action' | 'package' | 'version'> | null}
 */
const parseAction = (action, rest) => {
  if (action === 'conffile') {
    const decision = /\S (install|keep)$/.exec(rest)?.[1];
    return decision === undefined ? null : { action: `conffile ${decision}`, package: null, version: null };
  }
  const words = rest.split(' ');
  if (action === 'startup') {
    return words.length === 2 ? { action: `startup ${rest}`, package: null, version: null } : null;
  }
  if (words.length !== 3) return null;
  if (action === 'status') {
    const [state, name, version] = words;
    return { action: `status ${state}`, package: name, version: version === '<none>' ? null : version };
  }
  if (!DPKG_ACTIONS.has(action)) return null;
  const [name, installed, available] = words;
  const version = available === '<none>' ? installed : available;
  return { action, package: name, version: version === '<none>' ? null : version };
};

/**
 * @param {string} line
 * @returns {import('./log-line.js').PackageRecord | null}
 */
const parseDpkg = (line) => {
  const match = DPKG.exec(line);
  if (!match) return null;
  const [, date, clock, action, rest] = match;
  const time = new Date(`${date}T${clock}`).getTime();
  const entry = parseAction(action, rest);
  return entry === null || Number.isNaN(time) ? null : { format: 'dpkg', time, ...entry };
};

/** @type {typeof import('./log-line.js').parseLine} */
export const parseLine = (line) => parseAccess(line) ?? parseDpkg(line);
