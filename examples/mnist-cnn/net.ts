import { nn } from 'weft';

/** Two convolutions and two dense layers: [n, 1, 28, 28] -> [n, 10]; 80,202 parameters. */
export const lenet = (): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(1, 16, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(16, 32, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(512, 128),
    new nn.ReLU(),
    new nn.Linear(128, 10),
  );
