import type { Contestant } from '../src/cli/measure.js';
import { contestantOf, prepareTimed, type TimedGraph } from '../src/cli/timed.js';
import {
  type Backend,
  createGraph,
  createInput,
  type Device,
  type Graph,
  gradient,
  gradientOps,
  type HostTensor,
  leavesOf,
  type Node,
  nodesOf,
  optim,
  type Program,
  Tensor,
  type Value,
} from '../src/index.js';
import {
  ADAM,
  type BenchCase,
  type KernelCase,
  type OptimizerName,
  parametersOf,
  STEP_LOSSES,
  type StepCase,
  UPDATE,
  type UpdateCase,
} from './case.js';
import { type CaseInputs, joined, operand } from './inputs.js';
import { weftNet } from './weft-net.js';

/** A case that is ready to run on a device of Weft's. */
export interface WeftCase {
  readonly contestant: Contestant;
  /** What it runs by. */
  readonly program: Program;
  /** As a peer's: the results one after another, or the first losses of a step, or what an optimiser's steps leave. */
  output(): Promise<Float64Array>;
  dispose(): void;
}

/** Prepares a case under a contestant's name: operands on the device, program compiled. */
export async function prepareWeft(
  device: Device,
  c: BenchCase,
  inputs: CaseInputs,
  name = `weft-${device.backend.kind}`,
): Promise<WeftCase> {
  if (c.pass === 'step') return prepareStep(device, c, inputs, name);
  if (c.pass === 'update') return prepareUpdate(device, c, inputs, name);
  return prepareKernel(device.backend, c, inputs, name);
}

const hostTensor = ({ kind, shape, data }: CaseInputs[string]): HostTensor =>
  kind === 'labels' ? { data: Int32Array.from(data), shape, dtype: 'i32' } : { data, shape, dtype: 'f32' };

/** What a pass computes, from inputs by name. */
function record(c: KernelCase, at: (name: string) => Value): { forward: Value; results: readonly Value[] } {
  const forward = c.compute(weftNet, at);
  if (c.pass === 'forward') return { forward, results: [forward] };
  const seed = c.operands.outputGradient ? at('outputGradient') : undefined;
  const gradients = gradient(forward, c.wrt!.map(at), gradientOps, seed).map((one) => one!);
  return { forward, results: c.pass === 'forward+backward' ? [forward, ...gradients] : gradients };
}

async function prepareKernel(
  backend: Backend,
  c: KernelCase,
  given: CaseInputs,
  name: string,
): Promise<WeftCase> {
  const values = new Map(
    Object.entries(given).map(([key, tensor]) => {
      const { shape, dtype } = hostTensor(tensor);
      return [key, createInput(shape, dtype, key)];
    }),
  );
  const { forward, results } = record(c, (key) => values.get(key)!);
  const contents = new Map([...values].map(([key, value]) => [value, hostTensor(operand(given, key))]));
  const cut = c.pass === 'forward' || c.pass === 'forward+backward' ? [] : left(forward, results);
  for (const [value, tensor] of await computed(backend, cut, contents)) contents.set(value, tensor);
  const inputs = leavesOf(results, new Set(cut));
  const timed = await run(backend, createGraph({ inputs, outputs: results }), contents, c.without);
  return {
    contestant: contestantOf(name, timed),
    program: timed.program,
    async output() {
      timed.run();
      const all = [];
      for (let i = 0; i < results.length; i++) all.push(await timed.output(i));
      return joined(all);
    },
    dispose: () => timed.dispose(),
  };
}

/** What a forward pass computed that its gradients read: a backward pass alone gets it as inputs. */
function left(forward: Value, gradients: readonly Value[]): Value[] {
  const made = new Set(nodesOf([forward]).flatMap(({ outputs }) => outputs));
  return leavesOf(gradients, made).filter((value) => made.has(value));
}

async function computed(
  backend: Backend,
  outputs: readonly Value[],
  contents: ReadonlyMap<Value, HostTensor>,
): Promise<[Value, HostTensor][]> {
  if (outputs.length === 0) return [];
  const inputs = leavesOf(outputs, new Set());
  const timed = await run(backend, createGraph({ inputs, outputs }), contents);
  timed.run();
  const found: [Value, HostTensor][] = [];
  for (const [i, { shape, dtype }] of outputs.entries())
    found.push([outputs[i]!, { data: await timed.output(i), shape, dtype }]);
  timed.dispose();
  return found;
}

const run = (
  backend: Backend,
  graph: Graph,
  contents: ReadonlyMap<Value, HostTensor>,
  without?: string,
): Promise<TimedGraph> =>
  prepareTimed(
    backend,
    graph,
    graph.inputs.map((value) => contents.get(value)!),
    without === undefined ? undefined : variantWithout(backend, without),
  );

/** Chooses, for a node, its first kernel variant without a text in its name. */
const variantWithout =
  ({ kind, features }: Backend, text: string) =>
  ({ op, inputs, attrs }: Node): string | undefined =>
    kind === 'reference'
      ? undefined
      : op
          .variants(kind)
          .find((name) => !name.includes(text) && op.lower(kind, inputs, attrs, features, name));

/** Tensors of a step: the parameters want gradients. */
function upload(device: Device, c: BenchCase, inputs: CaseInputs): Map<string, Tensor> {
  const parameters = new Set(parametersOf(c));
  return new Map(
    Object.entries(inputs).map(([name, given]) => {
      const { data, ...type } = hostTensor(given);
      const tensor = device.tensor({ ...type, data: data.slice() });
      tensor.requiresGrad = parameters.has(name);
      return [name, tensor];
    }),
  );
}

async function prepareStep(device: Device, c: StepCase, inputs: CaseInputs, name: string): Promise<WeftCase> {
  const tensors = upload(device, c, inputs);
  const parameters = parametersOf(c).map((key) => tensors.get(key)!);
  const optimizer = makeOptimizer('adam', parameters);
  const step = device.compile((x, y) => {
    const at = (key: string) => (key === 'input' ? x : key === 'labels' ? y : tensors.get(key)!).value;
    const loss = new Tensor(device, c.compute(weftNet, at));
    loss.backward();
    optimizer.step();
    return loss;
  });
  const [x, y] = [tensors.get('input')!, tensors.get('labels')!];
  const { program } = await step.prepare(x, y);
  const next = async () => (await step(x, y)).item();
  let last: Tensor | null = null;
  const started: Contestant = {
    name,
    async run() {
      last = await step(x, y);
    },
    async finish() {
      await last!.item();
    },
  };
  const whole: Contestant = {
    name,
    async run() {
      await next();
    },
  };
  return {
    contestant: device.backend.kind === 'webgpu' ? started : whole,
    program,
    async output() {
      const losses = new Float64Array(STEP_LOSSES);
      for (let i = 0; i < STEP_LOSSES; i++) losses[i] = await next();
      return losses;
    },
    dispose() {
      step.dispose();
      for (const tensor of tensors.values()) tensor.dispose();
    },
  };
}

function makeOptimizer(name: OptimizerName, parameters: readonly Tensor[]): optim.Optimizer {
  const { lr, beta1, beta2, eps } = ADAM;
  const adam = { lr, betas: [beta1, beta2], eps } as const;
  switch (name) {
    case 'sgd':
      return new optim.SGD(parameters, { lr: UPDATE.lr });
    case 'momentum':
      return new optim.SGD(parameters, { lr: UPDATE.lr, momentum: UPDATE.momentum });
    case 'adam':
      return new optim.Adam(parameters, adam);
    case 'adamw':
      return new optim.AdamW(parameters, { ...adam, weightDecay: UPDATE.weightDecay });
    case 'rmsprop':
      return new optim.RMSprop(parameters, { lr: UPDATE.lr, alpha: UPDATE.alpha, eps: UPDATE.eps });
  }
}

async function prepareUpdate(
  device: Device,
  c: UpdateCase,
  inputs: CaseInputs,
  name: string,
): Promise<WeftCase> {
  const tensors = upload(device, c, inputs);
  const names = parametersOf(c);
  const parameters = names.map((key) => tensors.get(key)!);
  const optimizer = makeOptimizer(c.optimizer, parameters);
  const step = device.compile(() => {
    for (const key of names) tensors.get(key)!.grad = tensors.get(`${key}.gradient`)!;
    optimizer.step();
  });
  const { program } = await step.prepare();
  const webgpu = device.backend.kind === 'webgpu';
  // A GPU's step is finished when something that it wrote can be read.
  const smallest = parameters.reduce((a, b) => (b.shape.length < a.shape.length ? b : a));
  return {
    contestant: {
      name,
      async run() {
        await step();
      },
      ...(webgpu && {
        async finish() {
          await smallest.data();
        },
      }),
    },
    program,
    async output() {
      for (let i = 0; i < STEP_LOSSES; i++) await step();
      return joined(await Promise.all(parameters.map((tensor) => tensor.data())));
    },
    dispose() {
      step.dispose();
      for (const tensor of tensors.values()) tensor.dispose();
    },
  };
}
