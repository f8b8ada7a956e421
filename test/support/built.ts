/** Programs that tests start run on Weft as built: from its sources, each would transform and load hundreds of modules. */
import { fileURLToPath } from 'node:url';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Arguments of Node that run the command `weft`. */
export const command: readonly string[] = [at('../../dist/cli.js')];

/** Arguments of Node before a program in TypeScript, `command` with modules in TypeScript included. */
export const typescript: readonly string[] = ['--import', import.meta.resolve('tsx')];

/** The environment in which such a program's imports of 'weft' end on the build. */
export const environment: NodeJS.ProcessEnv = { ...process.env, TSX_TSCONFIG_PATH: at('./built.json') };
