import { describe, expect, it } from 'vitest';
import { openReference } from '../../src/backend/reference.js';
import { registry } from '../../src/index.js';
import {
  checkAdjoint,
  checkErrorCase,
  checkForward,
  checkGradient,
  checkSecondOrder,
  type Finding,
  inputName,
  reproduceLine,
  variantsFor,
} from '../../src/verify/index.js';
import { hasRelaxedSimd } from '../support/devices.js';
import { ALL_FEATURES } from '../support/features.js';
import { devices } from './shared.js';

const reference = openReference();

/** Fails with what is wrong and the line that runs the check alone. */
function expectOk({ problem }: Finding, reproduce: string, where = ''): void {
  if (problem) expect.fail(`${where}${problem}\n  ${reproduce}`);
}

it('covers both wasm binaries', () => {
  expect(hasRelaxedSimd).toBe(true);
});

describe.each([...registry.values()])('$name', (op) => {
  const samples = [...op.samples.keys()];

  for (const { name, backend } of devices) {
    for (const sample of samples) {
      it.each(variantsFor(op, sample, backend))(
        `${name}, sample ${sample}: %s equals the reference`,
        async (variant) => {
          const reproduce = reproduceLine(op, backend.kind, variant, sample);
          expectOk(await checkForward(op, sample, backend, variant), reproduce);
        },
      );
    }
  }

  const derivatives = { gradient: checkGradient, 'second order': checkSecondOrder, adjoint: checkAdjoint };
  for (const [check, run] of Object.entries(derivatives)) {
    it(`${check}, every sample`, async () => {
      for (const sample of samples) {
        const reproduce = reproduceLine(op, 'reference', null, sample);
        for (const finding of await run(op, sample, reference)) {
          expectOk(finding, reproduce, `with respect to ${inputName(op, finding.index)}: `);
        }
      }
    });
  }

  it.each(op.errors.map(({ message }, index) => ({ message, index })))("refuses: '$message'", ({ index }) => {
    expectOk(checkErrorCase(op, index), reproduceLine(op, 'reference', null, null));
  });
});

describe('every op', () => {
  const ops = [...registry.values()];

  it('has samples, and a kernel on every backend unless it is a view or composed of others', () => {
    for (const op of ops) {
      expect(op.samples.length, op.name).toBeGreaterThan(0);
      for (const kind of ['wasm', 'webgpu'] as const) {
        expect(op.variants(kind).length > 0, `${op.name} on ${kind}`).toBe(!op.view && !op.compose);
      }
    }
  });

  it('has samples that reach each of its variants', () => {
    for (const { backend } of devices) {
      const { kind } = backend;
      if (kind === 'reference') continue;
      // Those that this device lacks a feature for, too.
      const able = { kind, features: ALL_FEATURES };
      for (const op of ops) {
        const reached = new Set([...op.samples.keys()].flatMap((sample) => variantsFor(op, sample, able)));
        for (const variant of op.variants(kind)) expect(reached, `${op.name} on ${kind}`).toContain(variant);
      }
    }
  });

  it('has derivatives of the second order wherever it has a gradient and does not say otherwise', async () => {
    for (const op of ops) {
      if (op.stopsGradient) continue;
      const sample = op.samples.length - 1;
      const first = new Set((await checkGradient(op, sample, reference)).map(({ index }) => index));
      const second = await checkSecondOrder(op, sample, reference);
      const expected = op.onceDifferentiable ? 0 : first.size ** 2;
      expect(second.length, op.name).toBe(expected);
    }
  });
});
