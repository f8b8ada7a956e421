/** What a file of straight functions says, four abreast: `fAbreast(from, to)` for each `f(x)`. */
export function abreastOf(source: string): string;
export function buildAbreast(): Promise<void>;
