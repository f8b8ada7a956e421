import { SingleBar } from 'cli-progress';

export interface Progress {
  /** So many of the total are done; `text` says what else is worth knowing, as a loss. */
  update(done: number, text?: string): void;
  stop(): void;
}

/** What is done sooner needs no bar. */
const SILENT_MS = 1000;
const PARTS = 10;

/** Hours, minutes and seconds, as in 1:02:03 or 0:07. */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Progress on `stream`: a bar on a terminal, elsewhere a line for every tenth; nothing within the first second. */
export function startProgress(
  label: string,
  total: number,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  const start = performance.now();
  const left = (done: number) =>
    clock(((performance.now() - start) / 1000) * (total / Math.max(done, 1) - 1));
  const show = stream.isTTY ? bar(label, total, stream) : lines(label, total, stream);
  return {
    update(done, text = '') {
      if (performance.now() - start >= SILENT_MS) show.update(done, { text, left: left(done) });
    },
    stop: () => show.stop(),
  };
}

interface Shown {
  readonly text: string;
  readonly left: string;
}

interface Display {
  update(done: number, shown: Shown): void;
  stop(): void;
}

function bar(label: string, total: number, stream: NodeJS.WriteStream): Display {
  const single = new SingleBar({
    format: `${label} {bar} {percentage} %  {text}  {left} left`,
    stream,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
    barCompleteChar: '=',
    barIncompleteChar: '-',
  });
  let started = false;
  return {
    update(done, shown) {
      if (!started) single.start(total, 0, shown);
      started = true;
      single.update(done, shown);
    },
    stop: () => started && single.stop(),
  };
}

function lines(label: string, total: number, stream: NodeJS.WriteStream): Display {
  let shownParts = 0;
  return {
    update(done, { text, left }) {
      const part = Math.floor((PARTS * done) / total);
      if (part <= shownParts) return;
      shownParts = part;
      stream.write(`${label} ${Math.round((100 * done) / total)} %  ${text}  ${left} left\n`);
    },
    stop() {},
  };
}
