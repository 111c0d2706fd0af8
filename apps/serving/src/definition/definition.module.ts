import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import { KeptHistory } from '#libs/history';

import { ChangeModule } from '../change/change.module.js';
import { LeaseModule } from '../lease/lease.module.js';
import { RegionBuilder } from '../region/region.builder.js';
import { RegionController } from '../region/region.controller.js';
import { RegionPreview } from '../region/region.preview.js';
import { RegionRepository } from '../region/region.repository.js';
import { RegionRule } from '../region/region.rule.js';
import { RegionService } from '../region/region.service.js';
import { ScoringModule } from '../scoring/scoring.module.js';
import { ARTIFACTS } from '../store.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { DefinitionController } from './definition.controller.js';
import { DefinitionReader } from './definition.reader.js';
import { DefinitionRepository } from './definition.repository.js';
import { DefinitionService } from './definition.service.js';
import { DefinitionStep } from './definition.step.js';

/** Segments that people define: by rules, as lists, and by example. One reader keeps them. */
@Module({
  imports: [ChangeModule, LeaseModule, ScoringModule, WorkspaceModule],
  controllers: [DefinitionController, RegionController],
  providers: [
    // Rules look at the same customers event after event.
    { provide: KeptHistory, inject: [ARTIFACTS], useFactory: (artifacts: ArtifactStore) => new KeptHistory(artifacts) },
    DefinitionReader, DefinitionRepository, DefinitionService, DefinitionStep, RegionBuilder, RegionPreview, RegionRepository, RegionRule, RegionService,
  ],
})
export class DefinitionModule {}
