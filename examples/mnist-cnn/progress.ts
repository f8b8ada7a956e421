import { SingleBar } from 'cli-progress';

export interface Progress {
  /** After a batch: so many images of this epoch are done, and the batch's loss. */
  update(images: number, loss: number): void;
  /** Ends the epoch's bar or lines. */
  stop(): void;
}

const PARTS = 10;

/** Hours, minutes and seconds, as in 1:02:03 or 0:07. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * Shows one epoch of `total` images on `stream`: a bar on a terminal, elsewhere a line for every tenth.
 * @param epoch from 1
 */
export function startEpoch(
  epoch: number,
  epochs: number,
  total: number,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  const start = performance.now();
  const payload = (images: number, loss: number) => {
    const seconds = (performance.now() - start) / 1000;
    const rate = images / Math.max(seconds, 1e-3);
    return {
      loss: loss.toFixed(4),
      rate: `${Math.round(rate)}`,
      left: rate > 0 ? clock((total - images) / rate) : '-',
    };
  };
  return stream.isTTY
    ? bar(`epoch ${epoch}/${epochs}`, total, payload, stream)
    : lines(`epoch ${epoch}/${epochs}`, total, payload, stream);
}

type Payload = (images: number, loss: number) => { loss: string; rate: string; left: string };

function bar(name: string, total: number, payload: Payload, stream: NodeJS.WriteStream): Progress {
  const format = `${name} {bar} {percentage} %  loss {loss}  {rate} images/s  {left} left`;
  const single = new SingleBar({
    format,
    stream,
    hideCursor: true,
    barsize: 24,
    barCompleteChar: '=',
    barIncompleteChar: '-',
  });
  single.start(total, 0, { loss: '-', rate: '-', left: '-' });
  return {
    update: (images, loss) => single.update(images, payload(images, loss)),
    stop: () => single.stop(),
  };
}

function lines(name: string, total: number, payload: Payload, stream: NodeJS.WriteStream): Progress {
  let shown = 0;
  return {
    update(images, loss) {
      const part = Math.floor((PARTS * images) / total);
      if (part <= shown) return;
      shown = part;
      const { rate, left, loss: text } = payload(images, loss);
      stream.write(
        `${name} ${Math.round((100 * images) / total)} %  loss ${text}  ${rate} images/s  ${left} left\n`,
      );
    },
    stop() {},
  };
}
