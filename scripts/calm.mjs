/**
 * Lets the npm package `webgpu` wait for its device without taking a processor. It asks for news by `setImmediate` until
 * they are there: a thread that is always busy, on the processors where a software adapter compiles and computes. Here it
 * sleeps between two questions, an eighth of the time that it has waited. Import it for its effect, before a device is
 * opened.
 */

/** How long a wait is before the first sleep, and the longest sleep. Short sleeps last 0.05 longer than asked for. */
const PATIENT_AFTER_MS = 0.2;
const SLEEP_MS = 2;

const never = new Int32Array(new SharedArrayBuffer(4));
const soon = globalThis.setImmediate;
/** Whether a question is being asked: what it asks for next belongs to the same wait. */
let asking = false;
let since = 0;

/** What functions of addons are as text. Other native ones, such as a promise's `resolve`, end no wait, and so don't sleep. */
const isNative = (callback) => Function.prototype.toString.call(callback) === 'function () { [native code] }';

function calmly(callback, ...values) {
  if (!isNative(callback)) return soon(callback, ...values);
  const now = performance.now();
  if (!asking) since = now;
  const waited = now - since;
  return soon(() => {
    if (waited > PATIENT_AFTER_MS) Atomics.wait(never, 0, 0, Math.min(waited / 8, SLEEP_MS));
    asking = true;
    try {
      callback(...values);
    } finally {
      asking = false;
    }
  });
}

globalThis.setImmediate = Object.assign(calmly, soon);
