import { address, serviceShape, z } from '#libs/config';

export const gatewayShape = {
  ...serviceShape,
  GRPC_PORT: z.coerce.number().int().default(0).describe('not used: nothing calls the gateway'),
  ACCESS_ADDRESS: address(),
  INGESTION_ADDRESS: address(),
  TRAINING_ADDRESS: address(),
  SERVING_ADDRESS: address(),
  ARTIFACT_URL: z.string().describe('artefact store, file:///… or s3://bucket/prefix: uploads, exports'),
  UPLOAD_MAX_BYTES: z.coerce.number().int().positive().default(8 * 1024 ** 3).describe('largest file that is taken'),
  SCHEMA_DIR: z.string().default('apps/gateway/schema').describe('folder of the SDL'),
  ADMIN_DIR: z.string().default('apps/admin/dist').describe('folder of the built admin page'),
};

export type GatewayConfig = Readonly<z.infer<z.ZodObject<typeof gatewayShape>>>;
