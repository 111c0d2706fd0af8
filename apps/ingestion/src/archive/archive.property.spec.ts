import { holdsWithArtifactsIn } from '../testing/archive.story.js';

holdsWithArtifactsIn(() => Promise.resolve({ url: undefined, close: () => Promise.resolve() }));
