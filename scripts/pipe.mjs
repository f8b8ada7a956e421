/** For programs whose output is cut short by `| head`. Import it for its effect, after tsx. */
import { endOnBrokenPipe } from '../src/cli/broken-pipe.ts';

endOnBrokenPipe();
