import { describeFamily } from './support/systems.js';

await describeFamily('C', ['C1', 'C2']);
