import { setTimeout as pause } from "node:timers/promises";

/** Looks again and again until it finds something, and gives that. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  seconds = 60,
): Promise<T> {
  const deadline = performance.now() + 1000 * seconds;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`After ${seconds} s still not: ${what}.`);
    await pause(20);
  }
}
