/**
 * Kernels on every device. A software GPU takes up to three seconds to compile a large kernel, so these are one file, whose
 * devices compile each kernel once.
 */
import './devices/ops.js';
import './devices/golden.js';
import './devices/tails.js';
import './devices/recurrent-tails.js';
import './devices/bounds.js';
