/** What can be ended in order before the program ends. */
interface Leaving {
  leave(): Promise<void>;
}

const open = new Set<Leaving>();
let isListening = false;

/** A program that has nothing to do any more ends without a shutdown: `leaving` leaves before. One listener serves all. */
export function leaveAtExit(leaving: Leaving): void {
  open.add(leaving);
  if (isListening) return;
  isListening = true;
  process.on('beforeExit', () => {
    for (const one of open) void one.leave();
    open.clear();
  });
}

/** It has left by itself. */
export function hasLeft(leaving: Leaving): void {
  open.delete(leaving);
}
