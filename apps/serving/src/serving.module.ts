import { Module } from '@nestjs/common';

import { ActivationModule } from './activation/activation.module.js';
<<<<<<< HEAD
import { ForesightModule } from './foresight/foresight.module.js';
=======
import { ExplanationModule } from './explanation/explanation.module.js';
>>>>>>> main
import { ForgettingModule } from './forgetting/forgetting.module.js';
import { MembershipModule } from './membership/membership.module.js';
import { ScoringModule } from './scoring/scoring.module.js';
import { SegmentModule } from './segment/segment.module.js';
import { StoreModule } from './store.module.js';
import { WebhookModule } from './webhook/webhook.module.js';

<<<<<<< HEAD
@Module({ imports: [StoreModule, ScoringModule, MembershipModule, SegmentModule, ActivationModule, ForesightModule, ForgettingModule, WebhookModule] })
=======
@Module({ imports: [StoreModule, ScoringModule, MembershipModule, SegmentModule, ActivationModule, ExplanationModule, ForgettingModule, WebhookModule] })
>>>>>>> main
export class ServingModule {}
