import { describeFamily } from './support/systems.js';

await describeFamily('G', ['G1']);
