/** Softmax cross-entropy of rows of logits: mean loss, and its gradient. Only columns with `used` take part.
 *  @param logits [rows, columns] */
export function crossEntropy(
  logits: Float64Array,
  columns: number,
  labels: readonly number[],
  used: readonly boolean[],
): { readonly loss: number; readonly gradient: Float64Array } {
  const gradient = new Float64Array(logits.length);
  let loss = 0;
  labels.forEach((label, row) => {
    const at = row * columns;
    let largest = -Infinity;
    for (let k = 0; k < columns; k++) if (used[k]) largest = Math.max(largest, logits[at + k]);
    let sum = 0;
    for (let k = 0; k < columns; k++) if (used[k]) sum += Math.exp(logits[at + k] - largest);
    loss += (Math.log(sum) + largest - logits[at + label]) / labels.length;
    for (let k = 0; k < columns; k++) {
      if (!used[k]) continue;
      gradient[at + k] = (Math.exp(logits[at + k] - largest) / sum - (k === label ? 1 : 0)) / labels.length;
    }
  });
  return { loss, gradient };
}
