/** Mean, sample standard deviation, and half width of the 95 % interval of the mean (normal). */
export function summary(values: readonly number[]): { readonly mean: number; readonly std: number; readonly ci95: number } {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / Math.max(1, n);
  const std = n < 2 ? 0 : Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / (n - 1));
  return { mean, std, ci95: (1.96 * std) / Math.sqrt(Math.max(1, n)) };
}
