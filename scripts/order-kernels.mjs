/**
 * The functions of a wasm binary in an order that compresses: deflate finds what was written before only within 32 KiB,
 * and kernels are alike across families. Each function follows the one of those left that has most in common with the
 * few before it. Which measure of likeness does best differs from binary to binary by a few hundred bytes: the smallest of
 * several stays. Code stays as it is.
 */
import { gzipSync } from 'node:zlib';
import binaryen from 'binaryen';

/** So many bytes in a row are one gram of likeness; so many functions back it counts, each step less by FADE grams. */
const GRAMS = [4, 5];
const REACH = 12;
const FADE = 2;

/** The bodies of a binary's functions, in their order. */
function bodiesOf(binary) {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const slice = () => {
    const size = number();
    at += size;
    return binary.subarray(at - size, at);
  };
  while (at < binary.length) {
    const isCode = binary[at++] === 10;
    const size = number();
    if (isCode) return Array.from({ length: number() }, slice);
    at += size;
  }
  throw new Error('order-kernels: the binary has no code');
}

/** How many grams each two bodies have in common. */
function likeness(bodies, size) {
  const holders = new Map();
  bodies.forEach((body, index) => {
    for (let i = 0; i + size <= body.length; i++) {
      const gram = body.subarray(i, i + size).join();
      const list = holders.get(gram);
      if (!list) holders.set(gram, [index]);
      else if (list.at(-1) !== index) list.push(index);
    }
  });
  const shared = bodies.map(() => new Float64Array(bodies.length));
  for (const list of holders.values()) {
    for (const a of list) for (const b of list) shared[a][b]++;
  }
  return shared;
}

/** Indices of the bodies, like ones together, from the longest on. */
function orderOf(bodies, size) {
  const shared = likeness(bodies, size);
  const left = new Set(bodies.keys());
  const order = [];
  const alike = (candidate) => {
    let best = -Infinity;
    for (let back = 0; back < Math.min(REACH, order.length); back++) {
      best = Math.max(best, shared[order.at(-1 - back)][candidate] - FADE * back);
    }
    return best;
  };
  let next = bodies.reduce((most, body, index) => (body.length > bodies[most].length ? index : most), 0);
  while (next >= 0) {
    order.push(next);
    left.delete(next);
    let best = -Infinity;
    next = -1;
    for (const candidate of left) {
      const value = alike(candidate);
      if (value > best) [best, next] = [value, candidate];
    }
  }
  return order;
}

/** The binary with its functions in that order, by grams of `size` bytes. */
function orderBy(binary, size) {
  const module = binaryen.readBinaryWithFeatures(binary, binaryen.Features.All);
  try {
    const functions = Array.from({ length: module.getNumFunctions() }, (_, index) =>
      binaryen.getFunctionInfo(module.getFunctionByIndex(index)),
    );
    for (const index of orderOf(bodiesOf(binary), size)) {
      const { name, params, results, vars, body } = functions[index];
      module.removeFunction(name);
      module.addFunction(name, params, results, vars, body);
    }
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

/** The binary with its functions in the order that compresses best. */
export function orderFunctions(binary) {
  const packed = (candidate) => gzipSync(candidate, { level: 9 }).length;
  return GRAMS.map((size) => orderBy(binary, size)).reduce((best, next) =>
    packed(next) < packed(best) ? next : best,
  );
}
