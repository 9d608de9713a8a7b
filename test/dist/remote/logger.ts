/** A logger that remembers its warnings, and tells of the next. */
export function makeLogger() {
  const warnings: string[] = [];
  let onWarning = (_message: string) => {};
  const logger = {
    debug() {},
    info() {},
    warn(message: string) {
      warnings.push(message);
      onWarning(message);
    },
    error() {},
  };
  /** Resolves with the next that begins so. */
  const warning = (beginning = '') =>
    new Promise<void>((resolve) => {
      onWarning = (message) => {
        if (message.startsWith(beginning)) resolve();
      };
    });
  return { logger, warnings, warning };
}
