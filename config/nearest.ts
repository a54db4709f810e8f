// "Did you mean …": the known word closest to a mistyped one.

/** The candidate a typist most likely meant; none if all are far away. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    const shared = sharedParts(word, candidate);
    const steps = distance(word.slice(shared).toLowerCase(), candidate.slice(shared).toLowerCase());
    const limit = Math.max(1, Math.floor((word.length - shared) * 0.4));
    if (steps <= limit && steps < least) [best, least] = [candidate, steps];
  }
  if (best !== undefined || word.length < 3) return best;
  return candidates.find((candidate) => candidate.startsWith(word) || candidate.endsWith(`.${word}`));
}

/** Length of the parts, each with its dot, that two keys begin with: what follows must be alike by itself. */
function sharedParts(a: string, b: string): number {
  let end = 0;
  for (let at = 0; at < a.length && a[at] === b[at]; at++) if (a[at] === ".") end = at + 1;
  return end;
}

/** Letters to insert, delete, replace or swap to make one word of the other (Damerau, restricted). */
export function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const at = (up: number, left: number) => rows[i - up]?.[j - left] ?? 0;
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(at(1, 0) + 1, (row[j - 1] ?? 0) + 1, at(1, 1) + same);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) cost = Math.min(cost, at(2, 2) + 1);
      row[j] = cost;
    }
    rows[i] = row;
  }
  return rows[a.length]?.[b.length] ?? 0;
}
