import { describeFamily } from './support/systems.js';

await describeFamily('A', ['A4']);
