import { describeFamily } from './support/systems.js';

await describeFamily('P', ['P5']);
