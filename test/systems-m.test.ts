import { describeFamily } from './support/systems.js';

await describeFamily('M', ['M1', 'M12']);
