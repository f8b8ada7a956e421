export { Adam, Adamax, type AdamOptions, AdamW, NAdam, type NAdamOptions } from './adam.js';
export { type ClipGradNormOptions, clipGradNorm, clipGradValue } from './clip.js';
export { Optimizer } from './optimizer.js';
export { Adagrad, type AdagradOptions, RMSprop, type RMSpropOptions } from './rmsprop.js';
export { SGD, type SGDOptions } from './sgd.js';
