import type { CodegenConfig } from '@graphql-codegen/cli';

// Every operation of the page, typed from what the gateway promises. Paths are relative to the repository's root.
const config: CodegenConfig = {
  schema: 'apps/gateway/schema/*.graphql',
  documents: 'apps/admin/operations/*.graphql',
  generates: {
    'apps/admin/src/gen/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: { DateTime: 'string', EventText: 'unknown', EventTime: 'unknown', JSON: 'unknown', SafeInt: 'number' },
        defaultScalarType: 'unknown',
      },
    },
  },
};

export default config;
