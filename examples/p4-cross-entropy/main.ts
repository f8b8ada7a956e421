/** From scores to probabilities to errors: sigmoid, softmax, likelihood, and the cross-entropies. */
import { example } from '../support/example.js';
import { doors } from './doors.js';
import { likelihood } from './likelihood.js';
import { scores } from './scores.js';

export default example({
  id: 'P4',
  title: 'sigmoid, softmax, likelihood and cross-entropy in numbers',
  async run(run) {
    await scores(run);
    await likelihood(run);
    await doors(run);
  },
});
