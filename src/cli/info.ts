import { parseArgs } from 'node:util';
import { messageOf } from '../errors.js';
import { backendKinds, openAll } from './open.js';

const HELP = `usage: weft info [--backend LIST]

  --backend LIST  reference, wasm, webgpu, separated by commas (default: all)`;

/** Prints what each backend is on this machine; a backend that can't be opened is listed with its reason. */
export async function info(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { backend: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  for (const kind of backendKinds(values.backend ?? 'reference,wasm,webgpu')) {
    try {
      for (const device of await openAll(kind)) {
        const { description, threads, notes } = device.info;
        console.log(`${kind.padEnd(10)} ${description}; threads ${threads}`);
        for (const note of notes) console.log(`${''.padEnd(11)}${note}`);
        device.dispose();
      }
    } catch (error) {
      console.log(`${kind.padEnd(10)} can't be opened: ${messageOf(error)}`);
    }
  }
  return 0;
}
