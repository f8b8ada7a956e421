export * as init from './init.js';
export {
  AvgPool2d,
  Conv2d,
  Dropout,
  Flatten,
  Layer,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
  Sigmoid,
  Tanh,
} from './layers.js';
export { Module, Parameter } from './module.js';
