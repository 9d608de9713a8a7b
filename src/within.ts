/** Whether `promise` resolves within `timeout` ms. */
export async function within(timeout: number, promise: Promise<unknown>): Promise<boolean> {
  if (timeout === Number.POSITIVE_INFINITY) return promise.then(() => true);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeout);
  });
  try {
    return await Promise.race([promise.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}
