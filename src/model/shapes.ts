import type { LayerSpec, NetworkSpec, Shape3 } from "./types.js";

const convOut = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** Output shape [C, H, W] of a layer on an input of shape `input`; dense gives [outputs, 1, 1]. */
export function outputShape(layer: LayerSpec, input: Shape3): Shape3 {
  const [channels, height, width] = input;
  switch (layer.kind) {
    case "conv":
      return [
        layer.outChannels,
        convOut(height, layer.kernel[0], layer.stride[0], layer.padding[0]),
        convOut(width, layer.kernel[1], layer.stride[1], layer.padding[1]),
      ];
    case "pool":
      return [channels, Math.floor(height / 2), Math.floor(width / 2)];
    case "dense":
      return [layer.outputs, 1, 1];
  }
}

/** [layer + 1] shapes: the input's, then each layer's output. */
export function networkShapes(spec: NetworkSpec): readonly Shape3[] {
  const shapes: Shape3[] = [[spec.input.polarities, spec.input.height, spec.input.width]];
  for (const layer of spec.layers) shapes.push(outputShape(layer, shapes[shapes.length - 1]));
  return shapes;
}

/** C·H·W */
export const sizeOf = (shape: Shape3): number => shape[0] * shape[1] * shape[2];

/** Names and lengths of all parameter tensors, in the one order used everywhere. */
export function parameterShapes(spec: NetworkSpec): readonly { readonly name: string; readonly shape: readonly number[] }[] {
  const shapes = networkShapes(spec);
  const out: { name: string; shape: readonly number[] }[] = [];
  spec.layers.forEach((layer, index) => {
    if (layer.kind === "conv") {
      out.push(
        { name: `${layer.name}.weight`, shape: [layer.outChannels, shapes[index][0] / layer.groups, ...layer.kernel] },
        { name: `${layer.name}.bias`, shape: [layer.outChannels] },
      );
    } else if (layer.kind === "dense") {
      out.push(
        { name: `${layer.name}.weight`, shape: [layer.outputs, sizeOf(shapes[index])] },
        { name: `${layer.name}.bias`, shape: [layer.outputs] },
      );
    }
  });
  if (spec.soel) for (const name of ["hi", "lo", "theta", "rho"]) out.push({ name, shape: [1] });
  return out;
}

/** E0 = 2^k steps: the learning epoch. 1 where nothing is plastic. */
export const epochSteps = (spec: NetworkSpec): number => (spec.soel ? 2 ** spec.soel.epochExp : 1);

/** S: steps of a presentation, T frames and a drain (design §6). */
export function presentationSteps(spec: NetworkSpec): number {
  const epoch = epochSteps(spec);
  return Math.ceil((spec.steps + spec.layers.length + 1) / epoch) * epoch;
}
