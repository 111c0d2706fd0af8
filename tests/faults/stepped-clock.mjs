// Preloaded into a service: SIGUSR2 steps its wall clock by an hour, forwards and back in turns. Where no clock of a
// machine can be set, this is the same for what a process can see: Date jumps, monotonic time goes on.
const HOUR_MS = 3_600_000;
const RealDate = Date;
let offset = 0;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [RealDate.now() + offset] : given));
  }
  static now() {
    return RealDate.now() + offset;
  }
};

process.on('SIGUSR2', () => {
  offset = offset === 0 ? HOUR_MS : 0;
});
