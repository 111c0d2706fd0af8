import { TestEnvironment } from 'jest-environment-node';

/** Jest's own for Node, with the typed arrays that native modules make and check for: a sandbox has others by the same names. */
export default class NativeArraysEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    Object.assign(this.global, { Float32Array, BigInt64Array });
  }
}
