import { startS3Server } from '#libs/embedded';

import { holdsWithArtifactsIn } from '../testing/archive.story.js';

holdsWithArtifactsIn(startS3Server);
