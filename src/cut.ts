/**
 * The cheapest way to part a network in two: `add` says what it costs when `from` is on the source's side and `to` on the
 * sink's. By Dinic's algorithm (1970): shortest augmenting paths, level by level; the largest flow is the least cut (Ford
 * and Fulkerson, 1956).
 */
export class Network {
  readonly source = 0;
  readonly sink = 1;
  #vertices = 2;
  /** Edge e and its reverse e ^ 1: where it ends, and what still fits through. */
  readonly #ends: number[] = [];
  readonly #room: number[] = [];
  readonly #edges: number[][] = [[], []];

  vertex(): number {
    this.#edges.push([]);
    return this.#vertices++;
  }

  /** @param capacity a whole number, or Infinity for two that must not be parted so. */
  add(from: number, to: number, capacity: number): void {
    if (from === to || capacity === 0) return;
    this.#edges[from]!.push(this.#ends.length);
    this.#edges[to]!.push(this.#ends.length + 1);
    this.#ends.push(to, from);
    this.#room.push(capacity, 0);
  }

  /** Whether each vertex is on the source's side of a cheapest cut: the one with the fewest there. */
  cut(): boolean[] {
    for (;;) {
      const levels = this.#levels();
      if (levels[this.sink] === -1) return levels.map((level) => level >= 0);
      const next = new Array<number>(this.#vertices).fill(0);
      while (this.#augment(levels, next));
    }
  }

  /** Each vertex's distance from the source over edges with room; -1 where there is no way. */
  #levels(): number[] {
    const levels = new Array<number>(this.#vertices).fill(-1);
    levels[this.source] = 0;
    const queue = [this.source];
    for (const at of queue) {
      for (const edge of this.#edges[at]!) {
        const to = this.#ends[edge]!;
        if (this.#room[edge]! === 0 || levels[to] !== -1) continue;
        levels[to] = levels[at]! + 1;
        queue.push(to);
      }
    }
    return levels;
  }

  /** Sends what fits along one way from level to level; false where none is left. `next` are edges not yet in vain. */
  #augment(levels: readonly number[], next: number[]): boolean {
    const path: number[] = [];
    let at = this.source;
    while (at !== this.sink) {
      const edge = this.#edges[at]![next[at]!];
      if (edge === undefined) {
        const back = path.pop();
        if (back === undefined) return false;
        at = this.#ends[back ^ 1]!;
        next[at]!++;
      } else if (this.#room[edge]! > 0 && levels[this.#ends[edge]!] === levels[at]! + 1) {
        path.push(edge);
        at = this.#ends[edge]!;
      } else next[at]!++;
    }
    const most = Math.min(...path.map((edge) => this.#room[edge]!));
    if (most === Number.POSITIVE_INFINITY) return this.#unbounded();
    for (const edge of path) {
      this.#room[edge]! -= most;
      this.#room[edge ^ 1]! += most;
    }
    return true;
  }

  #unbounded(): never {
    throw new RangeError('a cut would have to part what must not be parted');
  }
}
