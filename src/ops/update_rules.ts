/** What one element of a parameter becomes in a step of each optimiser; PyTorch's formulas. */

/** A rule for one element. */
export interface UpdateRule {
  readonly summary: string;
  readonly kernel: string;
  /** Names of the hyper-parameters, in the order in which the op's `hyper` holds them. */
  readonly hyper: readonly string[];
  /** Least and most numbers that an element keeps between steps. */
  readonly states: readonly [least: number, most: number];
  /** The new element and the new state; hyper-parameters and state in order. */
  readonly step: (
    p: number,
    g: number,
    state: readonly number[],
    hyper: readonly number[],
  ) => readonly number[];
  /** What rounding errors are in proportion to: the same for absolute values, with every term positive, or more. */
  readonly magnitude: UpdateRule['step'];
  readonly ulps: { readonly wasm: number; readonly webgpu: number };
  readonly flops: number;
  /** Hyper-parameters of the samples, and what the elements' state is drawn from: a range for each row. */
  readonly samples: readonly {
    readonly hyper: readonly number[];
    readonly state: readonly (readonly [number, number])[];
  }[];
}

type Step = UpdateRule['step'];

/**
 * hyper: lr, weightDecay, momentum, damped (1 at the first step, then 1 - dampening), nesterov (0 or 1). One state, the
 * velocity; without it plain gradient descent.
 */
const sgdWith =
  (sign: number): Step =>
  (p, gradient, [velocity], [lr, decay, momentum, damped, nesterov]) => {
    const g = gradient + decay! * p;
    if (velocity === undefined) return [p + sign * lr! * g];
    const v = momentum! * velocity + damped! * g;
    return [p + sign * lr! * (nesterov ? g + momentum! * v : v), v];
  };

/**
 * hyper: stepSize = lr / (1 - beta1^t), beta1, 1 - beta1, beta2, 1 - beta2, root = 1 / √(1 - beta2^t), eps, weightDecay,
 * shrink (1 for Adam; 1 - lr · weightDecay for AdamW, whose weightDecay here is 0). States: moving means of g and g².
 */
const adamWith =
  (sign: number): Step =>
  (p, gradient, [m, v], [step, beta1, rest1, beta2, rest2, root, eps, decay, shrink]) => {
    const g = gradient + decay! * p;
    const first = beta1! * m! + rest1! * g;
    const second = beta2! * v! + rest2! * g * g;
    return [shrink! * p + (sign * step! * first) / (Math.sqrt(second) * root! + eps!), first, second];
  };

/**
 * hyper: lr, alpha, 1 - alpha, eps, weightDecay, momentum, centered (0 or 1; 1 needs a second state). States: the moving mean of g²; where
 * centered, that of g; with momentum, the velocity, in this order.
 */
const rmspropWith =
  (sign: number): Step =>
  (p, gradient, state, [lr, alpha, rest, eps, decay, momentum, centered]) => {
    const g = gradient + decay! * p;
    const square = alpha! * state[0]! + rest! * g * g;
    const isCentered = centered !== 0 && state.length > 1;
    const mean = isCentered ? alpha! * state[1]! + rest! * g : 0;
    // A variance: rounding must not leave it below 0, as it does where every gradient is the same.
    const spread = Math.max(square - mean * mean, 0);
    const move = g / (Math.sqrt(spread) + eps!);
    const kept = isCentered ? [square, mean] : [square];
    const velocity = state[kept.length];
    if (velocity === undefined) return [p + sign * lr! * move, ...kept];
    const v = momentum! * velocity + move;
    return [p + sign * lr! * v, ...kept, v];
  };

/** hyper: lr / (1 + (t - 1) lrDecay), eps, weightDecay. State: the sum of g². */
const adagradWith =
  (sign: number): Step =>
  (p, gradient, [sum], [lr, eps, decay]) => {
    const g = gradient + decay! * p;
    const total = sum! + g * g;
    return [p + (sign * lr! * g) / (Math.sqrt(total) + eps!), total];
  };

/** hyper: stepSize = lr / (1 - beta1^t), beta1, 1 - beta1, beta2, eps, weightDecay. States: mean of g, decaying maximum. */
const adamaxWith =
  (sign: number): Step =>
  (p, gradient, [m, u], [step, beta1, rest1, beta2, eps, decay]) => {
    const g = gradient + decay! * p;
    const first = beta1! * m! + rest1! * g;
    const most = Math.max(beta2! * u!, Math.abs(g) + eps!);
    return [p + (sign * step! * first) / most, first, most];
  };

/**
 * hyper: gradientStep = lr (1 - μ_t) / (1 - Πμ), meanStep = lr μ_{t+1} / (1 - Πμ μ_{t+1}), beta1, 1 - beta1, beta2,
 * 1 - beta2, root = 1 / √(1 - beta2^t), eps, weightDecay, shrink. States: moving means of g and g².
 */
const nadamWith =
  (sign: number): Step =>
  (p, gradient, [m, v], [gradientStep, meanStep, beta1, rest1, beta2, rest2, root, eps, decay, shrink]) => {
    const g = gradient + decay! * p;
    const first = beta1! * m! + rest1! * g;
    const second = beta2! * v! + rest2! * g * g;
    const divisor = Math.sqrt(second) * root! + eps!;
    return [shrink! * p + (sign * (gradientStep! * g + meanStep! * first)) / divisor, first, second];
  };

/** The rule, and the bound of its terms: the same formula of absolute values with a plus. */
const both = (make: (sign: number) => Step) => ({
  step: make(-1),
  magnitude: ((p, g, state, hyper) =>
    make(1)(Math.abs(p), Math.abs(g), state.map(Math.abs), hyper.map(Math.abs))) satisfies Step,
});

/** Units that the terms of a centred variance are off by: of g² 7 and a sum, of the mean 4 twice and a product, one between. */
const VARIANCE = 10;

/**
 * The magnitude of rmsprop. A centred variance S - m² is off by E = VARIANCE u (S + m²), u = 2^-24, of S and m with all terms
 * positive, however little is left of it. So its root is off by d <= √E and by E / √(S - m²), and g / (root + eps) by
 * |g| d / ((root + eps) max(eps, root + eps - d)).
 */
const rmspropMagnitude: Step = (p, gradient, state, hyper) => {
  const [lr, alpha, rest, eps, decay, momentum, centered] = hyper.map(Math.abs) as [
    ...[number, number, number, number, number, number, number],
  ];
  const g = Math.abs(gradient) + Math.abs(decay * p);
  const isCentered = centered !== 0 && state.length > 1;
  const signed = gradient + decay * p;
  const square = alpha * state[0]! + rest * g * g;
  const size = isCentered ? alpha * Math.abs(state[1]!) + rest * g : 0;
  const mean = isCentered ? alpha * state[1]! + rest * signed : 0;
  const spread = Math.max(alpha * state[0]! + rest * signed * signed - mean * mean, 0);
  const unit = 2 ** -24;
  const off = isCentered ? VARIANCE * unit * (square + size * size) : 0;
  const root = Math.sqrt(spread);
  const rootOff = Math.min(Math.sqrt(off), root > 0 ? off / root : Number.POSITIVE_INFINITY);
  const divisor = root + eps;
  const excess = (rootOff * g) / (divisor * Math.max(eps, divisor - rootOff)) / unit;
  const move = g / divisor + (isCentered ? excess : 0);
  const kept = isCentered ? [square, size] : [square];
  const velocity = state[kept.length];
  if (velocity === undefined) return [Math.abs(p) + lr * move, ...kept];
  const v = momentum * Math.abs(velocity) + move;
  return [Math.abs(p) + lr * v, ...kept, v];
};

const positive = [0.01, 1] as const;
const signed = [-1, 1] as const;
const adamHyper = (t: number) => [
  1e-3 / (1 - 0.9 ** t),
  0.9,
  0.1,
  0.999,
  0.001,
  1 / Math.sqrt(1 - 0.999 ** t),
];

export const updateRules = {
  sgd: {
    summary:
      'velocity = momentum · velocity + damped · g; param -= lr · velocity (or g, or nesterov’s look ahead)',
    kernel: 'sgd_update_f32',
    hyper: ['lr', 'weightDecay', 'momentum', 'damped', 'nesterov'],
    states: [0, 1],
    ...both(sgdWith),
    // Each of g, the velocity, its product, the look ahead and the difference rounds its terms once or twice.
    ulps: { wasm: 8, webgpu: 8 },
    flops: 8,
    samples: [
      { hyper: [0.1, 0.01, 0, 0, 0], state: [] },
      { hyper: [0.1, 0.01, 0.9, 1, 0], state: [signed] },
      { hyper: [0.1, 0.01, 0.9, 0.5, 1], state: [signed] },
    ],
  },
  adam: {
    summary: 'm, v = moving means of g, g²; param = shrink · param - stepSize · m / (√v · root + eps)',
    kernel: 'adam_update_f32',
    hyper: ['stepSize', 'beta1', '1 - beta1', 'beta2', '1 - beta2', 'root', 'eps', 'weightDecay', 'shrink'],
    states: [2, 2],
    ...both(adamWith),
    // WGSL: division 5 units, sqrt 10, and the means' own roundings.
    ulps: { wasm: 13, webgpu: 25 },
    flops: 16,
    samples: [
      { hyper: [...adamHyper(3), 1e-8, 0.01, 1], state: [signed, positive] },
      { hyper: [...adamHyper(3), 1e-8, 0, 1 - 1e-3 * 0.01], state: [signed, positive] },
    ],
  },
  rmsprop: {
    summary:
      'v = moving mean of g² (less that of g, squared, where centered); param -= lr · g / (√v + eps), or its velocity',
    kernel: 'rmsprop_update_f32',
    hyper: ['lr', 'alpha', '1 - alpha', 'eps', 'weightDecay', 'momentum', 'centered'],
    states: [1, 3],
    step: rmspropWith(-1),
    magnitude: rmspropMagnitude,
    ulps: { wasm: 16, webgpu: 28 },
    flops: 14,
    samples: [
      { hyper: [0.01, 0.99, 0.01, 1e-8, 0.01, 0, 0], state: [positive] },
      { hyper: [0.01, 0.99, 0.01, 1e-8, 0, 0.9, 0], state: [positive, signed] },
      // Without a row for the mean there is none.
      { hyper: [0.01, 0.99, 0.01, 1e-8, 0.01, 0.9, 1], state: [positive] },
      // The square of the mean stays well below the mean of the squares, so that their difference keeps its digits.
      {
        hyper: [0.01, 0.99, 0.01, 1e-8, 0.01, 0, 1],
        state: [
          [0.5, 1],
          [-0.3, 0.3],
        ],
      },
      { hyper: [0.01, 0.99, 0.01, 1e-8, 0.01, 0.9, 1], state: [[0.5, 1], [-0.3, 0.3], signed] },
      // Nearly all of the mean of the squares is the square of the mean.
      {
        hyper: [0.01, 0.99, 0.01, 1e-8, 0, 0.9, 1],
        state: [[0.250001, 0.25001], [0.4999, 0.5], signed],
      },
    ],
  },
  adagrad: {
    summary: 'sum += g²; param -= lr · g / (√sum + eps)',
    kernel: 'adagrad_update_f32',
    hyper: ['lr', 'eps', 'weightDecay'],
    states: [1, 1],
    ...both(adagradWith),
    ulps: { wasm: 10, webgpu: 22 },
    flops: 8,
    samples: [{ hyper: [0.01, 1e-10, 0.01], state: [positive] }],
  },
  adamax: {
    summary: 'm = moving mean of g; u = max(beta2 · u, |g| + eps); param -= stepSize · m / u',
    kernel: 'adamax_update_f32',
    hyper: ['stepSize', 'beta1', '1 - beta1', 'beta2', 'eps', 'weightDecay'],
    states: [2, 2],
    ...both(adamaxWith),
    ulps: { wasm: 11, webgpu: 16 },
    flops: 10,
    samples: [{ hyper: [2e-3 / (1 - 0.9 ** 3), 0.9, 0.1, 0.999, 1e-8, 0.01], state: [signed, positive] }],
  },
  nadam: {
    summary:
      'm, v = moving means of g, g²; param = shrink · param - (gradientStep · g + meanStep · m) / (√v · root + eps)',
    kernel: 'nadam_update_f32',
    hyper: [
      'gradientStep',
      'meanStep',
      'beta1',
      '1 - beta1',
      'beta2',
      '1 - beta2',
      'root',
      'eps',
      'weightDecay',
      'shrink',
    ],
    states: [2, 2],
    ...both(nadamWith),
    ulps: { wasm: 15, webgpu: 27 },
    flops: 18,
    samples: [
      { hyper: [1e-3, 2e-3, ...adamHyper(3).slice(1), 1e-8, 0.01, 0.999], state: [signed, positive] },
    ],
  },
} satisfies Record<string, UpdateRule>;
