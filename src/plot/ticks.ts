/** A number as a tick's text: `step` is the distance of ticks, which says how many decimals tell them apart. */
export function formatTick(value: number, step: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (step >= 1e7 || (size < 1e-4 && step < 1e-4)) return exponent(value, step);
  // Steps are 1, 2, 2.5 or 5 times a power of ten.
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const more = Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6 ? 1 : 0;
  return minus(grouped(value.toFixed(Math.min(20, decimals + more))));
}

const minus = (text: string) => text.replace('-', '−');

const grouped = (text: string) => {
  const [whole, part] = text.split('.');
  const digits = whole!.replace('-', '');
  const spaced = digits.length > 4 ? whole!.replace(/\B(?=(\d{3})+$)/g, ',') : whole!;
  return part === undefined ? spaced : `${spaced}.${part}`;
};

function exponent(value: number, step: number): string {
  const digits = Math.max(0, Math.floor(Math.log10(Math.abs(value))) - Math.floor(Math.log10(step) + 1e-9));
  const [mantissa, power] = value.toExponential(Math.min(6, digits)).split('e');
  return minus(`${mantissa}e${Number(power)}`);
}

/** A number in at most `digits` significant digits, as captions and colour bars show it. */
export function formatNumber(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) {
    const [mantissa, power] = value.toExponential(digits - 1).split('e');
    return minus(`${Number(mantissa)}e${Number(power)}`);
  }
  return minus(grouped(String(Number(value.toPrecision(Math.max(digits, Math.ceil(Math.log10(size))))))));
}

/** Numbers that stand side by side, all with as many decimals as the one that needs most for three digits. */
export function formatAlike(values: ArrayLike<number>): (value: number) => string {
  const texts = Array.from(values)
    .filter(Number.isFinite)
    .map((value) => formatNumber(value));
  if (texts.some((one) => one.includes('e'))) return (value) => formatNumber(value);
  const decimals = Math.min(3, Math.max(0, ...texts.map((one) => one.split('.')[1]?.length ?? 0)));
  return (value) => (Number.isFinite(value) ? minus(grouped(value.toFixed(decimals))) : String(value));
}

/** 1, 2 or 5 times a power of ten (2.5 too), so that `span` holds about `count` of it. */
export function niceStep(span: number, count: number, whole = false): number {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((one) => one >= raw * (1 - 1e-9))!;
  return whole ? Math.max(1, Math.ceil(step)) : step;
}

/** Multiples of `step` within [low, high], both ends with a grain of tolerance. */
export function multiples(low: number, high: number, step: number): number[] {
  const first = Math.ceil(low / step - 1e-6);
  const last = Math.floor(high / step + 1e-6);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** Ticks of a logarithmic axis: powers of ten, with 2 and 5 between them where the axis is short. */
export function logTicks(low: number, high: number, most: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low) + 1e-9), Math.ceil(Math.log10(high) - 1e-9)];
  const every = Math.max(1, Math.ceil((last - first) / Math.max(1, most)));
  const between = Math.log10(high / low) < 1.5 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = first; power <= last; power += every)
    for (const m of between) ticks.push(Number(`${m}e${power}`));
  return ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
}

/** 0.001 to 1,000 in full, other powers as 1e−5. */
export function formatLog(value: number): string {
  const power = Math.floor(Math.log10(value) + 1e-9);
  if (power >= -3 && power <= 4) return grouped(String(Number(value.toPrecision(6))));
  return minus(`${Math.round(value / 10 ** power)}e${power}`);
}
