import { z } from '#libs/config';

const port = z.object({ name: z.string(), type: z.enum(['float32', 'int64']), shape: z.array(z.union([z.number().int().nonnegative(), z.string()])) });
export const graph = z.object({ inputs: z.array(port), outputs: z.array(port) });
const field = z.tuple([z.string(), z.string()], z.array(z.number().int().nonnegative()));

/** How a packed state is laid out. */
export const stateForm = z.object({
  record: z.object({
    bytes: z.number().int().positive(),
    /** Hex; what every state of this model begins with. */
    head: z.string(),
    fields: z.array(field),
  }),
});

/** A bundle's live.json: what goes in and out of its two graphs, and how a packed state is laid out. */
export const liveManifest = z.object({
  format: z.literal('kindred.live/1'),
  encoder: z.string(),
  state: stateForm,
  graphs: z.object({ 'step.onnx': graph, 'read.onnx': graph }),
  mainEvents: z.array(z.tuple([z.string(), z.number()])),
});

export type LiveManifest = z.infer<typeof liveManifest>;
export type Port = z.infer<typeof port>;
