/** The ways in which a function fails with `error`: what to say of each, and the function. */
export const failures = (error: Error): [how: string, fail: () => Promise<never>][] => [
  [
    'throws',
    () => {
      throw error;
    },
  ],
  ['rejects', () => Promise.reject(error)],
];
