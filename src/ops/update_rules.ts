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
  /** The same for absolute values, with every term positive: rounding errors are in proportion to it. */
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

/** The rule, and the bound of its terms: the same formula with a plus. */
const both = (make: (sign: number) => Step) => ({ step: make(-1), magnitude: make(1) });

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
    ...both(rmspropWith),
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
