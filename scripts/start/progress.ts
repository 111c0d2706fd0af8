import { format } from 'node:util';

import cliProgress from 'cli-progress';
import { asyncScheduler, distinctUntilChanged, Subject, throttleTime } from 'rxjs';

interface Standing {
  /** 0..1 */
  fraction: number;
  what: string;
  rate?: number | null;
  unit?: string | null;
  remainingSeconds?: number | null;
}

/** A terminal, or a file or pipe that lines go to. */
type Out = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** How one step is told. */
interface Telling {
  show: (fraction: number, detail: string) => void;
  end: (detail: string) => void;
}

/** Lines are this far apart at least. */
const QUIET_MS = 5_000;
const TITLE_WIDTH = 28;

/** Progress of the steps on stderr: a bar that moves in a terminal; elsewhere a line every few seconds while there is something new to say. */
export class Progress {
  private readonly out: Out;
  private step: (Telling & { readonly began: number }) | undefined;

  constructor(out: Out = process.stderr) {
    this.out = out;
  }

  begin(title: string): void {
    this.end();
    this.step = { began: Date.now(), ...(this.out.isTTY ? bar(this.out, title) : lines(this.out, title)) };
  }

  set({ fraction, what, rate, unit, remainingSeconds }: Standing): void {
    const pace = rate ? ` · ${Math.round(rate).toLocaleString('en')} ${unit ?? ''}/s` : '';
    const left = remainingSeconds ? ` · ${duration(remainingSeconds)} left` : '';
    this.step?.show(fraction, `${what}${pace}${left}`);
  }

  end(summary = ''): void {
    if (!this.step) return;
    this.step.end(`${summary} in ${duration((Date.now() - this.step.began) / 1000)}`);
    this.step = undefined;
  }
}

function bar(stream: Out, title: string): Telling {
  const drawn = new cliProgress.SingleBar({ stream, format: '  {title} {bar} {percentage}%  {detail}', barsize: 24, hideCursor: true }, cliProgress.Presets.rect);
  const named = title.padEnd(TITLE_WIDTH);
  drawn.start(1, 0, { title: named, detail: '' });
  const show = (fraction: number, detail: string): void => drawn.update(fraction, { title: named, detail });
  return {
    show,
    end: (detail) => {
      show(1, detail);
      drawn.stop();
    },
  };
}

function lines(out: Out, title: string): Telling {
  const standings = new Subject<string>();
  const written = standings.pipe(throttleTime(QUIET_MS, asyncScheduler, { leading: true, trailing: true }), distinctUntilChanged()).subscribe((line) => out.write(line));
  const lineOf = (fraction: number, detail: string): string => `  ${title.padEnd(TITLE_WIDTH)} ${String(Math.floor(fraction * 100)).padStart(3)}%  ${detail}\n`;
  return {
    show: (fraction, detail) => standings.next(lineOf(fraction, detail)),
    end: (detail) => {
      written.unsubscribe();
      out.write(lineOf(1, detail));
    },
  };
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  return format('%d min %d s', Math.floor(seconds / 60), Math.round(seconds % 60));
}
