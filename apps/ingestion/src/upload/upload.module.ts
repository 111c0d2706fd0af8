import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import type { Database } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';
import { ARTIFACTS, DATABASE } from '../store.module.js';
import { WorkspaceSettings } from '../workspace/workspace.settings.js';
import { UploadRepository } from './upload.repository.js';
import { UploadTidy } from './upload.tidy.js';
import { Uploads } from './uploads.js';

@Module({
  providers: [
    { provide: UploadRepository, inject: [DATABASE], useFactory: (database: Database) => new UploadRepository(database) },
    { provide: Uploads, inject: [UploadRepository, ARTIFACTS], useFactory: (repository: UploadRepository, artifacts: ArtifactStore) => new Uploads(repository, artifacts) },
    {
      provide: UploadTidy,
      inject: [Uploads, WorkspaceSettings, SERVICE],
      useFactory: (uploads: Uploads, workspaces: WorkspaceSettings, { config, log }: ServiceContext<IngestionConfig>) =>
        new UploadTidy(uploads, workspaces, { everySeconds: config.UPLOAD_TIDY_SECONDS, keepDays: config.UPLOAD_KEEP_DAYS }, log),
    },
  ],
  exports: [UploadRepository, Uploads],
})
export class UploadModule {}
