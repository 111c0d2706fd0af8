import cliProgress from 'cli-progress';

/** Tells how far a history has been sent; its total is an estimate until the end. */
export interface Progress {
  update(done: number): void;
  end(): void;
}

export interface ProgressLine {
  step: 'simulate';
  done: number;
  total: number;
  /** Events a second. */
  rate: number;
  secondsLeft: number | null;
}

export type ProgressForm = 'text' | 'json' | 'none';

const EVERY = 500;

/** A bar on stderr, or JSON lines there for whoever runs the simulator. */
export function progressOf(form: ProgressForm, total: number): Progress {
  if (form === 'none') return { update: () => undefined, end: () => undefined };
  return form === 'json' ? jsonLines(total) : bar(total);
}

function jsonLines(total: number): Progress {
  const begun = performance.now();
  let last = 0;
  let reached = 0;
  const write = (whole: number): void => {
    last = performance.now();
    const rate = reached / Math.max((last - begun) / 1000, 1e-3);
    const line: ProgressLine = {
      step: 'simulate',
      done: reached,
      total: whole,
      rate: Math.round(rate),
      secondsLeft: rate > 0 ? Math.round((whole - reached) / rate) : null,
    };
    process.stderr.write(`${JSON.stringify(line)}\n`);
  };
  return {
    update: (done) => {
      reached = done;
      if (performance.now() - last >= EVERY) write(Math.max(total, done));
    },
    end: () => write(reached),
  };
}

function bar(total: number): Progress {
  const format = 'simulated shop {bar} {value}/{total} events, {rate}/s, {eta_formatted} left';
  const line = new cliProgress.SingleBar({ format, stream: process.stderr, etaBuffer: 200 }, cliProgress.Presets.shades_classic);
  const begun = performance.now();
  let reached = 0;
  line.start(total, 0, { rate: 0 });
  return {
    update: (done) => {
      reached = done;
      line.setTotal(Math.max(total, done));
      line.update(done, { rate: Math.round(done / ((performance.now() - begun) / 1000)) });
    },
    end: () => {
      line.setTotal(reached);
      line.stop();
    },
  };
}
