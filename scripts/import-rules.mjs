/**
 * Who may import whom in src/, from the ground up; scripts/check-imports.mjs reads it. `may` and `types` (for
 * `import type` alone) and `dynamic` (for `import()` alone) hold names of rows, or: `own` the row's own files · `build`
 * generated files · `scripts` what the build and the command share · `node` Node's modules · `public` whatever
 * src/index.ts exports, from there or from where it is declared · any other word a package.
 */
export const rules = {
  leaves: {
    files: [
      'shape.ts',
      'dtype.ts',
      'errors.ts',
      'kinds.ts',
      'lists.ts',
      'random.ts',
      'text.ts',
      'platform.ts',
    ],
    may: ['own'],
  },
  op: {
    files: ['op.ts', 'launch.ts', 'apply.ts', 'define.ts', 'bounds.ts', 'composition.ts', 'graph.ts'],
    may: ['own', 'leaves'],
  },
  ops: { files: ['ops/**'], may: ['own', 'op', 'leaves'] },

  memory: { files: ['memory.ts'], may: ['op', 'leaves'] },
  plan: { files: ['plan.ts', 'order.ts', 'stagger.ts'], may: ['own', 'memory', 'passes', 'op', 'leaves'] },
  passes: {
    files: [
      'gradient.ts',
      'recompute.ts',
      'rewrite.ts',
      'merge.ts',
      'absorb.ts',
      'spread.ts',
      'fuse.ts',
      'uses.ts',
      'pieces.ts',
      'halve.ts',
    ],
    may: ['own', 'op', 'leaves'],
  },

  weaving: {
    files: ['cut.ts', 'place.ts', 'segments.ts', 'balance.ts'],
    may: ['own', 'plan', 'passes', 'op', 'leaves'],
    types: ['backend'],
  },

  backend: {
    files: ['backend.ts', 'params.ts', 'kernels.ts', 'words.ts', 'woven.ts', 'woven-program.ts'].map(
      (name) => `backend/${name}`,
    ),
    may: ['own', 'build', 'leaves'],
    types: ['op'],
  },
  recovery: { files: ['backend/recovery/**'], may: ['own', 'backend', 'leaves'], types: ['op'] },
  reference: { files: ['backend/reference.ts'], may: ['backend', 'build', 'leaves'], types: ['op'] },
  wasm: {
    files: ['backend/wasm/**'],
    may: ['own', 'backend', 'build', 'leaves'],
    types: ['op'],
    dynamic: ['node'],
  },
  webgpu: {
    files: ['backend/webgpu/**'],
    may: ['own', 'recovery', 'backend', 'build', 'leaves'],
    types: ['op'],
    dynamic: ['node', 'webgpu'],
  },

  schedule: {
    files: ['schedule.ts', 'description.ts'],
    may: ['plan', 'op', 'leaves'],
    types: ['backend'],
  },
  numerics: { files: ['numerics.ts'], may: ['leaves'], types: ['op', 'backend'] },
  profile: { files: ['profile.ts'], may: ['leaves'], types: ['backend'] },
  executor: {
    files: ['executor.ts', 'assemble.ts', 'lowering.ts', 'commands.ts', 'arena.ts', 'walk.ts'],
    may: ['own', 'schedule', 'numerics', 'backend', 'passes', 'plan', 'memory', 'op', 'leaves'],
  },
  tensor: {
    files: [
      'tensor.ts',
      'tensor-types.ts',
      'functional.ts',
      'trace.ts',
      'store.ts',
      'runner.ts',
      'compile.ts',
      'gradients.ts',
      'turns.ts',
      'contents.ts',
      'creation.ts',
      'sides.ts',
      'host-state.ts',
    ],
    may: ['own', 'device', 'executor', 'ops', 'backend', 'passes', 'plan', 'memory', 'op', 'leaves'],
    types: ['schedule'],
  },
  tune: { files: ['tune.ts'], may: ['executor', 'ops', 'backend', 'op', 'leaves'] },
  woven: {
    files: ['weave.ts', 'rates.ts', 'measure.ts', 'weaving.ts'],
    may: ['own', 'weaving', 'executor', 'schedule', 'ops', 'backend', 'passes', 'plan', 'op', 'leaves'],
    types: ['tensor', 'recovery'],
    dynamic: ['recovery'],
  },
  device: {
    files: ['device.ts'],
    may: ['profile', 'tensor', 'executor', 'ops', 'backend', 'passes', 'plan', 'memory', 'op', 'leaves'],
    types: ['woven', 'numerics', 'tune'],
  },
  open: {
    files: ['open.ts'],
    may: ['device', 'op', 'leaves'],
    types: ['wasm', 'webgpu', 'recovery', 'woven', 'numerics', 'tune', 'backend'],
    dynamic: ['reference', 'wasm', 'webgpu', 'woven', 'tune'],
  },

  nn: { files: ['nn/**'], may: ['own', 'public', 'leaves'] },
  optim: { files: ['optim/**'], may: ['own', 'public', 'leaves'] },
  io: { files: ['io/**'], may: ['own', 'public', 'leaves'] },
  train: { files: ['train/**'], may: ['own', 'public', 'leaves'] },
  data: { files: ['data/**'], may: ['own', 'public', 'leaves'], dynamic: ['build'] },
  index: {
    files: ['index.ts'],
    may: [
      'train',
      'data',
      'io',
      'optim',
      'nn',
      'profile',
      'numerics',
      'schedule',
      'open',
      'device',
      'tensor',
      'executor',
      'ops',
      'backend',
      'passes',
      'plan',
      'memory',
      'op',
      'leaves',
    ],
    types: ['wasm', 'webgpu', 'woven', 'tune'],
  },
  plot: { files: ['plot/**'], may: ['own', 'public', 'leaves', 'echarts'], dynamic: ['fast-png'] },
  host: {
    files: ['node.ts', 'node/**'],
    may: ['own', 'public', 'io', 'data', 'node', 'leaves'],
    types: ['plot'],
  },
  verify: { files: ['verify/**'], may: ['own', 'public', 'host', 'leaves'] },
  cli: { files: ['cli/**'], may: ['own', 'public', 'host', 'verify', 'scripts', 'node', 'leaves'] },
};
