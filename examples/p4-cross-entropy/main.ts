/** From scores to probabilities to errors: sigmoid, softmax, likelihood, and the cross-entropies. */
import { functional as F } from 'weft';
import { line } from 'weft/plot';
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

    const { device, picture } = run;
    const score = device.linspace({ start: -6, end: 6, steps: 121 });
    const probability = F.sigmoid(score);
    const [x, p, right, wrong] = await Promise.all(
      [score, probability, F.log(probability).neg(), F.log(F.sub(1, probability)).neg()].map((t) => t.data()),
    );
    await picture(
      'sigmoid',
      line([{ x: x!, y: p! }], {
        title: 'The sigmoid',
        x: { label: 'score' },
        y: { label: 'probability' },
        guides: [{ y: 0.5 }],
      }),
    );
    await picture(
      'cross-entropy',
      line(
        [
          { x: x!, y: right!, name: 'label 1' },
          { x: x!, y: wrong!, name: 'label 0' },
        ],
        { title: 'Cross-entropy by the score', x: { label: 'score' }, y: { label: '-ln P(label)' } },
      ),
    );
  },
});
