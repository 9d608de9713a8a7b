// @ts-check
/**
 * Keeps its thread busy.
 * @param {number} milliseconds
 */
export const spin = (milliseconds) => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
  return milliseconds;
};
