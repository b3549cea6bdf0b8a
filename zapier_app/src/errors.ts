// Errors that Zapier shows as they are.
import type { ZObject } from "zapier-platform-core";

/**
 * What is there does not allow this step: the run ends here, and that is no failure of the Zap.
 *
 * Core would add to it the step's input and the service's answers, as JSON, unless told not to.
 */
export function halted(z: ZObject, sentence: string): Error {
  return plain(new z.errors.HaltedError(sentence));
}

/** The key does not work any more: Zapier asks to connect again. */
export function expired(z: ZObject, sentence: string): Error {
  return plain(new z.errors.ExpiredAuthError(sentence));
}

/** Something is wrong that somebody has to look at. */
export function failed(z: ZObject, sentence: string, code: string, status?: number): Error {
  return new z.errors.Error(sentence, code, status);
}

/** Too much at the moment: Zapier repeats the step, after `delay` seconds where that is known. */
export function throttled(z: ZObject, sentence: string, delay: number | null): Error {
  return new z.errors.ThrottledError(sentence, delay ?? undefined);
}

function plain(error: Error): Error {
  return Object.assign(error, { doNotContextify: true });
}
