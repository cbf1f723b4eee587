// Use what the browser keeps for this site; some keep nothing, and say so by an error.
export function stored(use) {
  try {
    return use(localStorage);
  } catch {
    return null;
  }
}
