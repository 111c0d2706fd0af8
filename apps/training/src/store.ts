// What training's stores are asked for by. Apart from the module that opens them: repositories name them, and never import a module.
export const DATABASE = Symbol('DATABASE');
export const ARTIFACTS = Symbol('ARTIFACTS');
